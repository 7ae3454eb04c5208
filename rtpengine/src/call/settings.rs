//! What the code of a call reads of the operator's configuration.

use std::sync::Arc;
use std::time::Duration;

use rtpengine_common::ng::EndpointLearning;

use super::dtmf::DtmfOptions;
use super::handling::CodecSettings;
use crate::dtls::Context;
use crate::flow::{JitterSettings, MosOptions};
use crate::player::Sources;

/// Which part of a `query` shows SSRC statistics (ng-control.md §12.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SsrcReporting {
    /// In the medias and in the `SSRC` dictionary.
    #[default]
    Full,
    /// In the medias only.
    Inline,
    /// In the `SSRC` dictionary only.
    Global,
    /// Nowhere.
    None,
}

/// Where the daemon becomes the source of what a party hears (players.md §8.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AudioPlayerMode {
    /// Where signalling asks.
    #[default]
    OnDemand,
    /// For the time of `play media`.
    PlayMedia,
    /// Where something is transcoded.
    Transcoding,
    /// Everywhere.
    Always,
}

/// Run-time settings that calls depend on: a snapshot, looked at once per turn.
#[derive(Clone)]
pub struct Settings {
    /// Printed in `s=` where there is no source (sdp.md §6.2), already in its printable form.
    pub software_id: Box<str>,
    /// 12 lower-case hex digits, fixed for the process: loop protection and CNAME.
    pub instance_id: Box<str>,
    /// `--timeout`
    pub timeout: Duration,
    /// `--silent-timeout`
    pub silent_timeout: Duration,
    /// `--offer-timeout`
    pub offer_timeout: Duration,
    /// `--final-timeout`; `None` is off.
    pub final_timeout: Option<Duration>,
    /// `--delete-delay`
    pub delete_delay: Duration,
    /// `--tos`
    pub tos: u8,
    /// `--endpoint-learning`
    pub endpoint_learning: EndpointLearning,
    /// `--save-interface-ports`
    pub save_interface_ports: bool,
    /// `--reject-invalid-sdp`
    pub reject_invalid_sdp: bool,
    /// `--moh-attr-name`
    pub moh_attribute: Option<Box<str>>,
    /// `--moh-prevent-double-hold`
    pub moh_prevent_double: bool,
    /// `--moh-max-repeats`
    pub moh_max_repeats: u32,
    /// `--moh-max-duration`; `None` is no limit.
    pub moh_max_duration: Option<Duration>,
    /// `--audio-player`
    pub audio_player: AudioPlayerMode,
    /// `--audio-buffer-length`
    pub audio_buffer: Duration,
    /// `--audio-buffer-delay`
    pub audio_delay: Duration,
    /// Opens media to be played; `None`: nothing is played.
    pub sources: Option<Arc<dyn Sources>>,
    /// `--ssrc-reporting`
    pub ssrc_reporting: SsrcReporting,
    /// `--active-switchover`
    pub active_switchover: bool,
    /// Decides conflicts of ICE roles; random per process.
    pub ice_tie_breaker: u64,
    /// `--ice-consent`
    pub ice_consent: bool,
    /// `--ice-keepalive`
    pub ice_keepalive: Option<Duration>,
    /// A spool directory is configured: calls can be recorded.
    pub records: bool,
    /// `--mos`
    pub mos: MosOptions,
    /// `--rtcp-interval`
    pub rtcp_interval: Duration,
    /// `--srtp-replay-window`: packets; 0 is off.
    pub srtp_replay_window: u16,
    /// `--log-srtp-keys`: at error level instead of debug.
    pub log_srtp_keys: bool,
    /// What is told of DTMF, and how digit strings are heard.
    pub dtmf: DtmfOptions,
    /// The present DTLS certificate, for new calls.
    pub dtls: Option<Arc<Context>>,
    /// What was configured about codecs.
    pub codecs: Arc<CodecSettings>,
    /// `--jitter-buffer` with what belongs to it.
    pub jitter: Option<JitterSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            software_id: "rtpengine".into(),
            instance_id: "000000000000".into(),
            timeout: Duration::from_secs(60),
            silent_timeout: Duration::from_secs(3600),
            offer_timeout: Duration::from_secs(3600),
            final_timeout: None,
            delete_delay: Duration::from_secs(30),
            tos: 0,
            endpoint_learning: EndpointLearning::Heuristic,
            save_interface_ports: false,
            reject_invalid_sdp: false,
            moh_attribute: None,
            moh_prevent_double: false,
            moh_max_repeats: 999,
            moh_max_duration: Some(Duration::from_millis(1_800_000)),
            audio_player: AudioPlayerMode::OnDemand,
            audio_buffer: Duration::from_millis(500),
            audio_delay: Duration::from_millis(5),
            sources: None,
            ssrc_reporting: SsrcReporting::Full,
            active_switchover: false,
            ice_tie_breaker: 0,
            ice_consent: false,
            ice_keepalive: None,
            records: false,
            mos: MosOptions::default(),
            rtcp_interval: Duration::from_secs(5),
            srtp_replay_window: 0,
            log_srtp_keys: false,
            dtmf: DtmfOptions::default(),
            dtls: None,
            codecs: Arc::default(),
            jitter: None,
        }
    }
}
