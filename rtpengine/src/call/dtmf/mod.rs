//! What is to become of DTMF: modes of `block DTMF` and what goes with them, as signalled (codecs.md §18.7), the digit strings that
//! change them (`triggers`, §18.8), what is told of digits that were seen (`heard`, §18.6), and digits to be sent (`play`, §18.5).

mod heard;
mod play;
mod triggers;

use std::net::SocketAddr;
use std::time::Duration;

use rtpengine_common::codec::dtmf;
use rtpengine_common::ng::{Command, DtmfSecurity, Flag, Request};

use super::Call;
use super::codecs::DtmfBlock;
use super::ctx::Ctx;
use super::ids::PartyId;
use super::party::PartyFlags;
use super::settings::Settings;

pub use heard::DtmfReport;
pub use triggers::{Codes, TriggerKind, Triggers};

/// Lowest level below full scale in dB.
const MAX_VOLUME: u32 = 63;
/// Level of replacement tones in dB below full scale.
const DEFAULT_VOLUME: u8 = 10;
/// Frequency of replacement tones in Hz.
const DEFAULT_FREQUENCY: u32 = 400;

/// What the operator configured about DTMF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtmfOptions {
    /// `--dtmf-log-dest`
    pub destination: Option<SocketAddr>,
    /// `--dtmf-log-ng-tcp`
    pub ng_tcp: bool,
    /// `--log-facility-dtmf` is given.
    pub syslog: bool,
    /// Not `--dtmf-no-log-injects`.
    pub log_injects: bool,
    /// `--dtmf-no-suppress`
    pub no_suppress: bool,
    /// `--dtmf-digit-delay`
    pub digit_delay: Duration,
    /// `--vsc-start-rec` and its kin.
    pub codes: Codes,
}

impl Default for DtmfOptions {
    fn default() -> Self {
        Self {
            destination: None,
            ng_tcp: false,
            syslog: false,
            log_injects: true,
            no_suppress: false,
            digit_delay: Duration::from_millis(2500),
            codes: Codes::default(),
        }
    }
}

impl DtmfOptions {
    /// Digits of all calls are told to somebody.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        self.destination.is_some() || self.ng_tcp || self.syslog
    }
}

/// DTMF settings of a party.
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
    /// Digit strings that change something.
    pub triggers: Triggers,
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
            triggers: Triggers::default(),
        }
    }
}

impl DtmfSettings {
    /// `block DTMF` of a party, or its flag in an offer or answer.
    pub(super) fn block(&mut self, request: &Request) {
        self.mode = mode(request.dtmf_security());
        if self.takes(request) {
            self.take_parameters(request);
        }
    }

    /// `unblock DTMF` of a party: the delay keeps running unless the message changes it.
    pub(super) fn unblock(&mut self, request: &Request) {
        self.mode = DtmfBlock::Off;
        self.triggers.stop();
        self.take_delay(request);
    }

    /// Whether the parameters of a message count: with a replacing mode, a delay or a trigger.
    fn takes(&self, request: &Request) -> bool {
        takes_parameters(self.mode, request)
    }

    fn take_delay(&mut self, request: &Request) {
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
        self.take_delay(request);
        if let Some(delay) = dtmf.delay_ms {
            self.delay_ms = delay;
        }
        let modes = (dtmf.security_trigger.map(mode), dtmf.security_trigger_end.map(mode));
        self.triggers.set(dtmf, modes);
    }
}

fn takes_parameters(mode: DtmfBlock, request: &Request) -> bool {
    mode.is_replacing() || request.delay_buffer_ms.is_some() || request.dtmf.trigger.is_some()
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
pub(super) fn mode_in_force(call: DtmfBlock, party: Option<&DtmfSettings>) -> DtmfBlock {
    if call == DtmfBlock::Off { party.map(|settings| settings.mode).unwrap_or_default() } else { call }
}

/// How the digits of one side of a call are hidden.
pub(super) fn policy(call: DtmfBlock, party: Option<&DtmfSettings>) -> dtmf::Policy {
    let default = DtmfSettings::default();
    let settings = party.unwrap_or(&default);
    let frequencies = settings.frequencies.iter().filter_map(|frequency| u16::try_from(*frequency).ok());
    dtmf::Policy {
        mode: match mode_in_force(call, party) {
            DtmfBlock::Off => dtmf::Mode::Off,
            DtmfBlock::Drop => dtmf::Mode::Drop,
            DtmfBlock::Silence => dtmf::Mode::Silence,
            DtmfBlock::Tone => dtmf::Mode::Tone,
            DtmfBlock::Random => dtmf::Mode::Random,
            DtmfBlock::Zero => dtmf::Mode::Zero,
            DtmfBlock::Digit => dtmf::Mode::Digit,
        },
        volume: settings.volume,
        frequencies: frequencies.collect(),
        digit: settings.digit,
        buffer_ms: settings.delay_buffer_ms,
        delay_ms: settings.delay_ms,
    }
}

impl Call {
    /// Holds back what a party sends; 0 is off.
    pub fn set_delay_buffer(&mut self, party: PartyId, ms: u32) {
        self.signalling.party_mut(party).dtmf.get_or_insert_default().delay_buffer_ms = ms;
        self.rebuild_party(party);
    }

    /// Listens for tones in the audio of a party, or no longer.
    pub fn set_detect_dtmf(&mut self, party: PartyId, on: bool) {
        self.signalling.party_mut(party).flags.set(PartyFlags::DETECT_DTMF, on);
        self.rebuild_party(party);
    }

    /// What is made of a party's digits changed.
    fn rebuild_party(&mut self, party: PartyId) {
        let medias = self.signalling.party(party).medias.clone();
        self.renew_handlers(&medias);
        for media in medias {
            self.compile(media);
        }
    }

    /// Where the client wants digits to be told.
    pub(super) fn take_dtmf_log(&mut self, request: &Request, settings: &Settings) {
        let call = &mut self.signalling;
        call.dtmf_log = request.dtmf.log_destination.or(call.dtmf_log);
        let logged = call.dtmf_log.is_some() || settings.dtmf.is_logged();
        if std::mem::replace(&mut call.dtmf_logged, logged) != logged {
            self.compile_all();
        }
    }

    /// What an offer, an answer or another message with a description says about the DTMF of its sender.
    pub(super) fn take_dtmf(&mut self, sender: PartyId, request: &Request, ctx: &Ctx<'_>) {
        self.plane.rebuild_masks();
        let codes = &ctx.settings.dtmf.codes;
        let party = self.signalling.party_mut(sender);
        if request.has(Flag::InjectDtmf) {
            party.flags.insert(PartyFlags::INJECT_DTMF);
        }
        if request.has(Flag::DetectDtmf) {
            party.flags.insert(PartyFlags::DETECT_DTMF);
        }
        let mode = if request.has(Flag::BlockDtmf) { mode(request.dtmf_security()) } else { DtmfBlock::Off };
        if takes_parameters(mode, request) {
            party.flags.set(PartyFlags::DETECT_DTMF, request.has(Flag::DetectDtmf));
        }
        if request.has(Flag::BlockDtmf) {
            party.dtmf.get_or_insert_default().block(request);
        } else if takes_parameters(mode, request) {
            party.dtmf.get_or_insert_default().take_parameters(request);
        }
        if request.has(Flag::RecordingVsc) {
            let settings = party.dtmf.get_or_insert_default();
            settings.triggers.arm_recording(&request.recording.vsc, codes);
        }
    }

    /// block and unblock DTMF of a party.
    pub(super) fn block_dtmf_of(&mut self, party: PartyId, request: &Request) {
        let party = self.signalling.party_mut(party);
        let settings = party.dtmf.get_or_insert_default();
        if request.command == Command::BlockDtmf {
            settings.block(request);
            if settings.takes(request) {
                party.flags.set(PartyFlags::DETECT_DTMF, request.has(Flag::DetectDtmf));
            }
        } else {
            settings.unblock(request);
        }
    }

    /// block and unblock DTMF of the whole call: the mode is the call's, everything else goes to each party.
    pub(super) fn block_dtmf_of_all(&mut self, request: &Request, parties_too: bool) {
        let on = request.command == Command::BlockDtmf;
        self.signalling.dtmf = if on { mode(request.dtmf_security()) } else { DtmfBlock::Off };
        let call = self.signalling.dtmf;
        for party in &mut self.signalling.parties {
            if on && takes_parameters(call, request) {
                party.dtmf.get_or_insert_default().take_parameters(request);
                party.flags.set(PartyFlags::DETECT_DTMF, request.has(Flag::DetectDtmf));
            }
            let Some(settings) = party.dtmf.as_mut().filter(|_| !on) else { continue };
            if parties_too {
                settings.unblock(request);
            } else {
                settings.take_delay(request);
            }
        }
    }
}
