//! The one table of codecs (`codecs.md` §1.1) and the static payload numbers (§1.2).

use crate::names::NameIndex;

/// The codecs known by name, in the order of the table. `as usize` is the position in [`CODECS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // the names say it
pub enum CodecId {
    Pcma,
    Pcmu,
    G723,
    G722,
    Qcelp,
    G729,
    G729a,
    Speex,
    Gsm,
    Ilbc,
    Opus,
    Evs,
    Vorbis,
    Ac3,
    Eac3,
    Atrac3,
    AtracX,
    Evrc,
    Evrc0,
    Evrc1,
    Amr,
    AmrWb,
    TelephoneEvent,
    Cn,
    Red,
    L16,
    XL16,
    G726_16,
    G726_24,
    G726_32,
    G726_40,
    PcmU8,
    Mp3,
}

/// Where the names are in [`CODECS`].
static NAMES: NameIndex<128> = {
    let mut names = [""; CODECS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = CODECS[at].name;
        at += 1;
    }
    NameIndex::new(&names)
};

impl CodecId {
    /// The row of the table.
    #[must_use]
    pub fn def(self) -> &'static CodecDef {
        &CODECS[self as usize]
    }

    /// Finds a codec by name, whatever the letter case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let is = |at: usize| CODECS[at].name.eq_ignore_ascii_case(name);
        NAMES.find(name.as_bytes(), is).map(|at| CODECS[at].id)
    }
}

/// How encoder output becomes packets (`codecs.md` §12(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Any number of samples per packet: `samples × bits / 8` octets per packet time.
    SampleStream,
    /// One encoder frame is one packet, whatever the packet time is.
    OneFrame,
    /// G.729: 10-octet speech frames, a noise frame of 2 octets at the end only (RFC 3551 §4.5.6).
    G729,
    /// AMR and AMR-WB with the table of contents of RFC 4867.
    Rfc4867,
    /// telephone-event packets (RFC 4733), not audio.
    Events,
    /// Not packed by this program (`red`), or a comfort noise payload.
    Other,
}

/// Which ways of filling discontinuous transmission a codec has (`codecs.md` §16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtx {
    /// No DTX handling.
    None,
    /// Digital silence or comfort noise.
    Silence,
    /// The codec's own frames (AMR NO_DATA, EVS bad frame), else as [`Dtx::Silence`].
    Native,
}

/// How two format parameter texts of one codec are compared (`codecs.md` §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FmtpRule {
    /// Always equal.
    Ignored,
    /// Equal text, or both absent.
    Exact,
    /// RFC 4867 parameters (`codecs.md` §4.3).
    Amr,
    /// EVS parameters (`codecs.md` §4.3).
    Evs,
}

/// Codecs that accompany audio and are never an audio destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Supplemental {
    /// `telephone-event` (RFC 4733).
    TelephoneEvent,
    /// `CN` (RFC 3389).
    ComfortNoise,
    /// `red` (RFC 2198), only ever forwarded.
    Redundancy,
}

impl Supplemental {
    /// The table row of this supplemental codec.
    #[must_use]
    pub fn codec(self) -> CodecId {
        match self {
            Self::TelephoneEvent => CodecId::TelephoneEvent,
            Self::ComfortNoise => CodecId::Cn,
            Self::Redundancy => CodecId::Red,
        }
    }
}

/// What implements a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Own tables (G.711).
    Table,
    /// libavcodec under these coder names, the first one present is taken; an empty list means the direction does not exist.
    Avcodec {
        /// Encoders in order of preference.
        encoders: &'static [&'static str],
        /// Decoders in order of preference.
        decoders: &'static [&'static str],
    },
    /// libopus.
    Opus,
    /// bcg729; without it libavcodec decodes.
    Bcg729,
    /// The 3GPP reference library, loaded at run time.
    Evs,
    /// Events, built in.
    Events,
    /// No implementation.
    None,
}

/// One row of the codec table. A clock or channel count of 0 means "no default".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecDef {
    /// Which row this is.
    pub id: CodecId,
    /// The name as printed.
    pub name: &'static str,
    /// The static payload number that belongs to the name.
    pub payload_type: Option<u8>,
    /// RTP clock rate in Hz, 0 = no default.
    pub clock: u32,
    /// The audio rate is the RTP clock times this (G.722: 2, EVS: 3, else 1).
    pub audio_factor: u32,
    /// Channels, 0 = no default.
    pub channels: u32,
    /// Default packet time in ms, 0 = none.
    pub ptime: u32,
    /// Shortest packet time of the encoder in ms, 0 = any.
    pub min_ptime: u32,
    /// Default bit rate in bit/s, 0 = none.
    pub bitrate: u32,
    /// Format parameters a codec string without that field gets.
    pub fmtp: Option<&'static str>,
    /// Bits per sample as the packers need them, 0 = not given.
    pub bits_per_sample: u32,
    /// Packing of encoder output.
    pub packing: Packing,
    /// DTX methods.
    pub dtx: Dtx,
    /// Comparison of format parameters.
    pub compare: FmtpRule,
    /// Implementation.
    pub engine: Engine,
    /// Role beside audio.
    pub supplemental: Option<Supplemental>,
    /// Payloads have one length per packet time (short-packet filter, `codecs.md` §10.7).
    pub fixed_size: bool,
    /// The octet that fills silenced payloads.
    pub silence: Option<u8>,
    /// Opening this coder takes long enough to delay other calls of a thread (architecture, `codec-num-threads`).
    pub slow_open: bool,
}

const fn row(id: CodecId, name: &'static str, engine: Engine) -> CodecDef {
    CodecDef {
        id,
        name,
        payload_type: None,
        clock: 0,
        audio_factor: 1,
        channels: 0,
        ptime: 20,
        min_ptime: 0,
        bitrate: 0,
        fmtp: None,
        bits_per_sample: 0,
        packing: Packing::OneFrame,
        dtx: Dtx::Silence,
        compare: FmtpRule::Exact,
        engine,
        supplemental: None,
        fixed_size: false,
        silence: None,
        slow_open: false,
    }
}

const fn both(name: &'static [&'static str]) -> Engine {
    Engine::Avcodec { encoders: name, decoders: name }
}

const fn decoder(name: &'static [&'static str]) -> Engine {
    Engine::Avcodec { encoders: &[], decoders: name }
}

const fn g711(id: CodecId, name: &'static str, payload_type: u8, silence: u8) -> CodecDef {
    CodecDef {
        payload_type: Some(payload_type),
        clock: 8000,
        channels: 1,
        bits_per_sample: 8,
        packing: Packing::SampleStream,
        compare: FmtpRule::Ignored,
        fixed_size: true,
        silence: Some(silence),
        ..row(id, name, Engine::Table)
    }
}

const fn g729(id: CodecId, name: &'static str, fmtp: &'static str) -> CodecDef {
    CodecDef {
        payload_type: Some(18),
        clock: 8000,
        channels: 1,
        min_ptime: 20,
        fmtp: Some(fmtp),
        bits_per_sample: 1,
        packing: Packing::G729,
        compare: FmtpRule::Ignored,
        fixed_size: true,
        ..row(id, name, Engine::Bcg729)
    }
}

const fn g726(id: CodecId, name: &'static str, bits_per_sample: u32) -> CodecDef {
    CodecDef {
        clock: 8000,
        channels: 1,
        min_ptime: 20,
        bitrate: bits_per_sample * 8000,
        bits_per_sample,
        packing: Packing::SampleStream,
        fixed_size: true,
        ..row(id, name, both(&["g726"]))
    }
}

const fn amr(id: CodecId, name: &'static str, clock: u32, bitrate: u32, engine: Engine) -> CodecDef {
    CodecDef {
        clock,
        channels: 1,
        min_ptime: 20,
        bitrate,
        fmtp: Some("octet-align=1;mode-change-capability=2"),
        bits_per_sample: 2,
        packing: Packing::Rfc4867,
        dtx: Dtx::Native,
        compare: FmtpRule::Amr,
        slow_open: true,
        ..row(id, name, engine)
    }
}

const fn supplemental(
    id: CodecId,
    name: &'static str,
    kind: Supplemental,
    packing: Packing,
    engine: Engine,
) -> CodecDef {
    CodecDef {
        clock: 8000,
        channels: 1,
        ptime: 0,
        packing,
        dtx: Dtx::None,
        compare: FmtpRule::Ignored,
        supplemental: Some(kind),
        ..row(id, name, engine)
    }
}

const fn linear(
    id: CodecId,
    name: &'static str,
    payload_type: Option<u8>,
    bits: u32,
    engine: Engine,
) -> CodecDef {
    CodecDef {
        payload_type,
        clock: 44100,
        channels: 1,
        min_ptime: 20,
        bits_per_sample: bits,
        dtx: Dtx::None,
        ..row(id, name, engine)
    }
}

const fn no_defaults(id: CodecId, name: &'static str, engine: Engine) -> CodecDef {
    CodecDef { ptime: 0, dtx: Dtx::None, ..row(id, name, engine) }
}

/// Every codec the program knows by name, each exactly once.
pub static CODECS: [CodecDef; 33] = [
    g711(CodecId::Pcma, "PCMA", 8, 0xd5),
    g711(CodecId::Pcmu, "PCMU", 0, 0xff),
    CodecDef {
        payload_type: Some(4),
        clock: 8000,
        channels: 1,
        ptime: 30,
        min_ptime: 30,
        bitrate: 6300,
        fixed_size: true,
        slow_open: true,
        ..row(CodecId::G723, "G723", both(&["g723_1"]))
    },
    CodecDef {
        payload_type: Some(9),
        clock: 8000,
        audio_factor: 2,
        channels: 1,
        bits_per_sample: 4,
        packing: Packing::SampleStream,
        compare: FmtpRule::Ignored,
        fixed_size: true,
        silence: Some(0xfa),
        ..row(CodecId::G722, "G722", both(&["g722"]))
    },
    CodecDef { payload_type: Some(12), min_ptime: 20, ..row(CodecId::Qcelp, "QCELP", decoder(&["qcelp"])) },
    g729(CodecId::G729, "G729", "annexb=yes"),
    g729(CodecId::G729a, "G729a", "annexb=no"),
    CodecDef {
        clock: 16000,
        channels: 1,
        min_ptime: 20,
        bitrate: 11000,
        slow_open: true,
        ..row(
            CodecId::Speex,
            "speex",
            // libspeex writes about bad payloads to standard error, the decoder of libavcodec itself does not.
            Engine::Avcodec { encoders: &["libspeex"], decoders: &["speex", "libspeex"] },
        )
    },
    CodecDef {
        payload_type: Some(3),
        clock: 8000,
        channels: 1,
        min_ptime: 20,
        ..row(CodecId::Gsm, "GSM", Engine::Avcodec { encoders: &["libgsm"], decoders: &["libgsm", "gsm"] })
    },
    CodecDef {
        clock: 8000,
        channels: 1,
        ptime: 30,
        fmtp: Some("mode=30"),
        dtx: Dtx::None,
        ..row(
            CodecId::Ilbc,
            "iLBC",
            Engine::Avcodec { encoders: &["libilbc"], decoders: &["libilbc", "ilbc"] },
        )
    },
    CodecDef {
        clock: 48000,
        channels: 2,
        bitrate: 32000,
        fmtp: Some("useinbandfec=1"),
        compare: FmtpRule::Ignored,
        slow_open: true,
        ..row(CodecId::Opus, "opus", Engine::Opus)
    },
    CodecDef {
        clock: 16000,
        audio_factor: 3,
        channels: 1,
        bitrate: 16400,
        fmtp: Some("dtx=0;dtx-recv=0"),
        bits_per_sample: 1,
        dtx: Dtx::Native,
        compare: FmtpRule::Evs,
        slow_open: true,
        ..row(CodecId::Evs, "EVS", Engine::Evs)
    },
    row(
        CodecId::Vorbis,
        "vorbis",
        Engine::Avcodec { encoders: &["libvorbis", "vorbis"], decoders: &["vorbis", "libvorbis"] },
    ),
    row(CodecId::Ac3, "ac3", both(&["ac3"])),
    row(CodecId::Eac3, "eac3", both(&["eac3"])),
    row(CodecId::Atrac3, "ATRAC3", decoder(&["atrac3"])),
    row(CodecId::AtracX, "ATRAC-X", decoder(&["atrac3plus"])),
    row(CodecId::Evrc, "EVRC", decoder(&["evrc"])),
    CodecDef { clock: 8000, ..row(CodecId::Evrc0, "EVRC0", decoder(&["evrc"])) },
    CodecDef { clock: 8000, ..row(CodecId::Evrc1, "EVRC1", decoder(&["evrc"])) },
    amr(
        CodecId::Amr,
        "AMR",
        8000,
        6700,
        Engine::Avcodec { encoders: &["libopencore_amrnb"], decoders: &["libopencore_amrnb", "amrnb"] },
    ),
    amr(
        CodecId::AmrWb,
        "AMR-WB",
        16000,
        14250,
        Engine::Avcodec { encoders: &["libvo_amrwbenc"], decoders: &["libopencore_amrwb", "amrwb"] },
    ),
    CodecDef {
        fmtp: Some("0-15"),
        ..supplemental(
            CodecId::TelephoneEvent,
            "telephone-event",
            Supplemental::TelephoneEvent,
            Packing::Events,
            Engine::Events,
        )
    },
    CodecDef {
        payload_type: Some(13),
        ptime: 20,
        ..supplemental(CodecId::Cn, "CN", Supplemental::ComfortNoise, Packing::Other, both(&["comfortnoise"]))
    },
    supplemental(CodecId::Red, "red", Supplemental::Redundancy, Packing::Other, Engine::None),
    linear(CodecId::L16, "L16", Some(10), 16, both(&["pcm_s16be"])),
    linear(CodecId::XL16, "X-L16", None, 16, both(&["pcm_s16le"])),
    g726(CodecId::G726_16, "G726-16", 2),
    g726(CodecId::G726_24, "G726-24", 3),
    g726(CodecId::G726_32, "G726-32", 4),
    g726(CodecId::G726_40, "G726-40", 5),
    no_defaults(CodecId::PcmU8, "PCM-U8", both(&["pcm_u8"])),
    no_defaults(
        CodecId::Mp3,
        "MP3",
        Engine::Avcodec { encoders: &["libmp3lame"], decoders: &["mp3float", "mp3"] },
    ),
];

/// A static payload number of RFC 3551 as this program understands it (`codecs.md` §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticPayloadType {
    /// The number.
    pub payload_type: u8,
    /// Encoding name.
    pub name: &'static str,
    /// RTP clock rate in Hz.
    pub clock: u32,
    /// Channels.
    pub channels: u32,
    /// Default packet time in ms.
    pub ptime: u32,
}

impl StaticPayloadType {
    /// The definition of a payload number used without `rtpmap`.
    #[must_use]
    pub fn by_number(payload_type: u8) -> Option<&'static Self> {
        STATIC_PAYLOAD_TYPES.iter().find(|s| s.payload_type == payload_type)
    }
}

const fn fixed(payload_type: u8, name: &'static str, clock: u32) -> StaticPayloadType {
    StaticPayloadType { payload_type, name, clock, channels: 1, ptime: 20 }
}

/// The static payload numbers, ascending.
pub static STATIC_PAYLOAD_TYPES: [StaticPayloadType; 24] = [
    fixed(0, "PCMU", 8000),
    fixed(3, "GSM", 8000),
    StaticPayloadType { ptime: 30, ..fixed(4, "G723", 8000) },
    fixed(5, "DVI4", 8000),
    fixed(6, "DVI4", 16000),
    fixed(7, "LPC", 8000),
    fixed(8, "PCMA", 8000),
    fixed(9, "G722", 8000),
    fixed(10, "L16", 44100),
    StaticPayloadType { channels: 2, ..fixed(11, "L16", 44100) },
    fixed(12, "QCELP", 8000),
    fixed(13, "CN", 8000),
    fixed(14, "MPA", 90000),
    fixed(15, "G728", 8000),
    fixed(16, "DVI4", 11025),
    fixed(17, "DVI4", 22050),
    fixed(18, "G729", 8000),
    fixed(25, "CelB", 90000),
    fixed(26, "JPEG", 90000),
    fixed(28, "nv", 90000),
    fixed(31, "H261", 90000),
    fixed(32, "MPV", 90000),
    fixed(33, "MP2T", 90000),
    fixed(34, "H263", 90000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_own_position() {
        for (position, def) in CODECS.iter().enumerate() {
            assert_eq!(def.id as usize, position, "{}", def.name);
            assert_eq!(CodecId::by_name(def.name), Some(def.id));
            assert_eq!(CodecId::by_name(&def.name.to_uppercase()), Some(def.id));
            assert_eq!(CodecId::by_name(&def.name.to_lowercase()), Some(def.id));
        }
        assert_eq!(CodecId::by_name("H264"), None);
        assert_eq!(CodecId::by_name(""), None);
    }

    #[test]
    fn static_numbers_agree_with_the_codec_table() {
        for def in &CODECS {
            let Some(number) = def.payload_type else { continue };
            let fixed = StaticPayloadType::by_number(number).expect(def.name);
            assert!(def.name.starts_with(fixed.name), "{} is {}", def.name, fixed.name);
            if def.clock != 0 {
                assert_eq!((fixed.clock, fixed.channels), (def.clock, def.channels), "{}", def.name);
            }
        }
        assert_eq!(StaticPayloadType::by_number(1), None);
        assert_eq!(StaticPayloadType::by_number(96), None);
    }

    #[test]
    fn fixed_size_and_silence_are_those_of_the_table() {
        let fixed: Vec<_> = CODECS.iter().filter(|d| d.fixed_size).map(|d| d.name).collect();
        let expected =
            ["PCMA", "PCMU", "G723", "G722", "G729", "G729a", "G726-16", "G726-24", "G726-32", "G726-40"];
        assert_eq!(fixed, expected);
        let silence: Vec<_> = CODECS.iter().filter_map(|d| d.silence.map(|o| (d.name, o))).collect();
        assert_eq!(silence, [("PCMA", 0xd5), ("PCMU", 0xff), ("G722", 0xfa)]);
    }
}
