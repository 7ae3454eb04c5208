//! A desk phone that speaks plain RTP in real time: a tone on its first media, an echo of the other's picture on its second.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtpengine_tests::phone::{FRAME, Media, receive};
use rtpengine_tests::prelude::*;

use crate::tone;

/// The frequency it speaks in hertz.
pub(crate) const VOICE: f64 = 1000.0;

const PERIOD: Duration = Duration::from_millis(20);

/// Between two requests for a whole picture.
const PICTURES: Duration = Duration::from_secs(1);

/// Samples it remembers: half a second.
const MEMORY: usize = 4000;

/// The bit that tells its sources from those it echoes.
const OWN: u32 = 0x4000_0000;

/// Who one media speaks to.
#[derive(Clone, Copy)]
struct Remote {
    rtp: SocketAddr,
    rtcp: SocketAddr,
}

#[derive(Default)]
struct State {
    audio: Option<Remote>,
    video: Option<Remote>,
    muted: bool,
    samples: VecDeque<i16>,
    counts: Counts,
}

/// What it has heard and seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Packets with the tone's payload type.
    pub(crate) audio: u64,
    /// Pictures: packets with a marker.
    pub(crate) frames: u64,
    /// RTCP packets of both medias.
    pub(crate) reports: u64,
    /// Packets on the audio media of another payload type.
    pub(crate) foreign: u64,
}

/// A phone's voice and ears, at work until dropped.
pub(crate) struct DeskPhone {
    state: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl DeskPhone {
    /// Starts to listen on the sockets of a phone; it speaks once it [knows](Self::follows) where to.
    pub(crate) fn lifts(phone: &Phone) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let works: [fn(Line); 2] = [Line::speak, Line::echo];
        for (media, work) in phone.media.iter().zip(works) {
            let line = Line::new(media, &state, &ended);
            threads.push(std::thread::spawn(move || work(line)));
        }
        Self { state, ended, threads }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("threads do not panic")
    }

    /// Speaks to where the phone was last told.
    pub(crate) fn follows(&self, phone: &Phone) {
        let remote = |index: usize| {
            let section = phone.media.get(index)?.remote();
            (section.port() != 0).then(|| Remote { rtp: section.rtp(), rtcp: section.rtcp() })
        };
        let mut state = self.state();
        state.audio = remote(0);
        state.video = remote(1);
    }

    /// Stops to speak, or goes on; it listens all the time.
    pub(crate) fn mute(&self, muted: bool) {
        self.state().muted = muted;
    }

    /// What it has counted.
    pub(crate) fn counts(&self) -> Counts {
        self.state().counts
    }

    /// The part of what it heard in the last half second that is a tone of `frequency` hertz; 0 if it heard less than that.
    pub(crate) fn hears(&self, frequency: f64) -> f64 {
        let mut state = self.state();
        if state.samples.len() < MEMORY {
            return 0.0;
        }
        tone::share(state.samples.make_contiguous(), frequency)
    }

    /// Forgets what it heard.
    pub(crate) fn forgets(&self) {
        self.state().samples.clear();
    }
}

impl Drop for DeskPhone {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One media at work on a thread.
struct Line {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    next: Rtp,
    state: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

impl Line {
    fn new(media: &Media, state: &Arc<Mutex<State>>, ended: &Arc<AtomicBool>) -> Self {
        Self {
            rtp: media.rtp_socket().try_clone().expect("a socket"),
            rtcp: media.rtcp_socket().try_clone().expect("a socket"),
            next: media.next.clone(),
            state: Arc::clone(state),
            ended: Arc::clone(ended),
        }
    }

    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("threads do not panic")
    }

    fn speak(mut self) {
        let (start, mut spoken) = (Instant::now(), 0);
        while !self.is_ended() {
            let due = start + PERIOD * spoken;
            let rest = due.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                self.say(spoken);
                spoken += 1;
                self.count_reports();
                continue;
            }
            if let Some((bytes, _)) = receive(&self.rtp, rest) {
                self.hear(&bytes);
            }
        }
    }

    fn say(&mut self, number: u32) {
        let to = {
            let state = self.state();
            state.audio.filter(|_| !state.muted)
        };
        let Some(to) = to else { return };
        let at = number * FRAME as u32;
        self.next.payload = tone::frame(VOICE, at);
        self.next.timestamp = at;
        self.next.sequence_number = self.next.sequence_number.wrapping_add(1);
        // A port that has been closed meanwhile is no trouble of the phone's.
        let _ = self.rtp.send_to(&self.next.encode(), to.rtp);
    }

    fn hear(&self, bytes: &[u8]) {
        let Some(packet) = Rtp::parse(bytes) else { return };
        let mut state = self.state();
        if packet.payload_type != self.next.payload_type {
            state.counts.foreign += 1;
            return;
        }
        state.counts.audio += 1;
        state.samples.extend(packet.payload.iter().map(|&byte| tone::decode(byte)));
        let surplus = state.samples.len().saturating_sub(MEMORY);
        state.samples.drain(..surplus);
    }

    fn count_reports(&self) {
        while let Some((bytes, _)) = receive(&self.rtcp, Duration::ZERO) {
            if Rtcp::parse(&bytes).is_some() {
                self.state().counts.reports += 1;
            }
        }
    }

    fn echo(self) {
        let mut asked = Instant::now();
        while !self.is_ended() {
            let Some((mut bytes, _)) = receive(&self.rtp, PERIOD) else {
                self.count_reports();
                continue;
            };
            let Some(packet) = Rtp::parse(&bytes) else { continue };
            let to = {
                let mut state = self.state();
                state.counts.frames += u64::from(packet.marker);
                state.video.filter(|_| !state.muted)
            };
            let Some(to) = to else { continue };
            if asked.elapsed() >= PICTURES {
                asked = Instant::now();
                let _ = self.rtcp.send_to(&Rtcp::encode(&whole_picture(packet.ssrc)), to.rtcp);
            }
            // Whatever else is in the header, padding for one, stays.
            bytes[8..12].copy_from_slice(&(packet.ssrc ^ OWN).to_be_bytes());
            let _ = self.rtp.send_to(&bytes, to.rtp);
        }
    }
}

/// An empty receiver report with a picture loss indication (RFC 4585 6.3.1): the viewer wants a whole picture.
fn whole_picture(ssrc: u32) -> [Rtcp; 2] {
    let own = ssrc ^ OWN;
    let body = [own.to_be_bytes(), ssrc.to_be_bytes()].concat();
    [Rtcp::Rr { ssrc: own, reports: Vec::new() }, Rtcp::Other { count: 1, kind: 206, body }]
}
