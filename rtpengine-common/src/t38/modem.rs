//! SpanDSP's fax gateway: T.38 messages on one side, fax tones at 8000 Hz on the other (`codecs.md` §19.5). A room of FFI.

use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use spandsp_sys::{
    T30_SUPPORT_IAF, T30_SUPPORT_V17, T30_SUPPORT_V27TER, T30_SUPPORT_V29, t38_core_rx_ifp_packet,
    t38_core_state_t, t38_gateway_free, t38_gateway_get_t38_core_state, t38_gateway_init, t38_gateway_rx,
    t38_gateway_rx_fillin, t38_gateway_set_ecm_capability, t38_gateway_set_fill_bit_removal,
    t38_gateway_set_supported_modems, t38_gateway_set_transmit_on_idle, t38_gateway_state_t, t38_gateway_tx,
    t38_set_data_rate_management_method, t38_set_fill_bit_removal, t38_set_jbig_transcoding,
    t38_set_max_datagram_size, t38_set_mmr_transcoding, t38_set_t38_version,
};

use super::ifp;
use crate::codec::engine::CodecError;

/// Samples per second on the audio side, one channel.
pub const RATE: u32 = 8000;

/// Most copies of a datagram.
const MAX_COPIES: u8 = 10;
/// Samples handed to the library at once.
const BLOCK: usize = 160;

/// How the gateway works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// T.38 version of the messages.
    pub version: u32,
    /// Training checks are made here instead of being transferred (`localTCF`).
    pub local_rate_management: bool,
    /// Octets of a message at most.
    pub max_ifp: u32,
    /// Fill bits may be left out.
    pub fill_bit_removal: bool,
    /// Transcoding to MMR is possible.
    pub transcoding_mmr: bool,
    /// Transcoding to JBIG is possible.
    pub transcoding_jbig: bool,
    /// Error correction mode may be used.
    pub ecm: bool,
    /// V.17 may be used.
    pub v17: bool,
    /// V.27ter may be used.
    pub v27ter: bool,
    /// V.29 may be used.
    pub v29: bool,
    /// Internet-aware fax may be used.
    pub iaf: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: 0,
            local_rate_management: false,
            max_ifp: 0x3fff,
            fill_bit_removal: false,
            transcoding_mmr: false,
            transcoding_jbig: false,
            ecm: true,
            v17: true,
            v27ter: true,
            v29: true,
            iaf: true,
        }
    }
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message.
    pub ifp: Box<[u8]>,
    /// How often its datagram goes out.
    pub copies: u8,
}

/// The gateway's modem.
pub struct Modem {
    state: NonNull<t38_gateway_state_t>,
    version: u32,
    /// Owned here, written by the callback; boxed by hand so that its address stays.
    sent: NonNull<Vec<Message>>,
    block: [i16; BLOCK],
}

// SAFETY: state and list have one owner; the callback runs inside the methods only.
unsafe impl Send for Modem {}

/// Called by the library with each message it sends.
unsafe extern "C" fn take_message(
    _: *mut t38_core_state_t,
    user_data: *mut c_void,
    octets: *const u8,
    length: c_int,
    count: c_int,
) -> c_int {
    let length = usize::try_from(length).unwrap_or(0);
    if octets.is_null() || length == 0 {
        return 0;
    }
    // SAFETY: the library hands `length` octets over for the time of the call.
    let ifp = unsafe { std::slice::from_raw_parts(octets, length) }.into();
    // SAFETY: the pointer is that of the modem's list, which lives as long as the modem and is not borrowed while the library runs.
    let sent = unsafe { &mut *user_data.cast::<Vec<Message>>() };
    let copies = u8::try_from(count.max(1)).unwrap_or(MAX_COPIES).min(MAX_COPIES);
    sent.push(Message { ifp, copies });
    0
}

impl Modem {
    /// A gateway between two sides that have said nothing yet.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn open(settings: &Settings) -> Result<Self, CodecError> {
        let sent = NonNull::from(Box::leak(Box::<Vec<Message>>::default()));
        // SAFETY: without a state given the library allocates one; the callback's pointer stays valid until the modem is dropped.
        let state = unsafe { t38_gateway_init(ptr::null_mut(), Some(take_message), sent.as_ptr().cast()) };
        let Some(state) = NonNull::new(state) else {
            // SAFETY: leaked above, and nobody else has it.
            drop(unsafe { Box::from_raw(sent.as_ptr()) });
            return Err(CodecError::Library { library: "spandsp", operation: "t38_gateway_init", code: 0 });
        };
        let modem = Self { state, version: settings.version, sent, block: [0; BLOCK] };
        modem.set(settings);
        Ok(modem)
    }

    fn set(&self, settings: &Settings) {
        let modems = [
            (settings.v17, T30_SUPPORT_V17),
            (settings.v27ter, T30_SUPPORT_V27TER),
            (settings.v29, T30_SUPPORT_V29),
            (settings.iaf, T30_SUPPORT_IAF),
        ];
        let modems = modems.iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit);
        let number = |n: u32| c_int::try_from(n).unwrap_or(c_int::MAX);
        let (state, core) = (self.state.as_ptr(), self.core());
        // SAFETY: both states are valid, and these functions only store the values.
        unsafe {
            t38_gateway_set_supported_modems(state, number(modems));
            t38_gateway_set_ecm_capability(state, settings.ecm);
            t38_gateway_set_transmit_on_idle(state, true);
            t38_gateway_set_fill_bit_removal(state, settings.fill_bit_removal);
            t38_set_t38_version(core, number(settings.version));
            t38_set_data_rate_management_method(core, if settings.local_rate_management { 1 } else { 2 });
            t38_set_fill_bit_removal(core, settings.fill_bit_removal);
            t38_set_mmr_transcoding(core, settings.transcoding_mmr);
            t38_set_jbig_transcoding(core, settings.transcoding_jbig);
            t38_set_max_datagram_size(core, number(settings.max_ifp));
        }
    }

    fn core(&self) -> *mut t38_core_state_t {
        // SAFETY: the state is valid; the core is a part of it.
        unsafe { t38_gateway_get_t38_core_state(self.state.as_ptr()) }
    }

    /// Takes a message of the T.38 side. What is none, and what lies behind it, is left out.
    pub fn receive(&mut self, message: &[u8], number: u16) -> bool {
        let Ok(length) = ifp::measure(message, self.version) else { return false };
        let length = c_int::try_from(length).unwrap_or(0);
        // SAFETY: the message has that many octets; the library copies what it keeps.
        unsafe { t38_core_rx_ifp_packet(self.core(), message.as_ptr(), length, number) == 0 }
    }

    /// Listens to the audio side.
    pub fn listen(&mut self, samples: &[i16]) {
        for chunk in samples.chunks(BLOCK) {
            // The library wants to write: it takes the mean off.
            let Some(block) = self.block.get_mut(..chunk.len()) else { return };
            block.copy_from_slice(chunk);
            let count = c_int::try_from(chunk.len()).unwrap_or(0);
            // SAFETY: the block has `count` samples; the callback may write the list meanwhile, nobody borrows it.
            unsafe { t38_gateway_rx(self.state.as_ptr(), block.as_mut_ptr(), count) };
        }
    }

    /// So many samples of the audio side are missing.
    pub fn fill_in(&mut self, samples: usize) {
        let count = c_int::try_from(samples).unwrap_or(c_int::MAX);
        // SAFETY: as above.
        unsafe { t38_gateway_rx_fillin(self.state.as_ptr(), count) };
    }

    /// Appends the next samples for the audio side; silence where there is nothing to say.
    pub fn speak(&mut self, samples: usize, out: &mut Vec<i16>) {
        let start = out.len();
        out.resize(start + samples, 0);
        let Some(place) = out.get_mut(start..) else { return };
        let count = c_int::try_from(samples).unwrap_or(0);
        // SAFETY: there is room for `count` samples.
        let made = unsafe { t38_gateway_tx(self.state.as_ptr(), place.as_mut_ptr(), count) };
        if let Some(rest) = place.get_mut(usize::try_from(made).unwrap_or(0)..) {
            rest.fill(0);
        }
    }

    /// The messages to send, in order.
    pub fn messages(&mut self) -> std::vec::Drain<'_, Message> {
        // SAFETY: the library is not running now.
        unsafe { self.sent.as_mut() }.drain(..)
    }
}

impl Drop for Modem {
    fn drop(&mut self) {
        // SAFETY: the state was made by the library and is freed once; the list was leaked from a box in `open` and is taken back once, after
        // the last use of the callback.
        unsafe {
            t38_gateway_free(self.state.as_ptr());
            drop(Box::from_raw(self.sent.as_ptr()));
        }
    }
}

impl std::fmt::Debug for Modem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Modem").field("version", &self.version).finish_non_exhaustive()
    }
}
