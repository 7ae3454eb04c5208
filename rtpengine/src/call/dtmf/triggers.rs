//! Digit strings that change something when they are dialled (codecs.md §18.8, recording.md §9).

use std::time::{Duration, Instant};

use rtpengine_common::codec::dtmf::Matcher;
use rtpengine_common::ng::{ByteString, Dtmf, RecordingVsc};

use super::super::codecs::DtmfBlock;

/// What a digit string does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerKind {
    /// Starts the mode of `DTMF-security-trigger`.
    Block,
    /// Ends it.
    Unblock,
    /// Starts the recording.
    StartRecording,
    /// Stops it.
    StopRecording,
    /// One or the other.
    StartStopRecording,
    /// Pauses it.
    PauseRecording,
    /// Pauses it or goes on.
    PauseResumeRecording,
    /// Starts it, pauses it or goes on.
    StartPauseResumeRecording,
}

impl TriggerKind {
    /// Its name in `query`.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Block => "block DTMF",
            Self::Unblock => "unblock DTMF",
            Self::StartRecording => "start recording",
            Self::StopRecording => "stop recording",
            Self::StartStopRecording => "start/stop recording",
            Self::PauseRecording => "pause recording",
            Self::PauseResumeRecording => "pause/resume recording",
            Self::StartPauseResumeRecording => "start/pause/resume recording",
        }
    }
}

/// The default codes of recording control: `--vsc-start-rec` and its kin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes(pub [Box<[u8]>; 6]);

/// The kinds of [`Codes`], in its order.
const RECORDING: [TriggerKind; 6] = [
    TriggerKind::StartRecording,
    TriggerKind::StopRecording,
    TriggerKind::StartStopRecording,
    TriggerKind::PauseRecording,
    TriggerKind::PauseResumeRecording,
    TriggerKind::StartPauseResumeRecording,
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trigger {
    kind: TriggerKind,
    matcher: Matcher,
}

/// A mode that a trigger started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    /// When it ends by itself.
    until: Option<Instant>,
    /// How many digits it still takes.
    digits: Option<u32>,
}

/// The digit strings of a party, in the order in which they were set, and what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triggers {
    list: Vec<Trigger>,
    /// What [`TriggerKind::Block`] starts.
    start_mode: DtmfBlock,
    /// What applies afterwards.
    end_mode: DtmfBlock,
    /// How long it lasts at most in ms; 0 is no limit.
    end_time_ms: u32,
    /// For how many digits it lasts at most; 0 is no limit.
    end_digits: u32,
    running: Option<Running>,
    /// RTP timestamp of the last event: its end, or its start while it runs.
    last: Option<u32>,
}

/// What a digit brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// This mode is in force from now on.
    Mode(DtmfBlock),
    /// Something about recording.
    Record(TriggerKind),
}

impl Triggers {
    /// Takes over what a message says; an empty string removes a trigger.
    pub(super) fn set(&mut self, dtmf: &Dtmf, modes: (Option<DtmfBlock>, Option<DtmfBlock>)) {
        if let Some(digits) = &dtmf.trigger {
            self.put(TriggerKind::Block, digits.as_bytes());
        }
        if let Some(digits) = &dtmf.trigger_end {
            self.put(TriggerKind::Unblock, digits.as_bytes());
        }
        self.start_mode = modes.0.unwrap_or(self.start_mode);
        self.end_mode = modes.1.unwrap_or(self.end_mode);
        self.end_time_ms = dtmf.trigger_end_time_ms.unwrap_or(self.end_time_ms);
        self.end_digits = dtmf.trigger_end_digits.unwrap_or(self.end_digits);
    }

    /// Arms the codes of recording control: those of the message, else the configured ones.
    pub(super) fn arm_recording(&mut self, given: &RecordingVsc, codes: &Codes) {
        let given = [
            &given.start,
            &given.stop,
            &given.start_stop,
            &given.pause,
            &given.pause_resume,
            &given.start_pause_resume,
        ];
        for ((kind, given), code) in RECORDING.into_iter().zip(given).zip(&codes.0) {
            let given = given.as_ref().map(ByteString::as_bytes).filter(|given| !given.is_empty());
            self.put(kind, given.unwrap_or(code));
        }
    }

    fn put(&mut self, kind: TriggerKind, digits: &[u8]) {
        let place = self.list.iter().position(|trigger| trigger.kind == kind);
        match (Matcher::new(digits).map(|matcher| Trigger { kind, matcher }), place) {
            (Some(trigger), Some(at)) => self.list[at] = trigger,
            (Some(trigger), None) => self.list.push(trigger),
            (None, Some(at)) => drop(self.list.remove(at)),
            (None, None) => {}
        }
    }

    /// There is something that digits could bring about.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        !self.list.is_empty() || self.running.is_some_and(|running| running.digits.is_some())
    }

    /// Digits may come to be hidden, or are.
    #[must_use]
    pub fn may_hide(&self) -> bool {
        self.waits_for_start() || self.running.is_some()
    }

    /// For `query`: kinds, digits, and whether they are listened for now. What ends a mode waits for what starts it.
    pub fn listed(&self) -> impl Iterator<Item = (TriggerKind, &[u8], bool)> + '_ {
        let active = |kind| kind != TriggerKind::Unblock || !self.waits_for_start();
        self.list.iter().map(move |trigger| (trigger.kind, trigger.matcher.digits(), active(trigger.kind)))
    }

    fn waits_for_start(&self) -> bool {
        self.list.iter().any(|trigger| trigger.kind == TriggerKind::Block)
    }

    /// A digit begins at `timestamp`, in units of `clock`. Matches that wait longer than `delay` begin anew.
    pub(super) fn digit(
        &mut self,
        sign: u8,
        timestamp: u32,
        clock: u32,
        delay: Duration,
        now: Instant,
    ) -> Option<Action> {
        let limit = u32::try_from(delay.as_millis() * u128::from(clock.max(1)) / 1000).unwrap_or(u32::MAX);
        let gap = |last: u32| timestamp.wrapping_sub(last).cast_signed().unsigned_abs();
        if self.last.replace(timestamp).is_some_and(|last| gap(last) > limit) {
            self.list.iter_mut().for_each(|trigger| trigger.matcher.restart());
        }
        let waits = self.waits_for_start();
        let mut complete = None;
        for trigger in &mut self.list {
            let listens = trigger.kind != TriggerKind::Unblock || !waits;
            if listens && trigger.matcher.digit(sign) {
                complete = complete.or(Some(trigger.kind));
            }
        }
        match complete {
            Some(TriggerKind::Block) => Some(self.start(now)),
            Some(TriggerKind::Unblock) => Some(self.end()),
            Some(kind) => Some(Action::Record(kind)),
            None => self.count(),
        }
    }

    /// The event that began last ended at `timestamp`.
    pub(super) fn ended(&mut self, timestamp: u32) {
        self.last = Some(timestamp);
    }

    /// When a mode ends by itself.
    pub(super) fn until(&self) -> Option<Instant> {
        self.running.and_then(|running| running.until)
    }

    /// Time has passed: the mode that follows if one ended by itself.
    pub(super) fn expire(&mut self, now: Instant) -> Option<DtmfBlock> {
        self.until().filter(|until| *until <= now)?;
        self.end();
        Some(self.end_mode)
    }

    /// Somebody else set the mode.
    pub(super) fn stop(&mut self) {
        self.running = None;
    }

    /// Acts once: the trigger is gone, and what ends the mode is listened for.
    fn start(&mut self, now: Instant) -> Action {
        self.list.retain(|trigger| trigger.kind != TriggerKind::Block);
        let time = (self.end_time_ms != 0).then(|| Duration::from_millis(self.end_time_ms.into()));
        self.running = Some(Running {
            until: time.map(|time| now + time),
            digits: (self.end_digits != 0).then_some(self.end_digits),
        });
        Action::Mode(self.start_mode)
    }

    fn end(&mut self) -> Action {
        self.list.retain(|trigger| trigger.kind != TriggerKind::Unblock);
        self.running = None;
        Action::Mode(self.end_mode)
    }

    /// A digit that completes nothing still counts.
    fn count(&mut self) -> Option<Action> {
        let left = self.running.as_mut()?.digits.as_mut()?;
        *left = left.saturating_sub(1);
        (*left == 0).then(|| self.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(2500);

    fn dtmf(trigger: &str, end: &str) -> Dtmf {
        let text = |text: &str| Some(ByteString::from(text)).filter(|_| !text.is_empty());
        Dtmf { trigger: text(trigger), trigger_end: text(end), ..Dtmf::default() }
    }

    fn triggers(dtmf: &Dtmf) -> Triggers {
        let mut triggers = Triggers::default();
        triggers.set(dtmf, (Some(DtmfBlock::Silence), None));
        triggers
    }

    /// Digits half a second apart.
    fn dial(triggers: &mut Triggers, digits: &str, from: u32, now: Instant) -> Vec<Option<Action>> {
        let dial = |(n, sign)| triggers.digit(sign, from + n * 4000, 8000, DELAY, now);
        (0u32..).zip(digits.bytes()).map(dial).collect()
    }

    const ON: Option<Action> = Some(Action::Mode(DtmfBlock::Silence));
    const OFF: Option<Action> = Some(Action::Mode(DtmfBlock::Off));

    /// `codecs.md` §18.8(2): once each, the end only after the start.
    #[test]
    fn rule_18_8_2() {
        let mut t = triggers(&dtmf("12", "#"));
        let now = Instant::now();
        let listed: Vec<_> = t.listed().collect();
        assert_eq!(
            listed,
            [(TriggerKind::Block, &b"12"[..], true), (TriggerKind::Unblock, &b"#"[..], false)]
        );
        assert_eq!(dial(&mut t, "#112#12", 0, now), [None, None, None, ON, OFF, None, None]);
        assert!(!t.is_armed());
        t.set(&dtmf("12", ""), (None, None));
        assert_eq!(dial(&mut t, "12", 40_000, now), [None, ON]);
        let removed = Dtmf { trigger: Some(ByteString::from("")), ..Dtmf::default() };
        t.set(&dtmf("12", ""), (None, None));
        t.set(&removed, (None, None));
        assert!(!t.is_armed());
    }

    /// `codecs.md` §18.8(1): a long pause begins anew.
    #[test]
    fn rule_18_8_1_pauses() {
        let now = Instant::now();
        for (last, expected) in [(20_000, ON), (20_001, None)] {
            let mut t = triggers(&dtmf("12", ""));
            t.digit(b'1', 100, 8000, DELAY, now);
            t.ended(1000);
            assert_eq!(t.digit(b'2', 1000 + last, 8000, DELAY, now), expected);
        }
    }

    /// `codecs.md` §18.8: a number of digits, or a time, ends the mode.
    #[test]
    fn rule_18_8_ends() {
        let now = Instant::now();
        let mut t = triggers(&Dtmf { trigger_end_digits: Some(3), ..dtmf("9", "") });
        assert_eq!(dial(&mut t, "912345", 0, now), [ON, None, None, OFF, None, None]);
        let mut t = triggers(&Dtmf { trigger_end_time_ms: Some(1000), ..dtmf("9", "") });
        assert_eq!((t.until(), t.expire(now)), (None, None));
        dial(&mut t, "9", 0, now);
        let until = now + Duration::from_secs(1);
        assert_eq!((t.until(), t.expire(now)), (Some(until), None));
        assert_eq!((t.expire(until), t.expire(until)), (Some(DtmfBlock::Off), None));
    }

    /// `codecs.md` §18.8(2): recording triggers repeat; one acts per digit, the one set first.
    #[test]
    fn rule_18_8_2_recording() {
        let mut t = Triggers::default();
        let given = RecordingVsc { start: Some(ByteString::from("*1")), ..RecordingVsc::default() };
        let mut codes = Codes::default();
        codes.0[1] = b"1".as_slice().into();
        t.arm_recording(&given, &codes);
        let kinds: Vec<_> = t.listed().map(|(kind, ..)| kind.text()).collect();
        assert_eq!(kinds, ["start recording", "stop recording"]);
        let start = Some(Action::Record(TriggerKind::StartRecording));
        assert_eq!(dial(&mut t, "*1*1", 0, Instant::now()), [None, start, None, start]);
        t.arm_recording(&RecordingVsc::default(), &Codes::default());
        assert!(!t.is_armed());
    }
}
