//! The transcoders of a stream's packets: one for each sink and source SSRC, at work here or lent to a job.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtpengine_common::codec::dtmf::Digit;
use rtpengine_common::codec::engine::Feedback;
use rtpengine_common::codec::stream::{Outgoing, Passing, RtpTranscoder};
use smallvec::SmallVec;

use crate::call::ids::{EdgeId, StreamId};

use super::coding::{Elsewhere, Held, Home, Work};
use super::spec::SinkSpec;
use super::transcode::Transcode;

/// Source SSRCs of one link that are transcoded at a time; the one heard longest ago makes room.
const MAX_SOURCES: usize = 8;

/// The transcoder of one source SSRC towards one sink.
pub(super) struct Coder {
    pub(super) edge: Option<EdgeId>,
    pub(super) to: StreamId,
    pub(super) ssrc: u32,
    /// Zero of the times it is told.
    pub(super) epoch: Instant,
    pub(super) used: u64,
    /// Codes more than tables do.
    costly: bool,
    /// Some of its codecs take long to open.
    slow: bool,
    /// Payload numbers whose codecs were opened in a job, or refused to, bit by bit.
    prepared: u128,
    /// The moment at which it asked to be woken to fill gaps.
    pub(super) asked: Option<Duration>,
    pub(super) desk: Desk,
}

/// Where a transcoder is.
pub(super) enum Desk {
    Here(Box<RtpTranscoder>),
    Away(Box<Away>),
}

/// A transcoder is lent to a job.
pub(super) struct Away {
    pub(super) home: Arc<Home>,
    /// What came meanwhile.
    pub(super) packets: Vec<Held>,
    /// Routes and feedback it is to be told when it is back.
    pub(super) transcode: Arc<Transcode>,
    pub(super) respecified: bool,
    pub(super) feedback: SmallVec<[Feedback; 2]>,
    /// Digits to be sent.
    pub(super) digits: Vec<(Digit, Option<Passing>)>,
}

impl Coder {
    /// What is to be done in a job before a packet of a payload number can be worked on here, or in place of that.
    pub(super) fn work(&self, elsewhere: Elsewhere, payload_type: u8) -> Option<Work> {
        let Desk::Here(transcoder) = &self.desk else { return None };
        if elsewhere == Elsewhere::Coding && self.costly {
            return Some(Work::Code);
        }
        let opens = self.slow && elsewhere != Elsewhere::Nothing && self.prepared & bit(payload_type) == 0;
        (opens && transcoder.opens_slowly(payload_type)).then_some(Work::Open(payload_type))
    }

    /// The codecs of a payload number are opened once, whatever comes of it.
    pub(super) fn note_prepared(&mut self, payload_type: u8) {
        self.prepared |= bit(payload_type);
    }

    fn respecify(&mut self, transcode: &Arc<Transcode>) {
        (self.costly, self.slow, self.prepared) = (transcode.is_costly(), transcode.opens_slowly(), 0);
        match &mut self.desk {
            Desk::Here(transcoder) => transcode.apply(transcoder),
            Desk::Away(away) => {
                away.transcode = Arc::clone(transcode);
                away.respecified = true;
            }
        }
    }
}

fn bit(payload_type: u8) -> u128 {
    1 << (payload_type & 0x7f)
}

/// The transcoders of a stream's packets.
#[derive(Default)]
pub(super) struct Coders {
    pub(super) list: Vec<Coder>,
    uses: u64,
    /// What leaves because of the packet at work.
    pub(super) out: Outgoing,
}

impl fmt::Debug for Coders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|coder| (coder.edge, coder.ssrc))).finish()
    }
}

impl Coders {
    /// The place of the transcoder of a source, made when it is new.
    pub(super) fn touch(&mut self, sink: &SinkSpec, transcode: &Transcode, ssrc: u32, now: Instant) -> usize {
        self.uses += 1;
        let is_it = |coder: &Coder| (coder.edge, coder.to, coder.ssrc) == (sink.edge, sink.to, ssrc);
        let at = match self.list.iter().position(is_it) {
            Some(at) => at,
            None => self.open(sink, transcode, ssrc, now),
        };
        self.list[at].used = self.uses;
        at
    }

    #[cold]
    fn open(&mut self, sink: &SinkSpec, transcode: &Transcode, ssrc: u32, now: Instant) -> usize {
        let mut same = self.list.iter().enumerate().filter(|(_, coder)| coder.edge == sink.edge);
        let oldest = same.clone().min_by_key(|(_, coder)| coder.used).map(|(at, _)| at);
        if same.by_ref().count() >= MAX_SOURCES
            && let Some(oldest) = oldest
        {
            self.list.swap_remove(oldest);
        }
        // One source per link is the rule.
        self.list.reserve_exact(1);
        self.list.push(Coder {
            edge: sink.edge,
            to: sink.to,
            ssrc,
            epoch: now,
            used: 0,
            costly: transcode.is_costly(),
            slow: transcode.opens_slowly(),
            prepared: 0,
            asked: None,
            desk: Desk::Here(transcode.open()),
        });
        self.list.len() - 1
    }

    /// Another spec is in force: transcoders of links that are gone, or transcode no more, end; the others take their routes over.
    /// Returns the links that ended.
    pub(super) fn respecify(&mut self, sinks: &[SinkSpec]) -> SmallVec<[Option<EdgeId>; 2]> {
        let mut ended = SmallVec::new();
        self.list.retain_mut(|coder| {
            let sink = sinks.iter().find(|sink| (sink.edge, sink.to) == (coder.edge, coder.to));
            let Some(transcode) = sink.and_then(|sink| sink.transcode.as_ref()) else {
                ended.push(coder.edge);
                return false;
            };
            coder.respecify(transcode);
            true
        });
        ended
    }

    pub(super) fn shift(&mut self, streams: u32, edges: u32) {
        for coder in &mut self.list {
            coder.to.0 += streams;
            if let Some(edge) = &mut coder.edge {
                edge.0 += edges;
            }
        }
    }
}
