//! What two or more of the rtpengine programs share.

pub mod bencode;
pub mod codec;
pub mod config;
pub mod log;
mod names;
pub mod ng;
pub mod options;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod srtp;
pub mod stun;
pub mod t38;
