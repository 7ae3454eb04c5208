//! The enumerations among the options: words on the outside, types inside (spec/operations.md §3.2).

use rtpengine_common::word_enum;

word_enum! {
    /// How the address of a peer is learned (media-plane.md §4).
    pub enum EndpointLearning {
        /// After a while.
        Delayed = "delayed",
        /// From the first packet.
        Immediate = "immediate",
        /// Never.
        Off = "off",
        /// From the best match among the first packets.
        Heuristic = "heuristic",
    }
}

word_enum! {
    /// A word of `--mos`.
    pub enum MosOption {
        /// Conversational quality.
        Cq = "CQ",
        /// Listening quality.
        Lq = "LQ",
        /// The historic formula.
        Legacy = "legacy",
        /// The simplified G.107 formula.
        G107 = "G.107" | "g107",
        /// The wide-band formula.
        G1072 = "G.107.2" | "g1072" | "g.1072" | "g107.2",
    }
}

word_enum! {
    /// Which SSRC statistics replies carry.
    pub enum SsrcReporting {
        /// Both forms.
        Full = "full",
        /// With the streams.
        Inline = "inline",
        /// In one list per call.
        Global = "global",
        /// Not at all.
        None = "none",
    }
}

word_enum! {
    /// Path-MTU discovery of control sockets.
    pub enum ControlPmtu {
        /// `IP_PMTUDISC_WANT`
        Want = "want",
        /// `IP_PMTUDISC_DONT`
        Dont = "dont" | "don't",
    }
}

word_enum! {
    /// When the mixing player is used (players.md §8).
    pub enum AudioPlayer {
        /// Only when asked for.
        OnDemand = "on-demand" | "on demand" | "off" | "no" | "never",
        /// For `play media`.
        PlayMedia = "play-media" | "play media" | "media player" | "media-player",
        /// Whenever audio is transcoded.
        Transcoding = "transcoding" | "transcode",
        /// Always.
        Always = "always" | "everything" | "force" | "forced",
    }
}

word_enum! {
    /// Who takes recorded packets (recording.md §22.2).
    pub enum RecordingSink {
        /// The kernel's sink if the table is open, else our own.
        Auto = "auto",
        /// The kernel's.
        Kernel = "kernel",
        /// Our own.
        User = "user",
    }
}

word_enum! {
    /// Key type of the DTLS certificate.
    pub enum DtlsCertCipher {
        /// Elliptic curve P-256.
        Prime256v1 = "prime256v1" | "ec-prime256v1" | "ec_prime256v1",
        /// RSA.
        Rsa = "RSA",
    }
}

word_enum! {
    /// Signature of the DTLS certificate.
    pub enum DtlsSignature {
        /// SHA-256.
        Sha256 = "SHA-256" | "sha256",
        /// SHA-1.
        Sha1 = "SHA-1" | "sha1",
    }
}

word_enum! {
    /// How gaps of a codec with own discontinuous transmission are filled.
    pub enum DtxMethod {
        /// By the codec.
        Native = "native",
        /// With comfort noise.
        Cn = "CN",
    }
}

word_enum! {
    /// Form of Redis records.
    pub enum RedisFormat {
        /// Bencode.
        Bencode = "bencode" | "native",
        /// JSON.
        Json = "JSON",
    }
}

word_enum! {
    /// Transport to Homer.
    pub enum HomerProtocol {
        /// Datagrams.
        Udp = "udp",
        /// A connection.
        Tcp = "tcp",
    }
}

word_enum! {
    /// What MQTT reports cover (operations.md §13).
    pub enum MqttScope {
        /// The summary with all calls.
        Global = "global",
        /// Only the summary.
        Summary = "summary",
        /// A message per call.
        Call = "call",
        /// A message per media.
        Media = "media",
    }
}
