//! Digits in a stream that is passed through: event packets in place of packets of one source towards one sink (codecs.md §18.5).

use rtpengine_common::codec::dtmf::{Digit, EventPayload, Fate, Output, Placed};

use super::super::ingress::RtpFields;
use super::super::plane::Plane;
use super::watching::DtmfNotice;
use crate::call::ids::{EdgeId, StreamId};

/// Sources of a stream whose numbers can be shifted; the oldest one goes first.
const MAX_SOURCES: usize = 16;

/// What is to be sent in the name of a stream's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injection {
    /// The stream whose packets are replaced.
    pub stream: StreamId,
    /// The link along which it is sent.
    pub edge: EdgeId,
    /// The source.
    pub ssrc: u32,
    /// The sink's payload type of events.
    pub payload_type: u8,
    /// Clock of audio and events in Hz.
    pub clock: u32,
    /// Units of one audio packet.
    pub frame: u32,
    /// What is sent.
    pub digit: Digit,
}

/// Why a digit is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectError {
    /// There is no such stream.
    NoStream,
    /// Too many digits wait already.
    Full,
}

/// One source of a stream towards one sink.
#[derive(Debug)]
struct Running {
    edge: EdgeId,
    ssrc: u32,
    payload_type: u8,
    clock: u32,
    output: Output,
}

/// The sources of a stream into which digits were put. They stay: their sequence numbers are shifted from then on.
#[derive(Debug, Default)]
pub(in crate::flow) struct Injections(Vec<Running>);

/// What becomes of a packet towards one sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Step {
    /// Forwarded as it is.
    Untouched,
    /// Forwarded with its sequence number raised.
    Shifted(u16),
    /// Event packets of this payload type go out instead: so many, from this sequence number on.
    Replaced { payload_type: u8, placed: Placed, first: u16, copies: u8 },
    /// Not forwarded.
    Swallowed,
}

impl Injections {
    /// Another call's links are numbered behind the own ones.
    pub(in crate::flow) fn shift(&mut self, edges: u32) {
        self.0.iter_mut().for_each(|running| running.edge.0 += edges);
    }
}

impl Plane {
    /// Puts a digit behind those that wait for a stream that is passed through.
    ///
    /// # Errors
    /// There is no such stream, or too many digits wait.
    pub fn inject(&mut self, injection: &Injection) -> Result<(), InjectError> {
        let Injection { stream, edge, ssrc, payload_type, clock, frame, digit } = *injection;
        let stream = self.streams.get_mut(stream.index()).ok_or(InjectError::NoStream)?;
        let all = &mut stream.rare_mut().injections.get_or_insert_default().0;
        let at = all.iter().position(|running| (running.edge, running.ssrc) == (edge, ssrc));
        let at = at.unwrap_or_else(|| {
            if all.len() >= MAX_SOURCES {
                all.remove(0);
            }
            all.push(Running { edge, ssrc, payload_type, clock, output: Output::new(clock, frame) });
            all.len() - 1
        });
        let running = &mut all[at];
        running.payload_type = payload_type;
        if running.output.injector.push(digit.clamped()) { Ok(()) } else { Err(InjectError::Full) }
    }

    /// What becomes of a packet that would be passed through along a link.
    #[cold]
    pub(in crate::flow) fn inject_into(
        &mut self,
        stream: StreamId,
        edge: EdgeId,
        bytes: &[u8],
        header: &RtpFields,
        blocked: bool,
    ) -> Step {
        let Some(state) = self.streams.get_mut(stream.index()) else { return Step::Untouched };
        let types = state.spec.payload_types.clone();
        let all = state.rare.as_mut().and_then(|rare| rare.injections.as_mut());
        let running = all.and_then(|all| {
            all.0.iter_mut().find(|running| (running.edge, running.ssrc) == (edge, header.ssrc))
        });
        let Some(Running { payload_type, clock, output, .. }) = running else { return Step::Untouched };
        let (payload_type, clock) = (*payload_type, *clock);
        let known = |number| types.as_ref().and_then(|types| types.clock_rate(number));
        let is_event = types.as_ref().is_some_and(|types| types.is_event(header.payload_type));
        let payload = bytes.get(header.payload..).and_then(EventPayload::parse).filter(|_| is_event);
        // Only audio on the clock of the events has positions that events can take.
        let is_audio = !is_event && known(header.payload_type).is_none_or(|rate| rate == clock);
        let fate = match payload {
            _ if blocked => output.other(),
            Some(payload) => output.event(header.sequence_number, header.timestamp, payload),
            None if is_audio => output.audio(header.sequence_number, header.timestamp),
            None => output.other(),
        };
        let seen: Vec<_> = output.injector.take_seen().collect();
        for seen in seen {
            self.note_dtmf(DtmfNotice { stream, from: None, clock, seen, injected: true });
        }
        match fate {
            Fate::Pass(0) => Step::Untouched,
            Fate::Pass(offset) => Step::Shifted(offset),
            Fate::Replace(placed, first, copies) => Step::Replaced { payload_type, placed, first, copies },
            Fate::Swallow => Step::Swallowed,
        }
    }
}
