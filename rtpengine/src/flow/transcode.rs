//! Transcoding on the packet path: which sink transcodes how, and the state machines that do it (codecs.md §§10.5, 10.6, 14).
//!
//! A sink that transcodes any payload type of its source has a [`Transcode`]; all RTP to it then goes through an [`RtpTranscoder`], one
//! for each link and source SSRC (`coders`), which also renumbers what only passes. What comes out leaves at the time the transcoder
//! says. Some of the work is left to other threads (`coding`).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtpengine_common::codec::Codec;
use rtpengine_common::codec::dtmf::{Digit, Mask, Seen};
use rtpengine_common::codec::engine::{CodecError, Feedback};
use rtpengine_common::codec::stream::{
    GapFilling, InPacket, Known, Outgoing, Passing, Route, RtpTranscoder, SeenEvent, SilenceDetection,
};
use rtpengine_common::codec::table::Engine;
use rtpengine_common::rtp::{Extension, RtpHeader, RtpPacket};
use smallvec::SmallVec;

use crate::call::ctx::Transmit;
use crate::call::ids::{EdgeId, StreamId};

use super::chains::Chain;
use super::coders::{Coder, Desk};
use super::dtmf::DtmfNotice;
use super::events::Notice;
use super::ingress::RtpFields;
use super::own::OwnPacket;
use super::packet::Packet;
use super::plane::{Plane, Turn};
use super::schedule::{Place, Purpose, Wake};
use super::spec::SinkSpec;

/// What is due within this time leaves at once (media-plane.md §18.3).
pub(super) const SOON: Duration = Duration::from_millis(1);
/// Findings kept for a transcoder that is away.
const MAX_FEEDBACK: usize = 16;
/// Digits seen and not yet asked for; more are not kept.
pub(super) const MAX_DIGITS: usize = 64;

/// How a sink transcodes. Equal ones let everything go on as it is.
#[derive(Clone, Debug)]
pub struct Transcode {
    /// What becomes of each payload type; others pass and are renumbered. Without any, everything passes and is renumbered.
    pub routes: Vec<Route>,
    /// Output frames of silence become comfort noise.
    pub silence: Option<SilenceDetection>,
    /// `--dtmf-no-suppress`: audio goes on while an event of the same source is received.
    pub no_suppress: bool,
    /// How gaps of the source are filled, if they are.
    pub gaps: Option<Gaps>,
    /// Where packets are counted; not looked at when two are compared.
    pub chains: Vec<Chain>,
}

/// Filling of gaps (`codecs.md` §16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gaps {
    /// The operator's choices.
    pub filling: GapFilling,
    /// All numbers of the source.
    pub known: Vec<Known>,
}

impl PartialEq for Transcode {
    /// Unlike for running coders, packet times and bit rates count: streams that begin later have them.
    fn eq(&self, other: &Self) -> bool {
        let settings = |route: &Route| (route.input_ptime, route.output_ptime, route.output.bitrate);
        self.routes == other.routes
            && self.routes.iter().map(settings).eq(other.routes.iter().map(settings))
            && (&self.silence, self.no_suppress) == (&other.silence, other.no_suppress)
            && self.gaps == other.gaps
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

impl Transcode {
    pub(super) fn open(&self) -> Box<RtpTranscoder> {
        let routes = self.routes.clone();
        let mut transcoder = Box::new(RtpTranscoder::new(routes, self.silence.clone(), self.no_suppress));
        self.fill_gaps(&mut transcoder);
        transcoder
    }

    /// Another spec is in force for a transcoder at work.
    pub(super) fn apply(&self, transcoder: &mut RtpTranscoder) {
        transcoder.set_routes(self.routes.clone());
        self.fill_gaps(transcoder);
    }

    /// Counts a packet by the octets of its payload, if there was one, and what was decoded because of it (`codecs.md` §21).
    pub(super) fn count(&self, payload_type: u8, octets: Option<usize>, samples: u64) {
        if let Some(chain) = self.chains.iter().find(|chain| chain.takes(payload_type)) {
            chain.count(octets, samples);
        }
    }

    fn fill_gaps(&self, transcoder: &mut RtpTranscoder) {
        let (filling, known) = self.gaps.as_ref().map(|gaps| (&gaps.filling, &*gaps.known)).unzip();
        transcoder.fill_gaps(filling, known.unwrap_or_default());
    }

    /// Whether something else than tables is at work. Where gaps are filled packets are worked on when their time comes, not when they
    /// arrive, and that is done here.
    pub(super) fn is_costly(&self) -> bool {
        if self.gaps.is_some() {
            return false;
        }
        let table = |codec: &Codec| {
            codec.supplemental.is_some() || codec.def().is_some_and(|def| def.engine == Engine::Table)
        };
        self.routes.iter().any(|route| !table(&route.input) || !table(&route.output) || route.detect_tones)
    }

    /// Whether opening some codec would keep other packets waiting.
    pub(super) fn opens_slowly(&self) -> bool {
        self.routes.iter().any(Route::opens_slowly)
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
        let elsewhere = self.elsewhere;
        let stream = &mut self.streams[from.index()];
        let Some(sink) = stream.spec.rtp.get(number) else { return };
        let (Some(transcode), Ok(view)) = (&sink.transcode, RtpPacket::parse(packet.bytes())) else { return };
        let coders = stream.coders.get_or_insert_default();
        let at = coders.touch(sink, transcode, header.ssrc, now);
        let coder = &coders.list[at];
        let payload = view.media().unwrap_or_else(|| view.payload());
        let filled: Option<SmallVec<[u8; 320]>> = fill.map(|fill| SmallVec::from_elem(fill, payload.len()));
        let input = InPacket {
            payload_type: header.payload_type,
            marker: view.marker(),
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            payload: filled.as_deref().unwrap_or(payload),
        };
        if matches!(coder.desk, Desk::Away(_)) || coder.work(elsewhere, header.payload_type).is_some() {
            let transcode = Arc::clone(transcode);
            return self.transcode_elsewhere(turn, (from, at), &input, view.extension(), &transcode);
        }
        let elapsed = now.saturating_duration_since(coder.epoch);
        let mask = stream.mask().cloned();
        self.code(turn, (from, at), (elapsed, mask), &input, view.extension());
    }

    /// A packet for a transcoder that is here.
    pub(super) fn code<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, at): (StreamId, usize),
        (elapsed, mask): (Duration, Option<Arc<Mask>>),
        input: &InPacket<'_>,
        extension: Option<Extension<'_>>,
    ) {
        let Some(stream) = self.streams.get_mut(from.index()) else { return };
        let Some(coders) = &mut stream.coders else { return };
        let mut out = std::mem::take(&mut coders.out);
        out.clear();
        let Some(coder) = coders.list.get_mut(at) else { return };
        let way = (coder.edge, coder.to);
        let Desk::Here(transcoder) = &mut coder.desk else { return };
        transcoder.set_mask(mask);
        let decoded = transcoder.decoded_samples();
        let result = transcoder.push(elapsed, input, &mut out).map(|_| ());
        let samples = transcoder.decoded_samples().wrapping_sub(decoded);
        stream.count_coded(way, input.payload_type, Some(input.payload.len()), samples);
        self.finish(turn, (from, at), input.payload_type, result, extension, &out);
        if let Some(coders) = &mut self.streams[from.index()].coders {
            coders.out = out;
        }
    }

    /// Transcoders of a stream play or fill what is due (`codecs.md` §16.1).
    pub fn run_gaps<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, from: StreamId) {
        let mut out = Outgoing::new();
        for at in 0..self.coder_count(from) {
            let Some(stream) = self.streams.get_mut(from.index()) else { return };
            let Some(coders) = &mut stream.coders else { return };
            let Some(coder) = coders.list.get(at) else { return };
            let elapsed = turn.now.instant.saturating_duration_since(coder.epoch);
            let way = (coder.edge, coder.to);
            let same = |other: &Coder| (other.edge, other.to) == way;
            let abandoned = coders.list.iter().any(|other| same(other) && other.used > coder.used);
            let Some(Coder { desk: Desk::Here(transcoder), .. }) = coders.list.get_mut(at) else { continue };
            if transcoder.next_run().is_none_or(|due| due > elapsed) {
                continue;
            }
            transcoder.set_mask(stream.rare.as_ref().and_then(|rare| rare.hidden.mask.clone()));
            out.clear();
            let decoded = transcoder.decoded_samples();
            let result = transcoder.run(elapsed, abandoned, &mut out);
            let number = transcoder.heard().unwrap_or_default();
            let samples = transcoder.decoded_samples().wrapping_sub(decoded);
            stream.count_coded(way, number, None, samples);
            self.finish(turn, (from, at), number, result, None, &out);
        }
    }

    /// Collects what a transcoder has made and found out, and asks to be woken for its next run.
    fn finish<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, at): (StreamId, usize),
        payload_type: u8,
        result: Result<(), CodecError>,
        extension: Option<Extension<'_>>,
        out: &Outgoing,
    ) {
        let now = turn.now.instant;
        if let Err(error) = result {
            turn.events.push(now, from, Notice::Transcoding { payload_type, fault: (&error).into() });
        }
        let stream = &mut self.streams[from.index()];
        let Some(coder) = stream.coders.as_mut().and_then(|coders| coders.list.get_mut(at)) else { return };
        let Desk::Here(transcoder) = &mut coder.desk else { return };
        for (seen, clock) in transcoder.injected_digits() {
            note_injected(&mut self.dtmf, from, seen, clock);
        }
        for event in transcoder.seen_events() {
            if self.digits.len() < MAX_DIGITS {
                self.digits.push(SeenDigit { stream: from, edge: coder.edge, ssrc: coder.ssrc, event });
            }
        }
        let (epoch, ssrc) = (coder.epoch, coder.ssrc);
        let elapsed = now.saturating_duration_since(epoch);
        let feedback: SmallVec<[Feedback; 2]> =
            std::iter::from_fn(|| transcoder.feedback(elapsed)).take(2).collect();
        let due = transcoder.next_run();
        let wake = due.filter(|due| coder.asked != Some(*due) || *due < elapsed);
        coder.asked = due;
        let way = Way { from, edge: coder.edge, to: coder.to };
        let sink = stream.spec.rtp.iter().find(|sink| (sink.edge, sink.to) == (way.edge, way.to));
        let mirrors: SmallVec<[StreamId; 2]> = mirrors(sink).collect();
        if let Some(due) = wake {
            self.wake_at(epoch + due, Wake { purpose: Purpose::Dtx, place: Place::Stream(from) });
        }
        self.feed_back(way, &feedback);
        self.send_transcoded(turn, way, &mirrors, ssrc, extension, epoch, out);
    }

    /// Tells the transcoders of the opposite direction what the decoders of this one found out.
    pub(super) fn feed_back(&mut self, way: Way, feedback: &[Feedback]) {
        if feedback.is_empty() {
            return;
        }
        let Some(coders) = self.streams.get_mut(way.to.index()).and_then(|to| to.coders.as_mut()) else {
            return;
        };
        for coder in coders.list.iter_mut().filter(|coder| coder.to == way.from) {
            match &mut coder.desk {
                Desk::Here(transcoder) => feedback.iter().for_each(|&feedback| transcoder.take(feedback)),
                Desk::Away(away) if away.feedback.len() < MAX_FEEDBACK => {
                    away.feedback.extend_from_slice(feedback);
                }
                Desk::Away(_) => {}
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn send_transcoded<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        way: Way,
        mirrors: &[StreamId],
        ssrc: u32,
        extension: Option<Extension<'_>>,
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
                self.send_planned(turn, at);
                self.send_media(turn, (Some(way.from), way.to), &header, extension, packet.payload);
                for &mirror in mirrors {
                    self.send_media(turn, (Some(way.from), mirror), &header, extension, packet.payload);
                }
                continue;
            }
            let later = OwnPacket {
                from: Some(way.from),
                edge: way.edge,
                to: std::iter::once(way.to).chain(mirrors.iter().copied()).collect(),
                header,
                extension: extension.map(|extension| (extension.profile, extension.body.into())),
                payload: packet.payload.to_vec(),
            };
            self.send_media_at(turn, at, later);
        }
    }

    /// Puts a digit into what the transcoder of a source SSRC on a link sends ([`RtpTranscoder::inject`]); one that is away with a job
    /// gets it when it is back. `false`: too many wait, nothing of that source has come yet, or the link does not transcode.
    pub fn inject_transcoded(
        &mut self,
        (stream, edge, ssrc): (StreamId, EdgeId, u32),
        digit: Digit,
        passing: Option<Passing>,
    ) -> bool {
        let coders = self.streams.get_mut(stream.index()).and_then(|stream| stream.coders.as_mut());
        let list = coders.map(|coders| coders.list.iter_mut());
        let coder = list.and_then(|mut list| list.find(|c| (c.edge, c.ssrc) == (Some(edge), ssrc)));
        match coder.map(|coder| &mut coder.desk) {
            Some(Desk::Here(transcoder)) => transcoder.inject(digit, passing),
            Some(Desk::Away(away)) if away.digits.len() < MAX_DIGITS => {
                away.digits.push((digit, passing));
                true
            }
            Some(Desk::Away(_)) | None => false,
        }
    }

    /// Whether [`Plane::inject_transcoded`] finds a transcoder.
    #[must_use]
    pub fn has_transcoder(&self, stream: StreamId, edge: EdgeId, ssrc: u32) -> bool {
        let coders = self.streams.get(stream.index()).and_then(|stream| stream.coders.as_ref());
        coders.is_some_and(|c| c.list.iter().any(|coder| (coder.edge, coder.ssrc) == (Some(edge), ssrc)))
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
pub(super) struct Way {
    pub(super) from: StreamId,
    pub(super) edge: Option<EdgeId>,
    pub(super) to: StreamId,
}

/// Who gets the packets of a sink as well.
pub(super) fn mirrors(sink: Option<&SinkSpec>) -> impl Iterator<Item = StreamId> + '_ {
    sink.into_iter().flat_map(|sink| sink.mirrors.iter().map(|mirror| mirror.to))
}

/// Somebody may want to be told of a digit that was put in.
pub(super) fn note_injected(notices: &mut Vec<DtmfNotice>, stream: StreamId, seen: Seen, clock: u32) {
    if notices.len() < MAX_DIGITS {
        notices.push(DtmfNotice { stream, from: None, clock, seen, injected: true });
    }
}
