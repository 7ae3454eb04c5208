//! Stands for the listener in a build without a tone detector: there is none to be had.

use std::sync::Arc;

use crate::codec::definition::Codec;
use crate::codec::dtmf::Seen;
use crate::codec::engine::CodecError;

/// Listens to one source; this build cannot make one.
pub enum ToneListener {}

impl ToneListener {
    /// Nothing heard yet.
    ///
    /// # Errors
    /// Always: this build has no tone detector.
    pub fn open() -> Result<Self, CodecError> {
        Err(CodecError::NotSupported { codec: "DTMF tones".into(), direction: "decoder" })
    }

    /// Listens to a packet.
    ///
    /// # Errors
    /// None, since there is no listener.
    pub fn push(
        &mut self,
        _: u8,
        _: (&Arc<Codec>, u32),
        _: u32,
        _: &[u8],
        _: &mut Vec<Seen>,
    ) -> Result<(), CodecError> {
        match *self {}
    }
}
