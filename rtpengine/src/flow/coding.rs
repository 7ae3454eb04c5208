//! Transcoding on other threads: all of what is expensive where the operator wants it (`codec-num-threads`), and in any case the opening
//! of codecs that takes so long that the packets of other calls would wait for it.
//!
//! A coder lends its transcoder to a [`CoderJob`], with the packets that came meanwhile if they are to be coded; the job runs
//! anywhere and leaves its result in its [`Home`], where the plane finds it: with the next packet, or when it is told to look. One job
//! is under way per source and link at a time, so order is kept. Nobody waits: packets that come while the transcoder is away queue.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rtpengine_common::codec::dtmf::{Mask, Seen};
use rtpengine_common::codec::engine::Feedback;
use rtpengine_common::codec::stream::{InPacket, Outgoing, RtpTranscoder, SeenEvent};
use rtpengine_common::rtp::{Extension, RtpHeader};
use smallvec::SmallVec;

use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

use super::coders::{Away, Coder, Desk};
use super::events::Notice;
use super::own::OwnPacket;
use super::plane::{Plane, Turn};
use super::transcode::{CodecFault, MAX_DIGITS, SOON, SeenDigit, Transcode, Way, mirrors, note_injected};

/// Packets kept for a transcoder that is away: more than a second of audio. Later ones are dropped.
const MAX_HELD: usize = 64;

/// A packet of the source that waits for the transcoder.
pub(super) struct Held {
    /// When it came, in the coder's time.
    pub(super) elapsed: Duration,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) sequence_number: u16,
    pub(super) timestamp: u32,
    pub(super) payload: Vec<u8>,
    pub(super) extension: Option<(u16, Box<[u8]>)>,
    /// What hides the digits of the source, as it was then.
    pub(super) mask: Option<Arc<Mask>>,
}

impl Held {
    fn input(&self) -> InPacket<'_> {
        InPacket {
            payload_type: self.payload_type,
            marker: self.marker,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            payload: &self.payload,
        }
    }
}

/// A packet that a job made.
pub(super) struct Made {
    pub(super) header: RtpHeader,
    /// When it leaves, in the coder's time.
    pub(super) send_at: Duration,
    pub(super) payload: Vec<u8>,
    pub(super) extension: Option<(u16, Box<[u8]>)>,
}

/// What a job brings back beside the transcoder.
#[derive(Default)]
pub(super) struct Brought {
    pub(super) made: Vec<Made>,
    pub(super) events: Vec<SeenEvent>,
    /// Beginnings and ends of digits that were put in, with the clock of their units.
    pub(super) injected: Vec<(Seen, u32)>,
    pub(super) feedback: SmallVec<[Feedback; 2]>,
    /// Payload type and cause of the first packet that could not be transcoded.
    pub(super) fault: Option<(u8, CodecFault)>,
}

/// What other threads do for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Elsewhere {
    /// Nothing.
    #[default]
    Nothing,
    /// Codecs that take long to open are opened.
    Opening,
    /// Transcoding that is expensive is done.
    Coding,
}

/// What a job is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Open the codecs of a payload number.
    Open(u8),
    /// Transcode packets.
    Code,
}

/// Where a job leaves its result.
#[derive(Default)]
pub(super) struct Home {
    result: Mutex<Option<Outcome>>,
}

/// The end of a job.
pub(super) enum Outcome {
    Coded(Box<RtpTranscoder>, Box<Brought>),
    /// The code of the codec failed; the transcoder is lost.
    Failed,
}

impl Home {
    /// The result, if it is there.
    pub(super) fn take(&self) -> Option<Outcome> {
        self.result.lock().take()
    }

    fn leave(&self, outcome: Outcome) {
        *self.result.lock() = Some(outcome);
    }
}

/// Work of one transcoder. Run it on any thread, then let the call's plane collect what it left.
pub struct CoderJob {
    ssrc: u32,
    /// Where packets are counted.
    transcode: Arc<Transcode>,
    transcoder: Option<Box<RtpTranscoder>>,
    task: Task,
    home: Arc<Home>,
}

enum Task {
    Open(u8),
    Code(Vec<Held>),
}

impl fmt::Debug for CoderJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            Task::Open(payload_type) => write!(f, "CoderJob({:08x}, opens {payload_type})", self.ssrc),
            Task::Code(packets) => write!(f, "CoderJob({:08x}, {} packets)", self.ssrc, packets.len()),
        }
    }
}

impl CoderJob {
    /// Does the work.
    pub fn run(mut self) {
        let Some(transcoder) = self.transcoder.take() else { return };
        let (ssrc, task) = (self.ssrc, std::mem::replace(&mut self.task, Task::Code(Vec::new())));
        let work = || match task {
            Task::Open(payload_type) => open(transcoder, payload_type),
            Task::Code(packets) => code(ssrc, &self.transcode, transcoder, packets),
        };
        self.home.leave(catch_unwind(AssertUnwindSafe(work)).unwrap_or(Outcome::Failed));
    }
}

impl Drop for CoderJob {
    /// A job that never ran takes its transcoder along: whoever waits for it is told.
    fn drop(&mut self) {
        if self.transcoder.is_some() {
            self.home.leave(Outcome::Failed);
        }
    }
}

/// A codec that cannot be opened says so with its first packet.
fn open(mut transcoder: Box<RtpTranscoder>, payload_type: u8) -> Outcome {
    let _ = transcoder.prepare(payload_type);
    Outcome::Coded(transcoder, Box::default())
}

fn code(ssrc: u32, transcode: &Transcode, mut transcoder: Box<RtpTranscoder>, packets: Vec<Held>) -> Outcome {
    let mut out = Outgoing::new();
    let (mut made, mut events, mut injected, mut fault) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut now = Duration::ZERO;
    for held in packets {
        now = held.elapsed;
        out.clear();
        transcoder.set_mask(held.mask.clone());
        let decoded = transcoder.decoded_samples();
        if let Err(error) = transcoder.push(now, &held.input(), &mut out) {
            fault = fault.or(Some((held.payload_type, CodecFault::from(&error))));
        }
        let samples = transcoder.decoded_samples().wrapping_sub(decoded);
        transcode.count(held.payload_type, Some(held.payload.len()), samples);
        events.extend(transcoder.seen_events());
        injected.extend(transcoder.injected_digits());
        made.extend(out.packets().map(|packet| Made {
            header: RtpHeader {
                marker: packet.marker,
                payload_type: packet.payload_type,
                sequence_number: packet.sequence_number,
                timestamp: packet.timestamp,
                ssrc,
            },
            send_at: packet.send_at,
            payload: packet.payload.to_vec(),
            extension: held.extension.clone(),
        }));
    }
    let feedback = std::iter::from_fn(|| transcoder.feedback(now)).take(2).collect();
    Outcome::Coded(transcoder, Box::new(Brought { made, events, injected, feedback, fault }))
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

impl Plane {
    /// What is left to jobs ([`Plane::take_jobs`]).
    pub fn set_elsewhere(&mut self, elsewhere: Elsewhere) {
        self.elsewhere = elsewhere;
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

    /// Whether a transcoder is away with a job.
    #[must_use]
    pub fn awaits_jobs(&self) -> bool {
        let coders = self.streams.iter().filter_map(|stream| stream.coders.as_ref());
        coders.flat_map(|coders| &coders.list).any(|coder| matches!(coder.desk, Desk::Away(_)))
    }

    /// Sends what jobs have made, and has the next ones begin where packets wait.
    pub fn collect_coded<T: Transmit>(&mut self, turn: &mut Turn<'_, T>) {
        for stream in 0..self.streams.len() {
            let stream = StreamId::at(stream);
            for at in 0..self.coder_count(stream) {
                self.collect(turn, stream, at);
            }
        }
    }

    pub(super) fn coder_count(&self, stream: StreamId) -> usize {
        let coders = self.streams.get(stream.index()).and_then(|stream| stream.coders.as_ref());
        coders.map_or(0, |coders| coders.list.len())
    }

    fn coder_mut(&mut self, stream: StreamId, at: usize) -> Option<&mut Coder> {
        self.streams.get_mut(stream.index())?.coders.as_mut()?.list.get_mut(at)
    }

    /// A packet for a transcoder that is away, or has to be.
    pub(super) fn transcode_elsewhere<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, at): (StreamId, usize),
        input: &InPacket<'_>,
        extension: Option<Extension<'_>>,
        transcode: &Arc<Transcode>,
    ) {
        self.collect(turn, from, at);
        let mask = self.streams.get(from.index()).and_then(|stream| stream.mask().cloned());
        let Some(coder) = self.coder_mut(from, at) else { return };
        let held = Held {
            elapsed: turn.now.instant.saturating_duration_since(coder.epoch),
            payload_type: input.payload_type,
            marker: input.marker,
            sequence_number: input.sequence_number,
            timestamp: input.timestamp,
            payload: input.payload.to_vec(),
            extension: extension.map(|extension| (extension.profile, extension.body.into())),
            mask,
        };
        match &mut coder.desk {
            Desk::Here(_) => self.go_on(turn, (from, at), vec![held], transcode),
            Desk::Away(away) if away.packets.len() < MAX_HELD => away.packets.push(held),
            Desk::Away(_) => turn.events.push(turn.now.instant, from, Notice::CodersBehind {}),
        }
    }

    /// Packets for a transcoder that is here: worked on until one needs a job.
    fn go_on<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        (from, at): (StreamId, usize),
        mut packets: Vec<Held>,
        transcode: &Arc<Transcode>,
    ) {
        let elsewhere = self.elsewhere;
        let mut done = 0;
        while let Some(held) = packets.get(done) {
            let Some(coder) = self.coder_mut(from, at) else { return };
            if let Some(work) = coder.work(elsewhere, held.payload_type) {
                packets.drain(..done);
                return self.start_job((from, at), work, packets, transcode);
            }
            let extension = held.extension.as_ref();
            let extension = extension.map(|(profile, body)| Extension { profile: *profile, body });
            self.code(turn, (from, at), (held.elapsed, held.mask.clone()), &held.input(), extension);
            done += 1;
        }
    }

    fn start_job(
        &mut self,
        (from, at): (StreamId, usize),
        work: Work,
        packets: Vec<Held>,
        transcode: &Arc<Transcode>,
    ) {
        let Some(coder) = self.coder_mut(from, at) else { return };
        let (task, waiting) = match work {
            Work::Code => (Task::Code(packets), Vec::new()),
            Work::Open(payload_type) => {
                coder.note_prepared(payload_type);
                (Task::Open(payload_type), packets)
            }
        };
        let home = Arc::<Home>::default();
        let away = Away {
            home: Arc::clone(&home),
            packets: waiting,
            transcode: Arc::clone(transcode),
            respecified: false,
            feedback: SmallVec::new(),
            digits: Vec::new(),
        };
        match std::mem::replace(&mut coder.desk, Desk::Away(Box::new(away))) {
            Desk::Here(transcoder) => {
                let (ssrc, transcode) = (coder.ssrc, Arc::clone(transcode));
                self.jobs.push(CoderJob { ssrc, transcode, transcoder: Some(transcoder), task, home });
            }
            away @ Desk::Away(_) => coder.desk = away,
        }
    }

    /// Takes in what a job has left, if it has: sends, and goes on with the packets that wait.
    fn collect<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, from: StreamId, at: usize) {
        let Some(coder) = self.coder_mut(from, at) else { return };
        let Desk::Away(away) = &mut coder.desk else { return };
        let Some(outcome) = away.home.take() else { return };
        let (transcoder, brought) = away.come_back(outcome);
        let (packets, transcode) = (std::mem::take(&mut away.packets), Arc::clone(&away.transcode));
        coder.desk = Desk::Here(transcoder);
        let (way, epoch, ssrc) = (Way { from, edge: coder.edge, to: coder.to }, coder.epoch, coder.ssrc);
        if let Some(brought) = brought {
            self.take_in(turn, way, epoch, ssrc, brought);
        }
        self.go_on(turn, (from, at), packets, &transcode);
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
        let to: SmallVec<[StreamId; 1]> = std::iter::once(way.to).chain(mirrors(sink)).collect();
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
