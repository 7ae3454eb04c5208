//! Harness for the end-to-end tests: the daemon as a process, phones with real sockets, calls that read like a
//! call flow, and the parts of the demo, load and comparison programs.
//!
//! A test enters a [`network::Network`], starts a [`daemon::Daemon`] in it, and lets the two [`phone::Phone`]s of a
//! [`call::Call`] talk:
//!
//! ```no_run
//! use rtpengine_tests::prelude::*;
//!
//! let daemon = Daemon::start();
//! let call = Call::new(&daemon);
//! let (mut a, mut b) = call.phones();
//! call.offer(&mut a, &mut b);
//! call.answer(&mut b, &mut a);
//! a.speaks_to(&mut b);
//! b.speaks_to(&mut a);
//! call.hangs_up(&a);
//! ```

pub mod bencode;
pub mod call;
pub mod checks;
pub mod daemon;
pub mod diff;
pub mod dtls;
pub mod load;
pub mod network;
pub mod ng;
pub mod phone;
pub mod program;
pub mod rtp;
pub mod sdp;
pub mod secure;
pub mod srtp;
pub mod sys;
pub mod wait;
pub mod web;

/// What nearly every test needs.
pub mod prelude {
    pub use crate::call::Call;
    pub use crate::daemon::{Daemon, DaemonBuilder};
    pub use crate::network::Network;
    pub use crate::ng::{Client, Reply, Request, Value, dict, list};
    pub use crate::phone::{Phone, PhoneBuilder};
    pub use crate::rtp::{Rtcp, Rtp};
    pub use crate::sdp::{Sdp, Section};
    pub use crate::wait::{QUIET, SOON, until};
}
