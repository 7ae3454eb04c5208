//! Transcoding on other threads (`codec-num-threads`; architecture, "One definition, many uses" of codecs).
//!
//! A coder that is expensive lends its transcoder to a [`CoderJob`] together with the packets that came meanwhile; the job runs
//! anywhere and leaves its result in its [`Home`], where the plane finds it: with the next packet, or when it is told to look. One job
//! is under way per source and link at a time, so order is kept. Nobody waits: packets that come while the transcoder is away queue.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rtpengine_common::codec::dtmf::Seen;
use rtpengine_common::codec::engine::Feedback;
use rtpengine_common::codec::stream::{InPacket, Outgoing, RtpTranscoder, SeenEvent};
use rtpengine_common::rtp::RtpHeader;
use smallvec::SmallVec;

use super::transcode::{CodecFault, Transcode};

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
pub(super) struct Brought {
    pub(super) made: Vec<Made>,
    pub(super) events: Vec<SeenEvent>,
    /// Beginnings and ends of digits that were put in, with the clock of their units.
    pub(super) injected: Vec<(Seen, u32)>,
    pub(super) feedback: SmallVec<[Feedback; 2]>,
    /// Payload type and cause of the first packet that could not be transcoded.
    pub(super) fault: Option<(u8, CodecFault)>,
}

/// Where a job leaves its result.
#[derive(Default)]
pub(super) struct Home {
    result: Mutex<Option<Outcome>>,
    arrived: Condvar,
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

    /// The result, waited for: the work of this job and of those that its thread has queued before it.
    pub(super) fn wait(&self) -> Outcome {
        let mut result = self.result.lock();
        loop {
            if let Some(outcome) = result.take() {
                return outcome;
            }
            self.arrived.wait(&mut result);
        }
    }

    fn leave(&self, outcome: Outcome) {
        *self.result.lock() = Some(outcome);
        self.arrived.notify_all();
    }
}

/// Work of one transcoder. Run it on any thread, then let the call's plane collect what it left.
pub struct CoderJob {
    ssrc: u32,
    /// Where packets are counted.
    transcode: Arc<Transcode>,
    transcoder: Option<Box<RtpTranscoder>>,
    packets: Vec<Held>,
    home: Arc<Home>,
}

impl fmt::Debug for CoderJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoderJob({:08x}, {} packets)", self.ssrc, self.packets.len())
    }
}

impl CoderJob {
    pub(super) fn new(
        (ssrc, transcode): (u32, Arc<Transcode>),
        transcoder: Box<RtpTranscoder>,
        packets: Vec<Held>,
        home: Arc<Home>,
    ) -> Self {
        Self { ssrc, transcode, transcoder: Some(transcoder), packets, home }
    }

    pub(super) fn leads_to(&self, home: &Arc<Home>) -> bool {
        Arc::ptr_eq(&self.home, home)
    }

    /// Does the work.
    pub fn run(mut self) {
        let Some(transcoder) = self.transcoder.take() else { return };
        let (ssrc, packets) = (self.ssrc, std::mem::take(&mut self.packets));
        let coded = catch_unwind(AssertUnwindSafe(|| code(ssrc, &self.transcode, transcoder, packets)));
        self.home.leave(coded.unwrap_or(Outcome::Failed));
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

fn code(ssrc: u32, transcode: &Transcode, mut transcoder: Box<RtpTranscoder>, packets: Vec<Held>) -> Outcome {
    let mut out = Outgoing::new();
    let (mut made, mut events, mut injected, mut fault) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut now = Duration::ZERO;
    for held in packets {
        now = held.elapsed;
        out.clear();
        let input = InPacket {
            payload_type: held.payload_type,
            marker: held.marker,
            sequence_number: held.sequence_number,
            timestamp: held.timestamp,
            payload: &held.payload,
        };
        let decoded = transcoder.decoded_samples();
        if let Err(error) = transcoder.push(now, &input, &mut out) {
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
