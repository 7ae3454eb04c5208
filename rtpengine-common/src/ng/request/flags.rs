//! The words of the `flags` list (ng-control.md §7).

use std::fmt;

use super::words::{Effect, Word};
use super::{All, AudioPlayer, Ice, Request, Transport, TransportProtocol};

macro_rules! flags {
    ($($variant:ident: [$($name:literal),*], $meaning:literal;)+) => {
        /// A flag that is either given or not. Flags that stand for the value of a key are not here: they are in the field
        /// of that key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Flag {
            $(#[doc = $meaning] $variant,)+
        }

        /// The words that set a flag and nothing else.
        pub(crate) const PLAIN: &[Word] = &[
            $(Word { names: &[$($name),*], effect: Effect::Flag(Flag::$variant), meaning: $meaning },)+
        ];
    };
}

flags! {
    AllowAsymmetricCodecs: ["allow-asymmetric-codecs", "allow-asymmetric-codec"],
        "Accept answers with other payload type numbers.";
    AllowNoCodecMedia: ["allow-no-codec-media", "allow-no-codec-medias", "allow-empty-codec-media",
        "allow-empty-codec-medias"], "Reject media left without codecs instead of restoring them.";
    AllowTranscoding: ["allow-transcoding"], "`subscribe answer`: accept partial codec answers.";
    ForceTranscoding: ["force-transcoding"], "Transcode even between equal codecs.";
    Asymmetric: ["asymmetric"], "No endpoint learning for the sender.";
    Bidirectional: ["bidirectional"],
        "`publish`, `subscribe request`, `connect`, `unsubscribe`, `mesh`: both directions.";
    BlockDtmf: ["block-DTMF", "block-dtmf"], "`offer`, `answer`: block DTMF of the sender.";
    BlockEgress: ["block-egress"], "Suppress other media while a file is played.";
    BlockShort: ["block-short", "block-shorts", "block-short-packets"], "Drop short RTP packets.";
    Debug: ["debug", "debugging"], "Full debug log for this call.";
    DetectDtmf: ["detect-DTMF", "detect-dtmf"], "Detect DTMF tones in audio.";
    Directional: ["directional"], "Honour `from-tag` as selector; `connect`, `unsubscribe`: only from this source.";
    DiscardRecording: ["discard-recording"], "Discard the recording.";
    EarlyMedia: ["early-media"], "Start the audio player with the offer.";
    Egress: ["egress"], "`subscribe request`: copies of what is sent on behalf of the source.";
    ExcludeRecording: ["exclude-recording"], "No recording of the parties.";
    SkipRecordingDb: ["skip-recording-db", "skip-recording-database"], "No database record of the recording.";
    Fatal: ["fatal"], "`delete`: not found is an error.";
    Fast: ["fast"], "`delete`: no statistics in the reply.";
    Fragment: ["fragment"], "The SDP is a trickle ICE fragment.";
    FullRtcpAttribute: ["full-rtcp-attribute", "full-RTCP-attribute"], "`a=rtcp` with the address.";
    NoRtcpAttribute: ["no-rtcp-attribute", "no-RTCP-attribute"], "No `a=rtcp`.";
    GenerateMid: ["generate-mid"], "Add `a=mid` where it is missing.";
    RejectIce: ["reject-ICE", "reject-ice", "ICE-reject", "ice-reject"], "Reject offered ICE.";
    Inactive: ["inactive"], "`subscribe request`: the SDP is inactive.";
    InjectDtmf: ["inject-DTMF", "inject-dtmf"], "Make the call fit for `play DTMF`.";
    LoopProtect: ["loop-protect"], "Mark the SDP, and return SDP unchanged that is marked already.";
    MediaHandover: ["media-handover"], "Follow changes of the source address.";
    MirrorRtcp: ["mirror-RTCP", "mirror-rtcp", "RTCP-mirror", "rtcp-mirror"],
        "`subscribe request`: RTCP of the subscriber reaches the source.";
    Mix: ["mix", "mixed"], "`subscribe request`: one media per type.";
    NatWait: ["NAT-wait", "nat-wait"], "Send nothing to a peer before it has sent.";
    PierceNat: ["pierce-NAT", "pierce-nat"], "Send empty packets until the peer has sent.";
    NewBranch: ["new-branch"], "An answer with an unknown to-tag opens a new party.";
    Provisional: ["provisional"], "Allow a change of tag after a final response.";
    ReuseCodecs: ["no-codec-renegotiation", "reuse-codecs"], "Keep the order of codecs.";
    StaticCodecs: ["static-codecs", "static-codec"], "An offer does not change the codecs of the other side.";
    SingleCodec: ["single-codec"], "The answer keeps only its first codec.";
    PortLatching: ["port-latching"], "Keep the local ports.";
    NoPortLatching: ["no-port-latching"], "Never keep the local ports by implication.";
    NoRedisUpdate: ["no-redis-update"], "Do not store the call for this message.";
    NoTlsId: ["no-tls-id"], "No `a=tls-id`, and an ICE restart keeps the DTLS association: browsers want that.";
    NoJitterBuffer: ["no-jitter-buffer"], "No jitter buffer for the call.";
    OriginalSendrecv: ["original-sendrecv"], "Pass direction attributes through.";
    RecordCall: ["record-call"], "Start recording.";
    RecordingVsc: ["recording-vsc", "recording-VSC"], "Arm the DTMF codes that control recording.";
    RecordingAnnouncement: ["recording-announcement"], "Play an announcement when recording starts.";
    Recrypt: ["recrypt"], "Always decrypt and encrypt.";
    Reset: ["reset"], "`offer`: forget what was learned about ICE and SRTP.";
    Siprec: ["SIPREC", "siprec"], "`subscribe request`: labels and more reply keys.";
    StrictSource: ["strict-source"], "Drop packets from other sources than the learned one.";
    ToTag: ["to-tag", "to_tag"], "`delete`, `subscribe request`: the to-tag is meant.";
    TrickleIce: ["trickle-ICE", "trickle-ice"], "Advertise trickle ICE.";
    Unidirectional: ["unidirectional"], "Offload one-way media too.";
    Unsubscribe: ["unsubscribe"], "`mesh`: drop subscriptions first.";
    Pause: ["pause"], "`stop recording`: pause instead.";
    Ice2: [], "Advertise `ice2`: a value of `ICE`, no word of its own.";
}

/// The words that stand for values of keys, and those without effect.
pub(crate) const MEANINGFUL: &[Word] = &[
    Word { names: &["all"], effect: Effect::Do(|r| r.all = All::All), meaning: "The same as `all` = `all`." },
    Word {
        names: &["always-transcode"],
        effect: Effect::Do(|r| r.codecs.accept.push("all".into())),
        meaning: "The same as `codec` → `accept` = `all`.",
    },
    Word {
        names: &["audio-player", "player"],
        effect: Effect::Do(|r| r.audio_player = AudioPlayer::On),
        meaning: "The same as `audio-player` = `on`.",
    },
    Word {
        names: &["no-audio-player", "no-player"],
        effect: Effect::Do(|r| r.audio_player = AudioPlayer::Off),
        meaning: "The same as `audio-player` = `off`.",
    },
    Word {
        names: &["generate-RTCP", "generate-rtcp"],
        effect: Effect::Do(|r| r.generate_rtcp = Some(true)),
        meaning: "The same as `generate-RTCP` = `on`.",
    },
    Word {
        names: &["pad-crypto"],
        effect: Effect::Do(|r| r.sdes.pad = true),
        meaning: "The same as `SDES` = `pad`.",
    },
    Word {
        names: &["passthrough"],
        effect: Effect::Do(|r| r.passthrough = Some(true)),
        meaning: "The same as `passthrough` = `on`.",
    },
    Word {
        names: &["no-passthrough"],
        effect: Effect::Do(|r| r.passthrough = Some(false)),
        meaning: "The same as `passthrough` = `off`.",
    },
    Word {
        names: &["SIP-source-address", "sip-source-address"],
        effect: Effect::Do(|r| r.trust_address = false),
        meaning: "Take the address of `received-from` instead of those in the SDP.",
    },
    Word {
        names: &["trust-address"],
        effect: Effect::Do(|r| r.trust_address = true),
        meaning: "Take the addresses in the SDP.",
    },
    Word {
        names: &["strip-extmap"],
        effect: Effect::Do(|r| r.extmap.strip.push("all".into())),
        meaning: "The same as `extmap` → `strip` = `all`.",
    },
    Word {
        names: &["WebRTC", "webRTC", "webrtc", "WebRtc"],
        effect: Effect::Do(web_rtc),
        meaning: "Protocol `UDP/TLS/RTP/SAVPF`, ICE `force`, trickle ICE, rtcp-mux `offer` and `require`, no `a=rtcp`, \
                  SDES off, generate-mid, bundle `offer` and `require`.",
    },
    Word {
        names: &["asymmetric-codecs", "symmetric-codecs", "reorder-codecs"],
        effect: Effect::Obsolete,
        meaning: "Obsolete, without effect.",
    },
    Word {
        names: &["symmetric", "force", "auto-bridge"],
        effect: Effect::Obsolete,
        meaning: "Without effect; some agents send them.",
    },
];

fn web_rtc(request: &mut Request) {
    request.transport_protocol = Some(TransportProtocol::Use(Transport::UdpTlsRtpSavpf));
    request.ice = Ice::Force;
    request.rtcp_mux.offer = true;
    request.rtcp_mux.require = true;
    request.bundle.offer = true;
    request.bundle.require = true;
    request.sdes.off = true;
    request.flags.set(Flag::TrickleIce);
    request.flags.set(Flag::NoRtcpAttribute);
    request.flags.set(Flag::GenerateMid);
}

/// A set of flags.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u64);

const _: () = assert!(PLAIN.len() <= 64, "Flags is a set of 64 bits");

impl Flags {
    /// Whether the flag is in the set.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Adds a flag.
    pub fn set(&mut self, flag: Flag) {
        self.0 |= flag.bit();
    }

    /// The flags of the set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        PLAIN.iter().filter_map(move |word| match word.effect {
            Effect::Flag(flag) if self.has(flag) => Some(flag),
            _ => None,
        })
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::default();
        flags.into_iter().for_each(|flag| set.set(flag));
        set
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Flag {
    fn bit(self) -> u64 {
        1 << self as u8
    }
}
