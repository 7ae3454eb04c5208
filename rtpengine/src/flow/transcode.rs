//! Transcoding on the packet path: which sink transcodes how, and the state machines that do it (codecs.md §§10.5, 10.6, 14).
//!
//! A sink that transcodes any payload type of its source has a [`Transcode`]; all RTP to it then goes through an [`RtpTranscoder`], one
//! for each link and source SSRC, which also renumbers what only passes. What comes out leaves at the time the transcoder says.

use std::fmt;
use std::time::{Duration, Instant};

use rtpengine_common::codec::engine::{CodecError, Feedback};
use rtpengine_common::codec::stream::{
    InPacket, Outgoing, Route, RtpTranscoder, SeenEvent, SilenceDetection,
};
use rtpengine_common::rtp::{RtpHeader, RtpPacket};
use smallvec::SmallVec;

use crate::call::ctx::Transmit;
use crate::call::ids::{EdgeId, StreamId};

use super::events::Notice;
use super::ingress::RtpFields;
use super::own::OwnPacket;
use super::packet::Packet;
use super::plane::{Plane, Turn};
use super::spec::SinkSpec;

/// Source SSRCs of one link that are transcoded at a time; the one heard longest ago makes room.
const MAX_SOURCES: usize = 8;
/// What is due within this time leaves at once (media-plane.md §18.3).
const SOON: Duration = Duration::from_millis(1);
/// Digits seen and not yet asked for; more are not kept.
const MAX_DIGITS: usize = 64;

/// How a sink transcodes. Equal ones let everything go on as it is.
#[derive(Clone, Debug)]
pub struct Transcode {
    /// What becomes of each payload type; others pass and are renumbered. Without any, everything passes and is renumbered.
    pub routes: Vec<Route>,
    /// Output frames of silence become comfort noise.
    pub silence: Option<SilenceDetection>,
    /// `--dtmf-no-suppress`: audio goes on while an event of the same source is received.
    pub no_suppress: bool,
}

impl PartialEq for Transcode {
    /// Unlike for running coders, packet times and bit rates count: streams that begin later have them.
    fn eq(&self, other: &Self) -> bool {
        let settings = |route: &Route| (route.input_ptime, route.output_ptime, route.output.bitrate);
        self.routes == other.routes
            && self.routes.iter().map(settings).eq(other.routes.iter().map(settings))
            && (&self.silence, self.no_suppress) == (&other.silence, other.no_suppress)
    }
}

impl Eq for Transcode {}

/// A DTMF event that went by on its way to a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenDigit {
    /// The stream it came in on.
    pub stream: StreamId,
    /// The link on which it was seen; each link of a stream sees it.
    pub edge: Option<EdgeId>,
    /// Its SSRC.
    pub ssrc: u32,
    /// What was seen.
    pub event: SeenEvent,
}

/// Why a payload was not transcoded, in a form that costs nothing to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecFault {
    /// There is no coder in that direction, or its parameters cannot be used.
    NoCoder(&'static str),
    /// The payload is none of its codec.
    Payload(&'static str),
    /// A library refused.
    Library(&'static str, i32),
}

impl From<&CodecError> for CodecFault {
    fn from(error: &CodecError) -> Self {
        match error {
            CodecError::NotSupported { direction, .. } => Self::NoCoder(direction),
            CodecError::Parameters { reason, .. } => Self::NoCoder(reason),
            CodecError::Payload(reason) => Self::Payload(reason),
            CodecError::Library { operation, code, .. } => Self::Library(operation, *code),
            CodecError::WrongFrame => Self::Payload("wrong kind of frame"),
        }
    }
}

impl fmt::Display for CodecFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCoder(what) => write!(f, "no coder: {what}"),
            Self::Payload(what) => write!(f, "not a valid payload: {what}"),
            Self::Library(operation, code) => write!(f, "{operation} failed with code {code}"),
        }
    }
}

/// The transcoder of one source SSRC towards one sink.
struct Coder {
    edge: Option<EdgeId>,
    to: StreamId,
    ssrc: u32,
    /// Zero of the times it is told.
    epoch: Instant,
    used: u64,
    transcoder: RtpTranscoder,
}

/// The transcoders of a stream's packets.
#[derive(Default)]
pub(super) struct Coders {
    list: Vec<Coder>,
    uses: u64,
    /// What leaves because of the packet at work.
    out: Outgoing,
}

impl fmt::Debug for Coders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|coder| (coder.edge, coder.ssrc))).finish()
    }
}

impl Coders {
    /// The transcoder of a source, made when it is new.
    fn touch(&mut self, sink: &SinkSpec, transcode: &Transcode, ssrc: u32, now: Instant) -> &mut Coder {
        self.uses += 1;
        let is_it = |coder: &Coder| (coder.edge, coder.to, coder.ssrc) == (sink.edge, sink.to, ssrc);
        let at = match self.list.iter().position(is_it) {
            Some(at) => at,
            None => self.open(sink, transcode, ssrc, now),
        };
        let coder = &mut self.list[at];
        coder.used = self.uses;
        coder
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
        let Transcode { routes, silence, no_suppress } = transcode;
        let transcoder = RtpTranscoder::new(routes.clone(), silence.clone(), *no_suppress);
        self.list.push(Coder { edge: sink.edge, to: sink.to, ssrc, epoch: now, used: 0, transcoder });
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
            coder.transcoder.set_routes(transcode.routes.clone());
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

impl Plane {
    /// Sends an RTP packet to a sink that transcodes, and to the mirrors of that sink. `fill` replaces the octets of its payload.
    pub(super) fn transcode<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, number): (StreamId, usize),
        packet: &Packet,
        header: &RtpFields,
        fill: Option<u8>,
    ) {
        let now = turn.now.instant;
        let stream = &mut self.streams[from.index()];
        let Some(sink) = stream.spec.rtp.get(number) else { return };
        let (Some(transcode), Ok(view)) = (&sink.transcode, RtpPacket::parse(packet.bytes())) else { return };
        let coders = stream.coders.get_or_insert_default();
        let mut out = std::mem::take(&mut coders.out);
        out.clear();
        let coder = coders.touch(sink, transcode, header.ssrc, now);
        let payload = view.media().unwrap_or_else(|| view.payload());
        let filled: Option<SmallVec<[u8; 320]>> = fill.map(|fill| SmallVec::from_elem(fill, payload.len()));
        let input = InPacket {
            payload_type: header.payload_type,
            marker: view.marker(),
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            payload: filled.as_deref().unwrap_or(payload),
        };
        let elapsed = now.saturating_duration_since(coder.epoch);
        if let Err(error) = coder.transcoder.push(elapsed, &input, &mut out) {
            let notice = Notice::Transcoding { payload_type: header.payload_type, fault: (&error).into() };
            turn.events.push(now, from, notice);
        }
        for event in coder.transcoder.seen_events() {
            if self.digits.len() < MAX_DIGITS {
                self.digits.push(SeenDigit { stream: from, edge: sink.edge, ssrc: header.ssrc, event });
            }
        }
        let epoch = coder.epoch;
        let feedback: SmallVec<[Feedback; 2]> =
            std::iter::from_fn(|| coder.transcoder.feedback(elapsed)).take(2).collect();
        let way = Way { from, edge: sink.edge, to: sink.to };
        let mirrors: SmallVec<[StreamId; 2]> = sink.mirrors.iter().map(|mirror| mirror.to).collect();
        self.feed_back(way, &feedback);
        self.send_transcoded(turn, way, &mirrors, header.ssrc, &view, epoch, &out);
        if let Some(coders) = &mut self.streams[from.index()].coders {
            coders.out = out;
        }
    }

    /// Tells the transcoders of the opposite direction what the decoders of this one found out.
    fn feed_back(&mut self, way: Way, feedback: &[Feedback]) {
        if feedback.is_empty() {
            return;
        }
        let Some(coders) = self.streams.get_mut(way.to.index()).and_then(|to| to.coders.as_mut()) else {
            return;
        };
        for coder in coders.list.iter_mut().filter(|coder| coder.to == way.from) {
            feedback.iter().for_each(|&feedback| coder.transcoder.take(feedback));
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn send_transcoded<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        way: Way,
        mirrors: &[StreamId],
        ssrc: u32,
        input: &RtpPacket<'_>,
        epoch: Instant,
        out: &Outgoing,
    ) {
        let now = turn.now.instant;
        for packet in out.packets() {
            let header = RtpHeader {
                marker: packet.marker,
                payload_type: packet.payload_type,
                sequence_number: packet.sequence_number,
                timestamp: packet.timestamp,
                ssrc,
            };
            let at = epoch + packet.send_at;
            if at <= now + SOON {
                self.send_media(turn, (Some(way.from), way.to), &header, input.extension(), packet.payload);
                for &mirror in mirrors {
                    self.send_media(
                        turn,
                        (Some(way.from), mirror),
                        &header,
                        input.extension(),
                        packet.payload,
                    );
                }
                continue;
            }
            let later = OwnPacket {
                from: Some(way.from),
                edge: way.edge,
                to: std::iter::once(way.to).chain(mirrors.iter().copied()).collect(),
                header,
                extension: input.extension().map(|extension| (extension.profile, extension.body.into())),
                payload: packet.payload.to_vec(),
            };
            self.send_media_at(turn, at, later);
        }
    }

    /// The transcoder of a source SSRC on a link, for whoever puts packets of his own into its output (injected digits). `None`: nothing
    /// of that source has come yet, or the link does not transcode.
    pub fn transcoder_mut(
        &mut self,
        stream: StreamId,
        edge: EdgeId,
        ssrc: u32,
    ) -> Option<&mut RtpTranscoder> {
        let coders = self.streams.get_mut(stream.index())?.coders.as_mut()?;
        let coder = coders.list.iter_mut().find(|coder| (coder.edge, coder.ssrc) == (Some(edge), ssrc))?;
        Some(&mut coder.transcoder)
    }

    /// Whether digits went by that [`Plane::take_digits`] has not given out: to be asked after each packet.
    #[must_use]
    #[inline]
    pub fn has_digits(&self) -> bool {
        !self.digits.is_empty()
    }

    /// The digits that were seen by transcoders since the last call, in order.
    pub fn take_digits(&mut self) -> Vec<SeenDigit> {
        std::mem::take(&mut self.digits)
    }
}

/// From where to where.
#[derive(Clone, Copy)]
struct Way {
    from: StreamId,
    edge: Option<EdgeId>,
    to: StreamId,
}
