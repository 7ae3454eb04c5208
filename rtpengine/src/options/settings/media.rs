//! Media handling, DTLS, discontinuous transmission.

use std::time::Duration;

use rtpengine_common::log::Level;
use rtpengine_common::options::{OptionError, Values};

use super::{Message, count, milliseconds, seconds, word};
use crate::options::words::*;

/// How media is handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// How the address of a peer is learned.
    pub endpoint_learning: EndpointLearning,
    /// Media goes to the SIP source by default.
    pub sip_source: bool,
    /// Refuse broken SDP.
    pub reject_invalid_sdp: bool,
    /// Formula of the mean opinion score.
    pub mos: MosFormula,
    /// Conversational or listening quality.
    pub mos_kind: MosKind,
    /// Jitter and loss from RTP.
    pub measure_rtp: bool,
    /// Which SSRC statistics replies carry.
    pub ssrc_reporting: SsrcReporting,
    /// Interval of generated RTCP.
    pub rtcp_interval: Duration,
    /// Jitter buffer.
    pub jitter_buffer: JitterBuffer,
    /// Audio buffer of the mixing player.
    pub audio_buffer: Duration,
    /// Delay of the mixing player.
    pub audio_delay: Duration,
    /// When the mixing player is used.
    pub audio_player: AudioPlayer,
    /// Send small packets twice.
    pub send_twice: bool,
    /// Consent checks of ICE.
    pub ice_consent: bool,
    /// Interval of ICE keepalives; none = no keepalives.
    pub ice_keepalive: Option<Duration>,
    /// Packets of SRTP replay protection; 0 = none.
    pub srtp_replay_window: u16,
}

/// Formula of the mean opinion score (media-plane.md §13.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MosFormula {
    /// The historic one.
    Legacy,
    /// Simplified G.107.
    G107,
    /// G.107.2.
    G1072,
}

/// What the score rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MosKind {
    /// Conversation: delay counts.
    Conversational,
    /// Listening only.
    Listening,
}

/// Jitter buffer (media-plane.md §18).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JitterBuffer {
    /// Packets held; 0 = none.
    pub packets: usize,
    /// Compensate clock drift.
    pub clock_drift: bool,
    /// Bounds of an adaptive delay; none = not adaptive.
    pub adaptive: Option<(Duration, Duration)>,
}

const ADAPTIVE_MAX_DEFAULT_MS: i32 = 300;
const ADAPTIVE_MAX_LIMIT_MS: i32 = 1000;

impl Media {
    pub(super) fn read(values: &Values) -> Result<Self, OptionError> {
        let (mos, mos_kind) = mos(values);
        Ok(Media {
            endpoint_learning: word(values, "endpoint-learning", EndpointLearning::from_word),
            sip_source: values.flag("sip-source"),
            reject_invalid_sdp: values.flag("reject-invalid-sdp"),
            mos,
            mos_kind,
            measure_rtp: values.flag("measure-rtp"),
            ssrc_reporting: word(values, "ssrc-reporting", SsrcReporting::from_word),
            rtcp_interval: milliseconds(values, "rtcp-interval"),
            jitter_buffer: JitterBuffer::read(values)?,
            audio_buffer: milliseconds(values, "audio-buffer-length"),
            audio_delay: milliseconds(values, "audio-buffer-delay"),
            audio_player: word(values, "audio-player", AudioPlayer::from_word),
            send_twice: values.flag("rtp-double"),
            ice_consent: values.flag("ice-consent"),
            ice_keepalive: u64::try_from(values.int("ice-keepalive"))
                .ok()
                .filter(|&seconds| seconds > 0)
                .map(Duration::from_secs),
            srtp_replay_window: u16::try_from(values.int("srtp-replay-window")).unwrap_or(u16::MAX),
        })
    }
}

fn mos(values: &Values) -> (MosFormula, MosKind) {
    let (mut formula, mut kind) = (MosFormula::G107, MosKind::Conversational);
    for option in values.list("mos").iter().filter_map(|text| MosOption::from_word(text)) {
        match option {
            MosOption::Cq => kind = MosKind::Conversational,
            MosOption::Lq => kind = MosKind::Listening,
            MosOption::Legacy => formula = MosFormula::Legacy,
            MosOption::G107 => formula = MosFormula::G107,
            MosOption::G1072 => formula = MosFormula::G1072,
        }
    }
    (formula, kind)
}

impl JitterBuffer {
    fn read(values: &Values) -> Result<Self, OptionError> {
        let (min, max) = (values.int("jb-adaptive-min"), values.int("jb-adaptive-max"));
        let error = if max < 0 {
            Some(format!("Invalid negative --jb-adaptive-max ({max})"))
        } else if max > ADAPTIVE_MAX_LIMIT_MS {
            Some(format!("--jb-adaptive-max too large ({max} ms, maximum {ADAPTIVE_MAX_LIMIT_MS} ms)"))
        } else if min > max {
            Some(format!("--jb-adaptive-min ({min}) must be <= --jb-adaptive-max ({max})"))
        } else {
            None
        };
        if let Some(error) = error {
            return Err(OptionError::invalid(error));
        }
        let max = if max == 0 { ADAPTIVE_MAX_DEFAULT_MS } else { max };
        let bounds =
            (milliseconds(values, "jb-adaptive-min"), Duration::from_millis(u64::from(max.unsigned_abs())));
        Ok(JitterBuffer {
            packets: count(values, "jitter-buffer"),
            clock_drift: values.flag("jb-clock-drift"),
            adaptive: values.flag("jb-adaptive").then_some(bounds),
        })
    }
}

/// DTLS (media-plane.md §10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dtls {
    /// Prefer the passive role.
    pub passive: bool,
    /// Bits of RSA keys.
    pub rsa_bits: u32,
    /// Key type of the certificate.
    pub cert_cipher: DtlsCertCipher,
    /// Largest datagram in bytes.
    pub mtu: usize,
    /// OpenSSL cipher list.
    pub ciphers: String,
    /// Signature of the certificate.
    pub signature: DtlsSignature,
}

impl Dtls {
    pub(super) fn read(values: &Values) -> Self {
        Dtls {
            passive: values.flag("dtls-passive"),
            rsa_bits: values.int("dtls-rsa-key-size").unsigned_abs(),
            cert_cipher: word(values, "dtls-cert-cipher", DtlsCertCipher::from_word),
            mtu: count(values, "dtls-mtu"),
            ciphers: values.text("dtls-ciphers").unwrap_or_default(),
            signature: word(values, "dtls-signature", DtlsSignature::from_word),
        }
    }
}

/// Level and coefficients of comfort noise (RFC 3389 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComfortNoise(pub Vec<u8>);

/// Discontinuous transmission (codecs.md §16).
#[derive(Debug, Clone, PartialEq)]
pub struct Dtx {
    /// Gaps are filled after this long; zero = not.
    pub delay: Duration,
    /// Filling stops after this long.
    pub max: Duration,
    /// Packets held back.
    pub buffer: i32,
    /// Most time packets are held back.
    pub lag: Duration,
    /// Step of the clock.
    pub shift: Duration,
    /// Noise played in gaps.
    pub noise: Option<ComfortNoise>,
    /// Payload sent for silence.
    pub payload: ComfortNoise,
    /// For AMR.
    pub amr: DtxMethod,
    /// For EVS.
    pub evs: DtxMethod,
    /// Audio below this percentage is silence; none = not detected.
    pub silence_percent: Option<f64>,
}

const CN_PAYLOAD_DEFAULT: u8 = 32;

impl Dtx {
    pub(super) fn read(values: &Values, messages: &mut Vec<Message>) -> Result<Self, OptionError> {
        let payload = comfort_noise(values, "cn-payload")?;
        Ok(Dtx {
            delay: milliseconds(values, "dtx-delay"),
            max: seconds(values, "max-dtx"),
            buffer: values.int("dtx-buffer"),
            lag: milliseconds(values, "dtx-lag"),
            shift: milliseconds(values, "dtx-shift"),
            noise: comfort_noise(values, "dtx-cn-params")?,
            payload: payload.unwrap_or_else(|| ComfortNoise(vec![CN_PAYLOAD_DEFAULT])),
            amr: word(values, "amr-dtx", DtxMethod::from_word),
            evs: word(values, "evs-dtx", DtxMethod::from_word),
            silence_percent: silence_percent(values, messages),
        })
    }
}

fn comfort_noise(values: &Values, name: &str) -> Result<Option<ComfortNoise>, OptionError> {
    let texts = values.list(name);
    let bytes = texts.iter().enumerate().map(|(at, text)| {
        let limit = if at == 0 { 127 } else { 254 };
        text.trim().parse::<u8>().ok().filter(|value| *value <= limit)
    });
    let bytes: Vec<u8> = bytes
        .collect::<Option<_>>()
        .ok_or_else(|| OptionError::invalid(format!("Invalid CN payload specified (--{name})")))?;
    Ok((!bytes.is_empty()).then_some(ComfortNoise(bytes)))
}

fn silence_percent(values: &Values, messages: &mut Vec<Message>) -> Option<f64> {
    let percent = values.float("silence-detect");
    if percent > 0.0 && percent < 100.0 {
        return Some(percent);
    }
    if percent != 0.0 {
        messages.push((
            Level::Warning,
            format!("Invalid value for --silence-detect ({percent}); give more than 0 and less than 100 percent. Silence detection is off"),
        ));
    }
    None
}
