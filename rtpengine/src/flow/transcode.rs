//! Transcoding on the packet path: which sink transcodes how, and the state machines that do it (codecs.md §§10.5, 10.6, 14).
//!
//! A sink that transcodes any payload type of its source has a [`Transcode`]; all RTP to it then goes through an [`RtpTranscoder`], one
//! for each link and source SSRC, which also renumbers what only passes. What comes out leaves at the time the transcoder says.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtpengine_common::codec::Codec;
use rtpengine_common::codec::dtmf::{Digit, Seen};
use rtpengine_common::codec::engine::{CodecError, Feedback};
use rtpengine_common::codec::stream::{
    GapFilling, InPacket, Known, Outgoing, Passing, Route, RtpTranscoder, SeenEvent, SilenceDetection,
};
use rtpengine_common::codec::table::Engine;
use rtpengine_common::rtp::{Extension, RtpHeader, RtpPacket};
use smallvec::SmallVec;

use crate::call::ctx::Transmit;
use crate::call::ids::{EdgeId, StreamId};

use super::coding::{Brought, CoderJob, Held, Home, Outcome};
use super::dtmf::DtmfNotice;
use super::events::Notice;
use super::ingress::RtpFields;
use super::own::OwnPacket;
use super::packet::Packet;
use super::plane::{Plane, Turn};
use super::schedule::{Place, Purpose, Wake};
use super::spec::SinkSpec;

/// Source SSRCs of one link that are transcoded at a time; the one heard longest ago makes room.
const MAX_SOURCES: usize = 8;
/// What is due within this time leaves at once (media-plane.md §18.3).
const SOON: Duration = Duration::from_millis(1);
/// Findings kept for a transcoder that is away.
const MAX_FEEDBACK: usize = 16;
/// Packets kept for a transcoder that is away: more than a second of audio. Later ones are dropped.
const MAX_HELD: usize = 64;
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
    /// How gaps of the source are filled, if they are.
    pub gaps: Option<Gaps>,
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

/// The transcoder of one source SSRC towards one sink.
struct Coder {
    edge: Option<EdgeId>,
    to: StreamId,
    ssrc: u32,
    /// Zero of the times it is told.
    epoch: Instant,
    used: u64,
    /// Codes more than tables do.
    costly: bool,
    /// The moment at which it asked to be woken to fill gaps.
    asked: Option<Duration>,
    desk: Desk,
}

/// Where a transcoder is.
enum Desk {
    Here(Box<RtpTranscoder>),
    Away(Box<Away>),
}

/// A transcoder is lent to a job.
struct Away {
    home: Arc<Home>,
    /// What came meanwhile.
    packets: Vec<Held>,
    /// Routes and feedback it is to be told when it is back.
    transcode: Arc<Transcode>,
    respecified: bool,
    feedback: SmallVec<[Feedback; 2]>,
    /// Digits to be sent.
    digits: Vec<(Digit, Option<Passing>)>,
}

impl Away {
    /// The transcoder back at work, or a new one where it is lost, and what its job brought.
    fn come_back(&self, outcome: Outcome) -> (Box<RtpTranscoder>, Option<Brought>) {
        let (mut transcoder, brought) = match outcome {
            Outcome::Coded(transcoder, brought) => (transcoder, Some(*brought)),
            Outcome::Failed => (self.transcode.open(), None),
        };
        if self.respecified {
            self.transcode.apply(&mut transcoder);
        }
        self.feedback.iter().for_each(|&feedback| transcoder.take(feedback));
        for &(digit, passing) in &self.digits {
            // Beyond what a transcoder takes they are lost, like digits played to one that is here.
            transcoder.inject(digit, passing);
        }
        (transcoder, brought)
    }
}

impl Transcode {
    fn open(&self) -> Box<RtpTranscoder> {
        let routes = self.routes.clone();
        let mut transcoder = Box::new(RtpTranscoder::new(routes, self.silence.clone(), self.no_suppress));
        self.fill_gaps(&mut transcoder);
        transcoder
    }

    /// Another spec is in force for a transcoder at work.
    fn apply(&self, transcoder: &mut RtpTranscoder) {
        transcoder.set_routes(self.routes.clone());
        self.fill_gaps(transcoder);
    }

    fn fill_gaps(&self, transcoder: &mut RtpTranscoder) {
        let (filling, known) = self.gaps.as_ref().map(|gaps| (&gaps.filling, &*gaps.known)).unzip();
        transcoder.fill_gaps(filling, known.unwrap_or_default());
    }

    /// Whether something else than tables is at work. Where gaps are filled packets are worked on when their time comes, not when they
    /// arrive, and that is done here.
    fn is_costly(&self) -> bool {
        if self.gaps.is_some() {
            return false;
        }
        let table = |codec: &Codec| {
            codec.supplemental.is_some() || codec.def().is_some_and(|def| def.engine == Engine::Table)
        };
        self.routes.iter().any(|route| !table(&route.input) || !table(&route.output) || route.detect_tones)
    }
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
    /// The place of the transcoder of a source, made when it is new.
    fn touch(&mut self, sink: &SinkSpec, transcode: &Transcode, ssrc: u32, now: Instant) -> usize {
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
            coder.costly = transcode.is_costly();
            match &mut coder.desk {
                Desk::Here(transcoder) => transcode.apply(transcoder),
                Desk::Away(away) => {
                    away.transcode = Arc::clone(transcode);
                    away.respecified = true;
                }
            }
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
        let masked = self.streams[from.index()].rare.as_ref().is_some_and(|rare| rare.hidden.mask.is_some());
        if masked {
            // What hides digits goes along with the packets, not with the transcoder: these are transcoded here.
            self.gather_transcoders(turn, from);
        }
        let stream = &mut self.streams[from.index()];
        let Some(sink) = stream.spec.rtp.get(number) else { return };
        let (Some(transcode), Ok(view)) = (&sink.transcode, RtpPacket::parse(packet.bytes())) else { return };
        let coders = stream.coders.get_or_insert_default();
        let at = coders.touch(sink, transcode, header.ssrc, now);
        let coder = &coders.list[at];
        if (self.codes_elsewhere && coder.costly && !masked) || matches!(coder.desk, Desk::Away(_)) {
            let transcode = Arc::clone(transcode);
            return self.transcode_elsewhere(turn, (from, at), &view, header, fill, &transcode);
        }
        let mut out = std::mem::take(&mut coders.out);
        out.clear();
        let coder = &mut coders.list[at];
        let Desk::Here(transcoder) = &mut coder.desk else { return };
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
        transcoder.lend_mask(stream.rare.as_mut().and_then(|rare| rare.hidden.mask.take()));
        let result = transcoder.push(elapsed, &input, &mut out).map(|_| ());
        self.finish(turn, (from, at), header.payload_type, result, view.extension(), &out);
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
            let same = |other: &Coder| (other.edge, other.to) == (coder.edge, coder.to);
            let abandoned = coders.list.iter().any(|other| same(other) && other.used > coder.used);
            let Some(Coder { desk: Desk::Here(transcoder), .. }) = coders.list.get_mut(at) else { continue };
            if transcoder.next_run().is_none_or(|due| due > elapsed) {
                continue;
            }
            transcoder.lend_mask(stream.rare.as_mut().and_then(|rare| rare.hidden.mask.take()));
            out.clear();
            let result = transcoder.run(elapsed, abandoned, &mut out);
            let number = transcoder.heard().unwrap_or_default();
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
        let mask = transcoder.take_mask();
        if let Some(rare) = &mut stream.rare {
            rare.hidden.mask = mask;
        }
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
        let mirrors = sink.into_iter().flat_map(|sink| sink.mirrors.iter().map(|mirror| mirror.to));
        let mirrors: SmallVec<[StreamId; 2]> = mirrors.collect();
        if let Some(due) = wake {
            self.wake_at(epoch + due, Wake { purpose: Purpose::Dtx, place: Place::Stream(from) });
        }
        self.feed_back(way, &feedback);
        self.send_transcoded(turn, way, &mirrors, ssrc, extension, epoch, out);
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
struct Way {
    from: StreamId,
    edge: Option<EdgeId>,
    to: StreamId,
}

/// Transcoding in jobs.
impl Plane {
    /// `codec-num-threads`: expensive transcoding is left to jobs ([`Plane::take_jobs`]).
    pub fn set_codes_elsewhere(&mut self, on: bool) {
        self.codes_elsewhere = on;
    }

    /// Whether there are jobs to run: to be asked after each packet.
    #[must_use]
    #[inline]
    pub fn has_jobs(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// The jobs made since the last call. Each is to be run; then [`Plane::collect_coded`] is to be called soon.
    pub fn take_jobs(&mut self) -> Vec<CoderJob> {
        std::mem::take(&mut self.jobs)
    }

    /// Sends what jobs have made, and has the next ones begin where packets wait.
    pub fn collect_coded<T: Transmit>(&mut self, turn: &mut Turn<'_, T>) {
        for stream in 0..self.streams.len() {
            let stream = StreamId::at(stream);
            for at in 0..self.coder_count(stream) {
                self.collect(turn, stream, at, false);
            }
        }
    }

    /// Has the transcoders of a stream here that are away with a job: for work that belongs to one packet after another
    /// (what hides digits). Waits for the job under way and for those queued before it, once: the stream stays here as long as digits are hidden.
    pub fn gather_transcoders<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, stream: StreamId) {
        for at in 0..self.coder_count(stream) {
            self.collect(turn, stream, at, true);
        }
    }

    fn coder_count(&self, stream: StreamId) -> usize {
        let coders = self.streams.get(stream.index()).and_then(|stream| stream.coders.as_ref());
        coders.map_or(0, |coders| coders.list.len())
    }

    fn coder_mut(&mut self, stream: StreamId, at: usize) -> Option<&mut Coder> {
        self.streams.get_mut(stream.index())?.coders.as_mut()?.list.get_mut(at)
    }

    /// A packet for a transcoder that works in jobs.
    fn transcode_elsewhere<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, at): (StreamId, usize),
        input: &RtpPacket<'_>,
        header: &RtpFields,
        fill: Option<u8>,
        transcode: &Arc<Transcode>,
    ) {
        self.collect(turn, from, at, false);
        let Some(coder) = self.coder_mut(from, at) else { return };
        let payload = input.media().unwrap_or_else(|| input.payload());
        let held = Held {
            elapsed: turn.now.instant.saturating_duration_since(coder.epoch),
            payload_type: header.payload_type,
            marker: input.marker(),
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            payload: fill.map_or_else(|| payload.to_vec(), |fill| vec![fill; payload.len()]),
            extension: input.extension().map(|extension| (extension.profile, extension.body.into())),
        };
        match &mut coder.desk {
            Desk::Here(_) => self.start_job(from, at, vec![held], transcode),
            Desk::Away(away) if away.packets.len() < MAX_HELD => away.packets.push(held),
            Desk::Away(_) => turn.events.push(turn.now.instant, from, Notice::CodersBehind {}),
        }
    }

    fn start_job(&mut self, from: StreamId, at: usize, packets: Vec<Held>, transcode: &Arc<Transcode>) {
        let Some(coder) = self.coder_mut(from, at) else { return };
        let home = Arc::<Home>::default();
        let transcode = Arc::clone(transcode);
        let away = Away {
            home: Arc::clone(&home),
            packets: Vec::new(),
            transcode,
            respecified: false,
            feedback: SmallVec::new(),
            digits: Vec::new(),
        };
        match std::mem::replace(&mut coder.desk, Desk::Away(Box::new(away))) {
            Desk::Here(transcoder) => {
                let job = CoderJob::new(coder.ssrc, transcoder, packets, home);
                self.jobs.push(job);
            }
            away @ Desk::Away(_) => coder.desk = away,
        }
    }

    /// Takes in what a job has left, if it has, or, with `wait`, when it has: sends, and begins the next job if packets wait.
    fn collect<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, from: StreamId, at: usize, wait: bool) {
        if wait && let Some(place) = self.jobs.iter().position(|job| self.is_job_of(job, from, at)) {
            // Nobody has taken it yet.
            self.jobs.swap_remove(place).run();
        }
        let Some(coder) = self.coder_mut(from, at) else { return };
        let Desk::Away(away) = &mut coder.desk else { return };
        let outcome = if wait { Some(away.home.wait()) } else { away.home.take() };
        let Some(outcome) = outcome else { return };
        let (transcoder, brought) = away.come_back(outcome);
        let (packets, transcode) = (std::mem::take(&mut away.packets), Arc::clone(&away.transcode));
        coder.desk = Desk::Here(transcoder);
        let (way, epoch, ssrc) = (Way { from, edge: coder.edge, to: coder.to }, coder.epoch, coder.ssrc);
        if let Some(brought) = brought {
            self.take_in(turn, way, epoch, ssrc, brought);
        }
        if !packets.is_empty() {
            self.start_job(from, at, packets, &transcode);
            if wait {
                self.collect(turn, from, at, true);
            }
        }
    }

    fn is_job_of(&self, job: &CoderJob, from: StreamId, at: usize) -> bool {
        let coders = self.streams.get(from.index()).and_then(|stream| stream.coders.as_ref());
        let coder = coders.and_then(|coders| coders.list.get(at));
        coder.is_some_and(|coder| matches!(&coder.desk, Desk::Away(away) if job.leads_to(&away.home)))
    }

    /// What a job brought.
    fn take_in<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        way: Way,
        epoch: Instant,
        ssrc: u32,
        brought: Brought,
    ) {
        let now = turn.now.instant;
        if let Some((payload_type, fault)) = brought.fault {
            turn.events.push(now, way.from, Notice::Transcoding { payload_type, fault });
        }
        for (seen, clock) in brought.injected {
            note_injected(&mut self.dtmf, way.from, seen, clock);
        }
        for event in brought.events {
            if self.digits.len() < MAX_DIGITS {
                self.digits.push(SeenDigit { stream: way.from, edge: way.edge, ssrc, event });
            }
        }
        self.feed_back(way, &brought.feedback);
        let sinks = &self.streams[way.from.index()].spec.rtp;
        let sink = sinks.iter().find(|sink| (sink.edge, sink.to) == (way.edge, way.to));
        let mirrors = sink.into_iter().flat_map(|sink| sink.mirrors.iter().map(|mirror| mirror.to));
        let to: SmallVec<[StreamId; 1]> = std::iter::once(way.to).chain(mirrors).collect();
        for made in brought.made {
            let at = epoch + made.send_at;
            let packet = OwnPacket {
                from: Some(way.from),
                edge: way.edge,
                to: to.clone(),
                header: made.header,
                extension: made.extension,
                payload: made.payload,
            };
            if at <= now + SOON {
                self.send_planned(turn, at);
                self.send_packet(turn, &packet);
            } else {
                self.send_media_at(turn, at, packet);
            }
        }
    }
}

/// Somebody may want to be told of a digit that was put in.
fn note_injected(notices: &mut Vec<DtmfNotice>, stream: StreamId, seen: Seen, clock: u32) {
    if notices.len() < MAX_DIGITS {
        notices.push(DtmfNotice { stream, from: None, clock, seen, injected: true });
    }
}
