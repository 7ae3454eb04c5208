//! One player: a track and the time in, packets out (players.md §3).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::source::Output;
use super::track::{Next, Reader, Track};

/// How far reading runs ahead of what is heard (players.md §3 rule 5).
pub const AHEAD: Duration = Duration::from_millis(50);

/// How often sound that is not encoded yet is looked for.
const PATIENCE: Duration = Duration::from_millis(2);

/// A packet that comes later than this moves all that follow: what the encoder or the machine was late cannot be made up for.
const LATE: Duration = Duration::from_millis(200);

/// What a run of a player plays.
#[derive(Clone, Debug)]
pub struct Start {
    /// The sound.
    pub track: Arc<Track>,
    /// What it is encoded as.
    pub output: Output,
    /// How often a shared track is played; a private one has its repetitions in it.
    pub times: u32,
    /// How much earlier than they sound packets are given out.
    pub lead: Duration,
}

/// A packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// The player's own.
    pub ssrc: u32,
    /// Sequence number.
    pub sequence_number: u16,
    /// In units of the RTP clock.
    pub timestamp: u32,
    /// The receiver's number of the codec.
    pub payload_type: u8,
    /// First of a run, or of a repetition of a shared track.
    pub marker: bool,
    /// The encoded sound.
    pub payload: &'a [u8],
}

/// What a player wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Send this, and ask again.
    Send(Outgoing<'a>),
    /// Ask again at this time.
    Wait(Instant),
    /// The last packet is out. Said once.
    Ended,
    /// Nothing is played.
    Idle,
}

#[derive(Debug)]
struct Run {
    reader: Reader,
    output: Output,
    /// Passes of a shared track still to come after this one.
    repeats: u32,
    /// When the first packet left; none before.
    began: Option<Instant>,
    /// Clock units sent in this run.
    sent: u64,
    /// Clock units sent before the present pass.
    before_pass: u64,
    marker: bool,
    lead: Duration,
    waits: Option<Instant>,
}

/// A player: its SSRC and numbers stay over restarts.
#[derive(Debug)]
pub struct Player {
    ssrc: u32,
    sequence_number: u16,
    /// Of the next packet, if it were sent at `anchor`.
    timestamp: u32,
    anchor: Option<Instant>,
    run: Option<Run>,
    /// What was played last: held until something else is played (players.md §4.1 rule 4).
    kept: Option<Start>,
}

impl Player {
    /// A player with numbers out of random octets.
    #[must_use]
    pub fn new(random: [u8; 10]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j] = random;
        Self {
            ssrc: u32::from_ne_bytes([a, b, c, d]),
            sequence_number: u16::from_ne_bytes([e, f]),
            timestamp: u32::from_ne_bytes([g, h, i, j]),
            anchor: None,
            run: None,
            kept: None,
        }
    }

    /// Its SSRC.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Whether something is being played.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.run.is_some()
    }

    /// What is played.
    #[must_use]
    pub fn output(&self) -> Option<&Output> {
        self.run.as_ref().map(|run| &run.output)
    }

    /// Starts, or starts anew with something else: the first packet is due at once.
    pub fn start(&mut self, start: &Start) {
        self.leave();
        self.run = Some(Run {
            reader: Reader::new(Arc::clone(&start.track)),
            output: start.output.clone(),
            repeats: start.times.max(1) - 1,
            began: None,
            sent: 0,
            before_pass: 0,
            marker: true,
            lead: start.lead,
            waits: None,
        });
        self.kept = Some(start.clone());
    }

    /// Stops; tells the position of the source that was read last, in ticks of its time base.
    pub fn stop(&mut self, now: Instant) -> Option<i64> {
        let position = self.run.as_ref().map(|run| run.position(now));
        self.leave();
        self.kept = None;
        position
    }

    /// Ends what is played as its end does: it is held on to.
    pub fn end(&mut self) {
        self.leave();
    }

    /// Time of the media that has been heard in this run, all passes together.
    #[must_use]
    pub fn heard(&self) -> Duration {
        self.run.as_ref().map_or(Duration::ZERO, |run| run.time_of(run.sent))
    }

    /// Passes of a shared track that would follow.
    #[must_use]
    pub fn repeats_left(&self) -> u32 {
        self.run.as_ref().map_or(0, |run| run.repeats)
    }

    /// When it wants to be asked next.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let run = self.run.as_ref()?;
        run.waits.or_else(|| run.due())
    }

    fn leave(&mut self) {
        if let Some(run) = self.run.take()
            && let Some(due) = run.due()
        {
            self.anchor = Some(due);
        }
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Instant) -> Action<'_> {
        let Some(run) = &mut self.run else { return Action::Idle };
        run.waits = None;
        if let Some(due) = run.due() {
            if due > now {
                return Action::Wait(due);
            }
            let late = now.saturating_duration_since(due);
            if late > LATE {
                run.began = run.began.map(|began| began + late);
            }
        }
        match run.turn_to_next() {
            Found::Frame => {}
            Found::Later => {
                let again = now + PATIENCE;
                run.waits = Some(again);
                return Action::Wait(again);
            }
            Found::End => {
                self.leave();
                return Action::Ended;
            }
        }
        self.send(now)
    }

    /// Sends the packet the reader is at.
    fn send(&mut self, now: Instant) -> Action<'_> {
        let Some(run) = &mut self.run else { return Action::Idle };
        if run.began.is_none() {
            run.began = Some(now);
            if let Some(anchor) = self.anchor.take() {
                let passed = now.saturating_duration_since(anchor);
                self.timestamp = self.timestamp.wrapping_add(units(passed, run.output.codec.clock) as u32);
            }
        }
        let played = run.heard_us();
        let Next::Frame(frame) = run.reader.fetch(played) else { return Action::Idle };
        let packet = Outgoing {
            ssrc: self.ssrc,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            payload_type: run.output.payload_type,
            marker: std::mem::take(&mut run.marker),
            payload: &[],
        };
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(frame.duration);
        run.sent += u64::from(frame.duration);
        Action::Send(Outgoing { payload: run.reader.take(), ..packet })
    }
}

enum Found {
    Frame,
    Later,
    End,
}

impl Run {
    /// Looks at what comes next, and begins the next pass of a shared track at its end.
    fn turn_to_next(&mut self) -> Found {
        let played = self.heard_us();
        match self.reader.fetch(played) {
            Next::Frame(_) => return Found::Frame,
            Next::Later => return Found::Later,
            Next::End => {}
        }
        // A pass without a packet would repeat for ever.
        if self.repeats == 0 || self.sent == self.before_pass || !self.reader.track().is_shared() {
            return Found::End;
        }
        self.repeats -= 1;
        self.before_pass = self.sent;
        self.marker = true;
        self.reader.rewind();
        match self.reader.fetch(0) {
            Next::Frame(_) => Found::Frame,
            Next::Later => Found::Later,
            Next::End => Found::End,
        }
    }

    /// When the next packet is to leave; none before the first one.
    fn due(&self) -> Option<Instant> {
        let began = self.began?;
        Some((began + self.time_of(self.sent)).checked_sub(self.lead).unwrap_or(began).max(began))
    }

    fn time_of(&self, units: u64) -> Duration {
        let clock = u64::from(self.output.codec.clock.max(1));
        Duration::from_nanos(
            u64::try_from(u128::from(units) * 1_000_000_000 / u128::from(clock)).unwrap_or(u64::MAX),
        )
    }

    fn heard_us(&self) -> u64 {
        micros(self.time_of(self.sent))
    }

    /// What reading has got to.
    fn position(&self, now: Instant) -> i64 {
        let heard = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began)) + AHEAD;
        let before =
            if self.reader.track().is_shared() { self.time_of(self.before_pass) } else { Duration::ZERO };
        self.reader.track().position_at(micros(heard.saturating_sub(before))).unwrap_or(0)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn units(time: Duration, clock: u32) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(clock) / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::player::track::{Mark, Piece};
    use rtpengine_common::codec::Codec;

    fn output() -> Output {
        Output {
            codec: Arc::new(Codec { clock: 8000, channels: 1, ..Codec::default() }),
            payload_type: 0,
            ptime: 20,
        }
    }

    fn piece(count: u8) -> Piece {
        let mut piece = Piece::default();
        (0..count).for_each(|n| piece.push(&[n; 160], 160));
        piece
    }

    fn start(track: &Arc<Track>, times: u32) -> Start {
        Start { track: Arc::clone(track), output: output(), times, lead: Duration::ZERO }
    }

    /// Runs a player to its end: the time in ms, and what was sent.
    fn run(player: &mut Player, from: Instant, now: &mut Instant) -> Vec<(u128, u16, u32, bool)> {
        let mut sent = Vec::new();
        for _ in 0..10_000 {
            match player.poll(*now) {
                Action::Send(packet) => {
                    let at = now.duration_since(from).as_millis();
                    sent.push((at, packet.sequence_number, packet.timestamp, packet.marker));
                }
                Action::Wait(until) => *now = until,
                Action::Ended => return sent,
                Action::Idle => panic!("nothing is played"),
            }
        }
        panic!("no end");
    }

    /// players.md §3, the worked example.
    #[test]
    fn worked_example() {
        let from = Instant::now();
        let mut now = from;
        let mut player = Player::new([7; 10]);
        let (seq, ts) = (player.sequence_number, player.timestamp);
        let track = Track::private(None);
        track.append(piece(6), &[]);
        track.finish(120_000);
        player.start(&start(&track, 1));
        let sent = run(&mut player, from, &mut now);
        let expected: Vec<_> = (0..6u16)
            .map(|n| (u128::from(n) * 20, seq + n, ts.wrapping_add(u32::from(n) * 160), n == 0))
            .collect();
        assert_eq!(sent, expected);
        assert!(!player.is_playing());
        // One second after the last packet.
        now = from + Duration::from_millis(1100);
        let track = Track::private(None);
        track.append(piece(1), &[]);
        track.finish(20_000);
        player.start(&start(&track, 1));
        let again = run(&mut player, from, &mut now);
        assert_eq!(again, [(1100, seq + 6, ts.wrapping_add(800 + 8000), true)]);
    }

    #[test]
    fn a_shared_track_is_marked_at_each_pass() {
        let from = Instant::now();
        let mut now = from;
        let mut player = Player::new([1; 10]);
        let ts = player.timestamp;
        let track = Track::shared(None);
        track.append(piece(3), &[]);
        track.finish(60_000);
        player.start(&start(&track, 2));
        let sent = run(&mut player, from, &mut now);
        let seen: Vec<_> =
            sent.iter().map(|(at, _, stamp, marker)| (*at, stamp.wrapping_sub(ts), *marker)).collect();
        let wanted = [
            (0, 0, true),
            (20, 160, false),
            (40, 320, false),
            (60, 480, true),
            (80, 640, false),
            (100, 800, false),
        ];
        assert_eq!(seen, wanted);
    }

    #[test]
    fn sound_that_is_late_moves_what_follows() {
        let from = Instant::now();
        let mut player = Player::new([1; 10]);
        let track = Track::private(None);
        player.start(&start(&track, 1));
        let Action::Wait(again) = player.poll(from) else { panic!("nothing is there") };
        assert_eq!(player.due(), Some(again));
        track.append(piece(1), &[]);
        assert!(matches!(player.poll(again), Action::Send(packet) if packet.marker));
        // The rest comes a second later.
        let late = again + Duration::from_secs(1);
        track.append(piece(2), &[]);
        assert!(matches!(player.poll(late), Action::Send(_)));
        assert_eq!(player.poll(late), Action::Wait(late + Duration::from_millis(20)));
    }

    #[test]
    fn stopping_tells_the_position_and_keeps_the_numbers() {
        let from = Instant::now();
        let mut player = Player::new([1; 10]);
        let seq = player.sequence_number;
        let track = Track::private(None);
        let marks: Vec<_> = (0..10).map(|n| Mark { at_us: n * 20_000, position: n as i64 * 160 }).collect();
        track.append(piece(10), &marks);
        player.start(&start(&track, 1));
        assert!(matches!(player.poll(from), Action::Send(_)));
        let now = from + Duration::from_millis(30);
        assert!(matches!(player.poll(now), Action::Send(_)));
        assert_eq!(player.stop(now), Some(4 * 160), "50 ms are read ahead");
        assert_eq!(player.stop(now), None);
        assert_eq!(player.poll(now), Action::Idle);
        assert_eq!(player.sequence_number, seq + 2);
    }

    #[test]
    fn an_empty_track_ends_at_once() {
        let mut player = Player::new([1; 10]);
        let track = Track::shared(None);
        track.finish(0);
        player.start(&start(&track, 1000));
        assert_eq!(player.poll(Instant::now()), Action::Ended);
        assert_eq!(player.poll(Instant::now()), Action::Idle);
    }
}
