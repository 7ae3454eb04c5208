//! Closed lists of words: what a value may be and what it does (ng-control.md §6 and §8).

use Effect::{Do, Flag as SetFlag, NotInAnswer};

use super::{
    AddressFamily, AliasKey, All, AudioPlayer, DropTraffic, DtmfSecurity, EndpointLearning, FingerprintHash,
    Flag, Ice, IceLite, MediaEcho, MessageType, RecordCall, Request, StopRecording,
};

/// One word with its spellings. A blank in the message equals a hyphen here.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    /// All spellings, the usual one first.
    pub(crate) names: &'static [&'static str],
    /// What it does.
    pub(crate) effect: Effect,
    /// What it means, for the manual; empty where the word says it.
    pub(crate) meaning: &'static str,
}

/// The effect of a word.
#[derive(Clone, Copy)]
pub(crate) enum Effect {
    /// Sets a flag.
    Flag(Flag),
    /// Sets a field.
    Do(fn(&mut Request)),
    /// Sets a field, except in an answer.
    NotInAnswer(fn(&mut Request)),
    /// Nothing; agents send it.
    Obsolete,
}

/// The words a value, or the elements of a list, are taken from.
pub(crate) struct WordList {
    /// The key it belongs to, as warnings name it.
    pub(crate) key: &'static str,
    /// The words.
    pub(crate) words: &'static [Word],
    /// Values that are no fixed words: takes one, or says that it is unknown.
    pub(crate) other: Option<fn(&mut Request, &[u8]) -> bool>,
    /// How the manual writes those.
    pub(crate) other_forms: &'static [&'static str],
    /// Capital letters mean the same as small ones.
    pub(crate) any_case: bool,
}

impl WordList {
    const fn new(key: &'static str, words: &'static [Word]) -> Self {
        Self { key, words, other: None, other_forms: &[], any_case: false }
    }

    /// The word with this spelling.
    pub(crate) fn find(&self, value: &[u8]) -> Option<&'static Word> {
        let small = self.any_case.then(|| value.to_ascii_lowercase());
        let value = small.as_deref().unwrap_or(value);
        self.words.iter().find(|word| word.names.iter().any(|name| same(name.as_bytes(), value)))
    }
}

/// Equal, a blank in the value standing for a hyphen of the name.
pub(crate) fn same(name: &[u8], value: &[u8]) -> bool {
    name.len() == value.len()
        && name.iter().zip(value).all(|(name, value)| name == value || (*name == b'-' && *value == b' '))
}

const fn word(names: &'static [&'static str], effect: Effect, meaning: &'static str) -> Word {
    Word { names, effect, meaning }
}

pub(crate) static ALL: WordList = WordList::new(
    "all",
    &[
        word(&["none"], Do(|r| r.all = All::None), ""),
        word(&["all"], Do(|r| r.all = All::All), "the whole call"),
        word(&["offer-answer"], Do(|r| r.all = All::OfferAnswer), "all flows made by offer and answer"),
        word(
            &["not-offer-answer", "non-offer-answer", "except-offer-answer"],
            Do(|r| r.all = All::NotOfferAnswer),
            "all other flows",
        ),
        word(&["flows"], Do(|r| r.all = All::Flows), "all flows"),
    ],
);

pub(crate) static ALIAS_KEY: WordList = WordList::new(
    "alias-key",
    &[
        word(&["none", "off", "no"], Do(|r| r.alias_key = AliasKey::None), ""),
        word(&["sdp", "SDP"], Do(|r| r.alias_key = AliasKey::Sdp), "the whole SDP"),
        word(
            &["address", "endpoint"],
            Do(|r| r.alias_key = AliasKey::Address),
            "the address of the first section",
        ),
    ],
);

pub(crate) static MESSAGE_TYPE: WordList = WordList::new(
    "sip-message-type",
    &[
        word(
            &["request", "sip-request", "SIP-request", "sip_request", "SIP_request"],
            Do(|r| r.message_type = Some(MessageType::Request)),
            "",
        ),
        word(
            &[
                "reply",
                "sip-reply",
                "SIP-reply",
                "sip_reply",
                "SIP_reply",
                "sip-response",
                "SIP-response",
                "sip_response",
                "SIP_response",
            ],
            Do(|r| r.message_type = Some(MessageType::Response)),
            "",
        ),
    ],
);

pub(crate) static ADDRESS_FAMILY: WordList = WordList::new(
    "address-family",
    &[
        word(&["IP4"], Do(|r| r.address_family = Some(AddressFamily::Ip4)), ""),
        word(&["IP6"], Do(|r| r.address_family = Some(AddressFamily::Ip6)), ""),
    ],
);

pub(crate) static REPLACE: WordList = WordList::new(
    "replace",
    &[
        word(&["origin"], Do(|r| r.replace.origin = true), "the address in `o=`"),
        word(
            &["session-connection"],
            Do(|r| r.replace.session_connection = true),
            "accepted; the session address is always replaced",
        ),
        word(&["origin-full", "origin_full"], Do(|r| r.replace.origin_full = true), "the whole of `o=`"),
        word(&["username"], Do(|r| r.replace.username = true), "the user name in `o=`"),
        word(&["session-name"], Do(|r| r.replace.session_name = true), "`s=`"),
        word(&["sdp-version", "SDP-version"], Do(|r| r.replace.sdp_version = true), "the version in `o=`"),
        word(&["zero-address"], Do(|r| r.replace.zero_address = true), "also zero addresses"),
        word(
            &["force-increment-sdp-ver", "force-increment-SDP-ver"],
            Do(|r| r.replace.force_increment_sdp_version = true),
            "increment the version every time",
        ),
    ],
);

pub(crate) static RTCP_MUX: WordList = WordList::new(
    "rtcp-mux",
    &[
        word(&["offer"], Do(|r| r.rtcp_mux.offer = true), "offer it even if the sender does not"),
        word(
            &["require"],
            Do(|r| {
                r.rtcp_mux.offer = true;
                r.rtcp_mux.require = true;
            }),
            "offer it without a separate port",
        ),
        word(&["demux"], Do(|r| r.rtcp_mux.demux = true), "do not offer it, accept it back"),
        word(&["accept"], Do(|r| r.rtcp_mux.accept = true), "accept it in any case"),
        word(&["reject"], Do(|r| r.rtcp_mux.reject = true), "reject it in any case"),
    ],
);

pub(crate) static BUNDLE: WordList = WordList::new(
    "bundle",
    &[
        word(&["accept"], Do(|r| r.bundle.accept = true), "accept an offered bundle"),
        word(&["offer"], Do(offer_bundle), "offer a bundle, generate-mid"),
        word(&["require"], Do(require_bundle), "offer it as bundle-only"),
        word(
            &["strict"],
            Do(|r| {
                require_bundle(r);
                r.bundle.strict = true;
            }),
            "`require`, and nothing outside the bundle",
        ),
        word(&["reject"], Do(|r| r.bundle.reject = true), "reject an offered bundle"),
    ],
);

fn offer_bundle(request: &mut Request) {
    request.bundle.offer = true;
    request.flags.set(Flag::GenerateMid);
}

fn require_bundle(request: &mut Request) {
    offer_bundle(request);
    request.bundle.require = true;
}

pub(crate) static ICE: WordList = WordList::new(
    "ICE",
    &[
        word(&["remove"], Do(|r| r.ice = Ice::Remove), "no ICE"),
        word(&["force"], Do(|r| r.ice = Ice::Force), "the daemon is the only candidate"),
        word(
            &["force-relay", "force_relay"],
            Do(|r| r.ice = Ice::ForceRelay),
            "the daemon is a relay candidate",
        ),
        word(&["default"], Do(|r| r.ice = Ice::Default), "as the sender does"),
        word(&["optional"], Do(|r| r.ice = Ice::Optional), "the daemon is one more candidate"),
        word(&["trickle"], SetFlag(Flag::TrickleIce), "the same as the flag `trickle-ICE`"),
        word(&["ice2", "ICE2"], SetFlag(Flag::Ice2), "advertise `ice2`"),
        word(&["lite-no", "lite-off", "lite-none", "no-lite"], Do(lite_off), "ICE-lite `off`"),
        word(
            &["lite", "lite-fw", "lite-fwd", "lite-forward", "lite-offer"],
            Do(lite_forward),
            "ICE-lite `forward`",
        ),
        word(
            &[
                "lite-backward",
                "lite-backwards",
                "lite-reverse",
                "lite-answer",
                "lite-back",
                "lite-bkw",
                "lite-bk",
            ],
            Do(lite_backward),
            "ICE-lite `backward`",
        ),
        word(&["lite-both"], Do(lite_both), "ICE-lite `both`"),
    ],
);

pub(crate) static ICE_LITE: WordList = WordList::new(
    "ICE-lite",
    &[
        word(&["off", "none", "no"], Do(lite_off), ""),
        word(&["forward", "offer", "fwd", "fw"], Do(lite_forward), "towards the receiver"),
        word(
            &["backward", "backwards", "reverse", "answer", "back", "bkw", "bk"],
            Do(lite_backward),
            "towards the sender",
        ),
        word(&["both"], Do(lite_both), ""),
    ],
);

fn lite_off(request: &mut Request) {
    request.ice_lite = Some(IceLite::Off);
}

fn lite_forward(request: &mut Request) {
    request.ice_lite = Some(IceLite::Forward);
}

fn lite_backward(request: &mut Request) {
    request.ice_lite = Some(IceLite::Backward);
}

fn lite_both(request: &mut Request) {
    request.ice_lite = Some(IceLite::Both);
}

pub(crate) static DTLS: WordList = WordList::new(
    "DTLS",
    &[
        word(&["off", "no", "disable", "disabled"], Do(|r| r.dtls.off = true), "no DTLS-SRTP"),
        word(&["passive"], NotInAnswer(|r| r.dtls.passive = true), "prefer the passive role; not in answers"),
        word(&["active"], NotInAnswer(|r| r.dtls.passive = false), "prefer the active role; not in answers"),
    ],
);

pub(crate) static DTLS_FINGERPRINT: WordList = WordList::new(
    "DTLS-fingerprint",
    &[
        word(&["SHA-1", "sha-1"], Do(|r| r.dtls_fingerprint = Some(FingerprintHash::Sha1)), ""),
        word(&["SHA-224", "sha-224"], Do(|r| r.dtls_fingerprint = Some(FingerprintHash::Sha224)), ""),
        word(&["SHA-256", "sha-256"], Do(|r| r.dtls_fingerprint = Some(FingerprintHash::Sha256)), ""),
        word(&["SHA-384", "sha-384"], Do(|r| r.dtls_fingerprint = Some(FingerprintHash::Sha384)), ""),
        word(&["SHA-512", "sha-512"], Do(|r| r.dtls_fingerprint = Some(FingerprintHash::Sha512)), ""),
    ],
);

pub(crate) static SDES: WordList = WordList {
    key: "SDES",
    any_case: false,
    words: &[
        word(&["off", "no", "disable", "disabled"], Do(|r| r.sdes.off = true), "do not offer SDES"),
        word(
            &["unencrypted_srtp", "UNENCRYPTED_SRTP"],
            Do(|r| r.sdes.unencrypted_srtp = Some(true)),
            "add the session parameter",
        ),
        word(&["unencrypted_srtcp", "UNENCRYPTED_SRTCP"], Do(|r| r.sdes.unencrypted_srtcp = Some(true)), ""),
        word(
            &["unauthenticated_srtp", "UNAUTHENTICATED_SRTP"],
            Do(|r| r.sdes.unauthenticated_srtp = Some(true)),
            "",
        ),
        word(
            &["encrypted_srtp", "ENCRYPTED_SRTP"],
            Do(|r| r.sdes.unencrypted_srtp = Some(false)),
            "remove the session parameter",
        ),
        word(&["encrypted_srtcp", "ENCRYPTED_SRTCP"], Do(|r| r.sdes.unencrypted_srtcp = Some(false)), ""),
        word(
            &["authenticated_srtp", "AUTHENTICATED_SRTP"],
            Do(|r| r.sdes.unauthenticated_srtp = Some(false)),
            "",
        ),
        word(&["lifetime"], Do(|r| r.sdes.lifetime = true), "add a key lifetime"),
        word(&["pad"], Do(|r| r.sdes.pad = true), "keep the padding of base64"),
        word(&["static"], Do(|r| r.sdes.keep = true), "do not change keys of a running session"),
        word(&["nonew"], Do(|r| r.sdes.no_new = true), "copy all received suites, add none"),
        word(&["prefer", "priority"], Do(|r| r.sdes.prefer = true), "prefer SDES over DTLS"),
    ],
    other: Some(super::structures::sdes_suites),
    other_forms: &["no-SUITE", "only-SUITE", "order:SUITE;SUITE...", "offerer_pref:SUITE;SUITE..."],
};

pub(crate) static OSRTP: WordList = WordList::new(
    "OSRTP",
    &[
        word(
            &["offer", "offer-RFC", "offer-rfc"],
            Do(|r| r.osrtp.offer = true),
            "add keys to a plain protocol",
        ),
        word(&["offer-legacy"], Do(|r| r.osrtp.offer_legacy = true), "duplicate sections"),
        word(
            &["accept-RFC", "accept-rfc"],
            Do(|r| r.osrtp.accept = true),
            "accept what the receiver declined",
        ),
        word(&["accept-legacy"], Do(|r| r.osrtp.accept_legacy = true), "accept duplicate sections"),
        word(
            &["accept"],
            Do(|r| {
                r.osrtp.accept = true;
                r.osrtp.accept_legacy = true;
            }),
            "both accepts",
        ),
    ],
);

pub(crate) static T38: WordList = WordList::new(
    "T.38",
    &[
        word(&["decode"], Do(|r| r.t38.decode = true), "turn an image section into audio"),
        word(&["force"], Do(|r| r.t38.force = true), "turn an audio section into image"),
        word(&["stop"], Do(|r| r.t38.stop = true), "back to pass-through"),
        word(&["no-ECM", "no-ecm"], Do(|r| r.t38.no_ecm = true), ""),
        word(&["no-V17", "no-V.17", "no-v17", "no-v.17"], Do(|r| r.t38.no_v17 = true), ""),
        word(&["no-V27ter", "no-V.27ter", "no-v27ter", "no-v.27ter"], Do(|r| r.t38.no_v27ter = true), ""),
        word(&["no-V29", "no-V.29", "no-v29", "no-v.29"], Do(|r| r.t38.no_v29 = true), ""),
        word(&["no-V34", "no-V.34", "no-v34", "no-v.34"], Do(|r| r.t38.no_v34 = true), ""),
        word(&["no-IAF", "no-iaf"], Do(|r| r.t38.no_iaf = true), "no internet-aware mode"),
        word(&["FEC", "fec"], Do(|r| r.t38.fec = true), "parity FEC instead of redundancy"),
    ],
);

pub(crate) static GENERATE_RTCP: WordList = WordList::new(
    "generate-RTCP",
    &[
        word(&["on"], Do(|r| r.generate_rtcp = Some(true)), ""),
        word(&["off"], Do(|r| r.generate_rtcp = Some(false)), ""),
    ],
);

pub(crate) static ENDPOINT_LEARNING: WordList = WordList::new(
    "endpoint-learning",
    &[
        word(&["off"], Do(|r| r.endpoint_learning = EndpointLearning::Off), ""),
        word(&["immediate"], Do(|r| r.endpoint_learning = EndpointLearning::Immediate), ""),
        word(&["delayed"], Do(|r| r.endpoint_learning = EndpointLearning::Delayed), ""),
        word(&["heuristic"], Do(|r| r.endpoint_learning = EndpointLearning::Heuristic), ""),
    ],
);

pub(crate) static MEDIA_ECHO: WordList = WordList::new(
    "media-echo",
    &[
        word(&["blackhole", "sinkhole"], Do(|r| r.media_echo = Some(MediaEcho::Blackhole)), "both discard"),
        word(
            &["forward", "fwd", "fw"],
            Do(|r| r.media_echo = Some(MediaEcho::Forward)),
            "the receiver's media echoes",
        ),
        word(
            &["backward", "backwards", "reverse", "back", "bkw", "bk"],
            Do(|r| r.media_echo = Some(MediaEcho::Backward)),
            "the sender's media echoes",
        ),
        word(&["both"], Do(|r| r.media_echo = Some(MediaEcho::Both)), "both echo"),
    ],
);

pub(crate) static DROP_TRAFFIC: WordList = WordList::new(
    "drop-traffic",
    &[
        word(
            &["start"],
            // Should both occur, stop has priority.
            Do(|r| r.drop_traffic = r.drop_traffic.or(Some(DropTraffic::Start))),
            "discard every packet of the call",
        ),
        word(&["stop"], Do(|r| r.drop_traffic = Some(DropTraffic::Stop)), ""),
    ],
);

pub(crate) static PASSTHROUGH: WordList = WordList::new(
    "passthrough",
    &[
        word(&["on", "yes", "enable", "enabled"], Do(|r| r.passthrough = Some(true)), ""),
        word(&["no", "off", "disable", "disabled"], Do(|r| r.passthrough = Some(false)), ""),
    ],
);

pub(crate) static AUDIO_PLAYER: WordList = WordList {
    any_case: true,
    ..WordList::new(
        "audio-player",
        &[
            word(&["default"], Do(|r| r.audio_player = AudioPlayer::Default), "as configured"),
            word(
                &["on", "yes", "enable", "enabled", "transcode", "transcoding"],
                Do(|r| r.audio_player = AudioPlayer::On),
                "for transcoded media",
            ),
            word(&["no", "off", "disable", "disabled"], Do(|r| r.audio_player = AudioPlayer::Off), ""),
            word(
                &["force", "forced", "always", "everything"],
                Do(|r| r.audio_player = AudioPlayer::Force),
                "for all media",
            ),
        ],
    )
};

pub(crate) static RECORD_CALL: WordList = WordList::new(
    "record-call",
    &[
        word(&["yes", "on"], Do(|r| r.recording.call = Some(RecordCall::Start)), ""),
        word(&["no", "off"], Do(|r| r.recording.call = Some(RecordCall::Stop)), ""),
        word(&["discard"], Do(|r| r.recording.call = Some(RecordCall::Discard)), ""),
    ],
);

/// The string form of `pause`.
pub(crate) static PAUSE: WordList = WordList::new(
    "pause",
    &[word(
        &["yes", "on", "true"],
        Do(|r| r.recording.stop = StopRecording::Pause),
        "`stop recording`: pause",
    )],
);

macro_rules! dtmf_security {
    ($key:literal, $field:ident) => {
        WordList::new(
            $key,
            &[
                word(&["drop"], Do(|r| r.dtmf.$field = Some(DtmfSecurity::Drop)), "events are dropped"),
                word(&["silence"], Do(|r| r.dtmf.$field = Some(DtmfSecurity::Silence)), "digital silence"),
                word(&["tone"], Do(|r| r.dtmf.$field = Some(DtmfSecurity::Tone)), "a single tone"),
                word(&["random"], Do(|r| r.dtmf.$field = Some(DtmfSecurity::Random)), "random digits"),
                word(&["zero"], Do(|r| r.dtmf.$field = Some(DtmfSecurity::Zero)), "the digit 0"),
                word(
                    &["DTMF", "dtmf"],
                    Do(|r| r.dtmf.$field = Some(DtmfSecurity::Digit)),
                    "the digit of `digit`",
                ),
                word(&["off"], Do(|r| r.dtmf.$field = Some(DtmfSecurity::Off)), "DTMF passes"),
            ],
        )
    };
}

pub(crate) static DTMF_SECURITY: WordList = dtmf_security!("DTMF-security", security);
pub(crate) static DTMF_SECURITY_TRIGGER: WordList = dtmf_security!("DTMF-security-trigger", security_trigger);
pub(crate) static DTMF_SECURITY_TRIGGER_END: WordList =
    dtmf_security!("DTMF-security-trigger-end", security_trigger_end);
