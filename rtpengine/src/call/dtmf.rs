//! What is to become of DTMF: modes of `block DTMF` and what goes with them, as signalled (codecs.md §18.7, §18.8).

use rtpengine_common::ng::{ByteString, DtmfSecurity, Request};

use super::codecs::DtmfBlock;

/// Lowest level below full scale in dB.
const MAX_VOLUME: u32 = 63;
/// Level of replacement tones in dB below full scale.
const DEFAULT_VOLUME: u8 = 10;
/// Frequency of replacement tones in Hz.
const DEFAULT_FREQUENCY: u32 = 400;

/// DTMF settings of a party, or of the whole call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtmfSettings {
    /// The mode in force.
    pub mode: DtmfBlock,
    /// Level of replacement tones, dB below full scale, 0 to 63.
    pub volume: u8,
    /// Frequencies of replacement tones in Hz, one after the other.
    pub frequencies: Vec<u32>,
    /// Event that stands in for all others in mode `DTMF`.
    pub digit: u8,
    /// How long packets are held back, in ms; 0 is off.
    pub delay_buffer_ms: u32,
    /// How much later digits are reproduced, in ms; 0 is off.
    pub delay_ms: u32,
    /// Digits that start [`Self::trigger_mode`].
    pub trigger: Option<ByteString>,
    /// The mode they start.
    pub trigger_mode: DtmfBlock,
    /// What ends it.
    pub end: TriggerEnd,
}

/// How the mode that a trigger started ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggerEnd {
    /// Digits that end it.
    pub digits: Option<ByteString>,
    /// Its longest time in ms; 0 is no limit.
    pub time_ms: u32,
    /// The number of digits after which it ends; 0 is no limit.
    pub count: u32,
    /// The mode that applies then.
    pub mode: DtmfBlock,
}

impl Default for DtmfSettings {
    fn default() -> Self {
        Self {
            mode: DtmfBlock::Off,
            volume: DEFAULT_VOLUME,
            frequencies: vec![DEFAULT_FREQUENCY],
            digit: 0,
            delay_buffer_ms: 0,
            delay_ms: 0,
            trigger: None,
            trigger_mode: DtmfBlock::Off,
            end: TriggerEnd::default(),
        }
    }
}

impl DtmfSettings {
    /// `block DTMF`, or its flag in an offer or answer.
    pub(super) fn block(&mut self, request: &Request) {
        self.mode = mode(request.dtmf_security());
        let given = request.delay_buffer_ms.is_some() || request.dtmf.trigger.is_some();
        if self.mode.is_replacing() || given {
            self.take_parameters(request);
        }
    }

    /// `unblock DTMF`: the delay keeps running unless the message changes it.
    pub(super) fn unblock(&mut self, request: &Request) {
        self.mode = DtmfBlock::Off;
        if let Some(delay) = request.delay_buffer_ms {
            self.delay_buffer_ms = delay;
        }
    }

    fn take_parameters(&mut self, request: &Request) {
        let dtmf = &request.dtmf;
        if let Some(volume) = dtmf.volume {
            self.volume = u8::try_from(volume.unsigned_abs().min(MAX_VOLUME)).unwrap_or(DEFAULT_VOLUME);
        }
        if !dtmf.frequencies.is_empty() {
            self.frequencies.clone_from(&dtmf.frequencies);
        }
        if let Some(digit) = dtmf.digit {
            self.digit = digit;
        }
        if let Some(delay) = request.delay_buffer_ms {
            self.delay_buffer_ms = delay;
        }
        if let Some(delay) = dtmf.delay_ms {
            self.delay_ms = delay;
        }
        take_digits(&mut self.trigger, &dtmf.trigger);
        take_digits(&mut self.end.digits, &dtmf.trigger_end);
        if let Some(security) = dtmf.security_trigger {
            self.trigger_mode = mode(security);
        }
        if let Some(security) = dtmf.security_trigger_end {
            self.end.mode = mode(security);
        }
        if let Some(time) = dtmf.trigger_end_time_ms {
            self.end.time_ms = time;
        }
        if let Some(count) = dtmf.trigger_end_digits {
            self.end.count = count;
        }
    }
}

/// An empty string removes a trigger.
fn take_digits(kept: &mut Option<ByteString>, given: &Option<ByteString>) {
    if let Some(given) = given {
        *kept = Some(given.clone()).filter(|digits| !digits.is_empty());
    }
}

fn mode(security: DtmfSecurity) -> DtmfBlock {
    match security {
        DtmfSecurity::Off => DtmfBlock::Off,
        DtmfSecurity::Drop => DtmfBlock::Drop,
        DtmfSecurity::Silence => DtmfBlock::Silence,
        DtmfSecurity::Tone => DtmfBlock::Tone,
        DtmfSecurity::Random => DtmfBlock::Random,
        DtmfSecurity::Zero => DtmfBlock::Zero,
        DtmfSecurity::Digit => DtmfBlock::Digit,
    }
}

/// The mode of one side of a call: that of the whole call wins.
pub(super) fn mode_in_force(call: Option<&DtmfSettings>, party: Option<&DtmfSettings>) -> DtmfBlock {
    let mode = |settings: Option<&DtmfSettings>| settings.map(|s| s.mode).filter(|m| *m != DtmfBlock::Off);
    mode(call).or_else(|| mode(party)).unwrap_or_default()
}
