//! Looking at event packets as they arrive, whatever becomes of them afterwards: what is told and what triggers does not depend
//! on who receives them (codecs.md §18.6, §18.8).

use std::net::SocketAddr;

use rtpengine_common::codec::dtmf::{EventPayload, MAX_EVENT, Seen};

use super::super::ingress::RtpFields;
use super::super::plane::Plane;
use crate::call::ids::StreamId;

/// Notices kept until the call asks for them, which it does after each packet.
const MAX_NOTICES: usize = 64;

/// The beginning or end of a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtmfNotice {
    /// The stream whose source pressed it, or seems to have.
    pub stream: StreamId,
    /// Where it came from; `None` for one that was found in audio, or made here.
    pub from: Option<SocketAddr>,
    /// Units of its moments and duration, in Hz.
    pub clock: u32,
    /// What was seen.
    pub seen: Seen,
    /// It was made by `play DTMF`.
    pub injected: bool,
}

impl Plane {
    /// Whether digits were seen since they were last taken.
    #[inline]
    #[must_use]
    pub fn has_dtmf(&self) -> bool {
        !self.dtmf.is_empty() || self.has_digits()
    }

    /// The digits seen since the last call, in order.
    pub fn take_dtmf(&mut self) -> Vec<DtmfNotice> {
        std::mem::take(&mut self.dtmf)
    }

    /// Notes a digit.
    pub fn note_dtmf(&mut self, notice: DtmfNotice) {
        if self.dtmf.len() < MAX_NOTICES {
            self.dtmf.push(notice);
        }
    }

    /// Looks at a packet of a telephone-event payload type.
    #[cold]
    pub(in crate::flow) fn watch_event(
        &mut self,
        (stream, from): (StreamId, SocketAddr),
        header: &RtpFields,
        bytes: &[u8],
        clock: u32,
        salt: u64,
    ) {
        let payload = bytes.get(header.payload..).and_then(EventPayload::parse);
        let Some(payload) = payload.filter(|payload| payload.event <= MAX_EVENT) else { return };
        let Some(state) = self.streams.get_mut(stream.index()) else { return };
        let (started, ended) = state.rare_mut().events.packet(header.ssrc, header.timestamp, payload);
        for seen in started.into_iter().chain(ended) {
            self.note_hidden(stream, seen, dice(salt, header.timestamp));
            self.note_dtmf(DtmfNotice { stream, from: Some(from), clock, seen, injected: false });
        }
    }
}

/// A digit that stands for another one: it must not follow from that one, and nobody gains by guessing it.
pub(super) fn dice(salt: u64, timestamp: u32) -> u8 {
    let mixed = (salt ^ u64::from(timestamp) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u8::try_from((mixed >> 40) % 10).unwrap_or(0)
}
