//! The one table of dictionary keys (ng-control.md §6): it drives parsing and prints the reference list.

use super::numbers::{clamp, not_negative};
use super::parser::ReadKey;
use super::words::{self, WordList};
use super::{Request, structures, values};
use crate::ng::ByteString;

/// A key with its spellings. A blank in the message equals a hyphen here.
pub(crate) struct Key {
    /// Which part of the reference it belongs to.
    pub(crate) group: Group,
    /// All spellings, the usual one first.
    pub(crate) names: &'static [&'static str],
    /// How it is read.
    pub(crate) kind: Kind,
    /// One sentence for the manual.
    pub(crate) meaning: &'static str,
}

/// Parts of the reference list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Calls and parties.
    Identification,
    /// SDP and addressing.
    Signalling,
    /// Recording.
    Recording,
    /// Players.
    Players,
    /// DTMF and T.38.
    Dtmf,
    /// What single commands take.
    Commands,
}

impl Group {
    /// The heading in the manual.
    pub fn title(self) -> &'static str {
        match self {
            Self::Identification => "Calls and parties",
            Self::Signalling => "SDP and addressing",
            Self::Recording => "Recording",
            Self::Players => "Players",
            Self::Dtmf => "DTMF and T.38",
            Self::Commands => "Single commands",
        }
    }
}

/// How the value of a key is read.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A string into this field.
    Text(fn(&mut Request) -> &mut Option<ByteString>),
    /// An integer.
    Integer(fn(&mut Request, i64)),
    /// One word.
    Word(&'static WordList),
    /// A list of words.
    Words(&'static WordList),
    /// A list of strings, escapes resolved, appended to this field.
    Strings(fn(&mut Request) -> &mut Vec<ByteString>),
    /// A structure of its own, with the type and values the manual names.
    Custom(ReadKey, (&'static str, &'static str)),
    /// Known, but read elsewhere or without effect.
    Ignored,
}

const fn key(group: Group, names: &'static [&'static str], kind: Kind, meaning: &'static str) -> Key {
    Key { group, names, kind, meaning }
}

use Group::{Commands, Dtmf, Identification, Players, Recording, Signalling};
use Kind::{Custom, Ignored, Integer, Strings, Text, Word, Words};

/// Every key.
pub(crate) static KEYS: &[Key] = &[
    key(Commands, &["command"], Ignored, "The command."),
    key(Identification, &["call-id", "call-ID"], Text(|r| &mut r.call_id), "The call."),
    key(
        Identification,
        &["from-tag"],
        Text(|r| &mut r.from_tag),
        "Tag of the party who sent the message; in `answer` of the original offerer.",
    ),
    key(
        Identification,
        &["to-tag", "to_tag"],
        Custom(values::to_tag, ("string", "")),
        "Tag of the other side.",
    ),
    key(
        Identification,
        &["via-branch"],
        Text(|r| &mut r.via_branch),
        "Tells branches of a forked call apart.",
    ),
    key(
        Identification,
        &["label", "from-label"],
        Text(|r| &mut r.label),
        "Label to store for the sending party; in other commands: selects a party.",
    ),
    key(Identification, &["set-label"], Text(|r| &mut r.set_label), "Label to store for the selected party."),
    key(
        Identification,
        &["to-label"],
        Text(|r| &mut r.to_label),
        "Selects the second party; in `subscribe request` the same as `set-label`.",
    ),
    key(Identification, &["from-tags"], Strings(|r| &mut r.from_tags), "Several source parties."),
    key(Identification, &["to-call-id"], Text(|r| &mut r.to_call_id), "`connect`: the second call."),
    key(
        Identification,
        &["source-tag"],
        Text(|r| &mut r.source_tag),
        "`inject start`, `inject stop`: the source.",
    ),
    key(
        Identification,
        &["source-call-id", "source-call-ID"],
        Text(|r| &mut r.source_call_id),
        "`inject start`, `inject stop`: the call of the source.",
    ),
    key(Identification, &["calls"], Strings(|r| &mut r.calls), "`mesh`: the calls."),
    key(
        Identification,
        &["tags"],
        Custom(structures::tags, ("list of dictionaries", "`from` string, `to` list")),
        "`mesh`: who is to hear whom.",
    ),
    key(
        Identification,
        &["address"],
        Text(|r| &mut r.address),
        "Selects a party by the media address it advertised.",
    ),
    key(
        Identification,
        &["alias-key"],
        Word(&words::ALIAS_KEY),
        "How a party with an unknown tag is recognised.",
    ),
    key(
        Identification,
        &["instance"],
        Text(|r| &mut r.instance),
        "`transform`: instance id of the sender, against loops.",
    ),
    key(
        Identification,
        &["sip-message-type", "sip_message_type", "SIP-message-type", "SIP_message_type"],
        Word(&words::MESSAGE_TYPE),
        "The kind of SIP message that carried the SDP.",
    ),
    key(
        Identification,
        &[
            "sip-code",
            "sip_code",
            "SIP-code",
            "SIP_code",
            "sip-response-code",
            "sip_response_code",
            "SIP-response-code",
            "SIP_response_code",
        ],
        Integer(|r, n| r.sip_code = Some(clamp(n))),
        "The SIP status code.",
    ),
    key(Identification, &["all"], Word(&words::ALL), "What a command reaches beyond one party."),
    key(Signalling, &["sdp", "SDP"], Text(|r| &mut r.sdp), "The SDP body."),
    key(Signalling, &["flags"], Custom(values::flags, ("list", "see the list of flags")), "Flags."),
    key(Signalling, &["replace"], Words(&words::REPLACE), "Parts of the SDP to replace."),
    key(
        Signalling,
        &["direction"],
        Custom(
            values::direction,
            ("list of 2", "interface names; `internal`, `external`; `round-robin-calls`"),
        ),
        "Interfaces towards the sender and towards the receiver.",
    ),
    key(Signalling, &["from-interface"], Text(|r| &mut r.from_interface), "Interface towards the sender."),
    key(Signalling, &["to-interface"], Text(|r| &mut r.to_interface), "Interface towards the receiver."),
    key(
        Signalling,
        &["interface"],
        Text(|r| &mut r.interface),
        "Interface for commands with one side: `publish`, `subscribe request`, `create`, `transform`.",
    ),
    key(
        Signalling,
        &["inbound-peer"],
        Custom(
            |p, v, _| values::address(p, "inbound-peer", v, |r| &mut r.inbound_peer),
            ("string", "IP address"),
        ),
        "Peer whose route chooses the interface towards the sender.",
    ),
    key(
        Signalling,
        &["outbound-peer"],
        Custom(
            |p, v, _| values::address(p, "outbound-peer", v, |r| &mut r.outbound_peer),
            ("string", "IP address"),
        ),
        "Peer whose route chooses the interface towards the receiver.",
    ),
    key(
        Signalling,
        &["peer"],
        Custom(|p, v, _| values::address(p, "peer", v, |r| &mut r.peer), ("string", "IP address")),
        "Peer whose route chooses `interface`.",
    ),
    key(
        Signalling,
        &["received-from"],
        Custom(values::received_from, ("list or string", "[`IP4` or `IP6`, address], or the address")),
        "Source address of the SIP message.",
    ),
    key(
        Signalling,
        &["media-address"],
        Custom(
            |p, v, _| values::address(p, "media-address", v, |r| &mut r.media_address),
            ("string", "IP address"),
        ),
        "Address put into the outgoing SDP.",
    ),
    key(
        Signalling,
        &["address-family"],
        Word(&words::ADDRESS_FAMILY),
        "Address family towards the receiver.",
    ),
    key(
        Signalling,
        &["transport-protocol"],
        Custom(
            values::transport_protocol,
            (
                "string",
                "`RTP/AVP`, `RTP/AVPF`, `RTP/SAVP`, `RTP/SAVPF`, `UDP/TLS/RTP/SAVP`, `UDP/TLS/RTP/SAVPF`, `udptl`, `accept`",
            ),
        ),
        "Transport protocol towards the receiver; `accept` passes an answer's change through.",
    ),
    key(Signalling, &["ICE", "ice"], Words(&words::ICE), "What becomes of ICE."),
    key(Signalling, &["ICE-lite", "ice-lite"], Words(&words::ICE_LITE), "Where to act as ICE-lite."),
    key(Signalling, &["rtcp-mux", "RTCP-mux"], Words(&words::RTCP_MUX), "RTP and RTCP on one port."),
    key(Signalling, &["bundle", "BUNDLE"], Words(&words::BUNDLE), "Several media on one port."),
    key(
        Signalling,
        &["DTLS", "dtls", "DTLS-reverse", "dtls-reverse"],
        Words(&words::DTLS),
        "What becomes of DTLS-SRTP.",
    ),
    key(
        Signalling,
        &["DTLS-fingerprint", "dtls-fingerprint"],
        Word(&words::DTLS_FINGERPRINT),
        "Hash of the printed fingerprint.",
    ),
    key(Signalling, &["SDES", "sdes"], Words(&words::SDES), "What becomes of SDES."),
    key(Signalling, &["OSRTP", "osrtp"], Words(&words::OSRTP), "Opportunistic SRTP."),
    key(
        Signalling,
        &["codec", "codecs"],
        Custom(
            structures::codec,
            (
                "dictionary of lists",
                "`strip`, `offer`, `except`, `ignore`; in `offer`, `subscribe request`, `publish`, `play media` also \
                 `transcode`, `mask`, `set`, `accept`, `consume`",
            ),
        ),
        "Changes to the lists of codecs.",
    ),
    key(
        Signalling,
        &["ptime"],
        Integer(|r, n| r.ptime_ms = Some(clamp(n))),
        "`offer`: packet time towards the receiver, in ms.",
    ),
    key(
        Signalling,
        &["ptime-reverse", "reverse-ptime"],
        Integer(|r, n| r.ptime_reverse_ms = Some(clamp(n))),
        "`offer`: packet time towards the sender, in ms.",
    ),
    key(
        Signalling,
        &["extmap"],
        Custom(structures::extmap, ("dictionary of lists", "`strip`, `mask`: URIs or `all`")),
        "Changes to header extensions.",
    ),
    key(
        Signalling,
        &["sdp-attr", "SDP-attr"],
        Custom(
            structures::sdp_attr,
            (
                "dictionary of dictionaries",
                "`none` or `global`, `audio`, `video`, `image`, `message`, `text`, `application`; each with `add`, \
                 `remove`, `substitute`",
            ),
        ),
        "Changes to SDP attributes.",
    ),
    key(
        Signalling,
        &["sdp-media-remove", "sdp_media_remove", "SDP-media-remove", "SDP_media_remove"],
        Custom(
            structures::sdp_media_remove,
            ("list", "`audio`, `video`, `image`, `message`, `text`, `application`, `other`"),
        ),
        "Media sections to remove.",
    ),
    key(
        Signalling,
        &["generate-RTCP", "generate-rtcp"],
        Word(&words::GENERATE_RTCP),
        "Generate RTCP instead of passing it.",
    ),
    key(
        Signalling,
        &["TOS", "tos"],
        Integer(|r, n| r.tos = values::tos(n)),
        "Type of service of the whole call: negative leaves it, 256 and more is the configured one.",
    ),
    key(
        Signalling,
        &["endpoint-learning"],
        Words(&words::ENDPOINT_LEARNING),
        "How the address of the peer is learned.",
    ),
    key(Signalling, &["media-echo"], Word(&words::MEDIA_ECHO), "Echo or discard media."),
    key(Signalling, &["drop-traffic"], Word(&words::DROP_TRAFFIC), "Discard all packets of the call."),
    key(
        Signalling,
        &["passthrough", "passthru"],
        Word(&words::PASSTHROUGH),
        "No ICE, no decryption, no media processing.",
    ),
    key(
        Signalling,
        &["supports"],
        Custom(values::supports, ("list", "`load limit`")),
        "What the agent understands.",
    ),
    key(
        Signalling,
        &["xmlrpc-callback", "XMLRPC-callback"],
        Custom(
            |p, v, _| values::address(p, "xmlrpc-callback", v, |r| &mut r.xmlrpc_callback),
            ("string", "IP address"),
        ),
        "Where the timeout callback goes to.",
    ),
    key(
        Signalling,
        &["template"],
        Custom(values::template, ("string", "name of a template")),
        "Evaluates a configured template here.",
    ),
    key(
        Signalling,
        &["rtpp-flags", "rtpp_flags"],
        Custom(values::rtpp_flags_key, ("string", "flags string")),
        "Keys and flags in one string.",
    ),
    key(Signalling, &["repacketize"], Ignored, "Without effect, sent by OpenSIPS; see `ptime`."),
    key(Recording, &["record-call"], Word(&words::RECORD_CALL), "Start, stop or discard the recording."),
    key(Recording, &["metadata"], Text(|r| &mut r.metadata), "Text stored with the call and its recording."),
    key(
        Recording,
        &[
            "recording-file",
            "recording-dest",
            "recording-destination",
            "output-file",
            "output-dest",
            "output-destination",
        ],
        Text(|r| &mut r.recording.file),
        "Output file of the recording.",
    ),
    key(
        Recording,
        &[
            "recording-path",
            "recording-dir",
            "recording-directory",
            "recording-folder",
            "output-path",
            "output-dir",
            "output-directory",
            "output-folder",
        ],
        Text(|r| &mut r.recording.path),
        "Output directory of the recording.",
    ),
    key(
        Recording,
        &["recording-pattern", "output-pattern"],
        Text(|r| &mut r.recording.pattern),
        "Output name pattern of the recording.",
    ),
    key(
        Recording,
        &["recording-media-slots"],
        Integer(|r, n| r.recording.media_slots = Some(clamp(n))),
        "Number of slots for recording into several channels.",
    ),
    key(
        Recording,
        &["recording-media-slot-offer"],
        Integer(|r, n| r.recording.media_slot_offer = Some(clamp(n))),
        "`offer`: slot of the offering side.",
    ),
    key(
        Recording,
        &["recording-media-slot-answer"],
        Integer(|r, n| r.recording.media_slot_answer = Some(clamp(n))),
        "`offer`: slot of the other side.",
    ),
    key(
        Recording,
        &["vsc-start-rec", "vsc-start-recording", "VSC-start-rec", "VSC-start-recording"],
        Text(|r| &mut r.recording.vsc.start),
        "DTMF code that starts recording.",
    ),
    key(
        Recording,
        &["vsc-stop-rec", "vsc-stop-recording", "VSC-stop-rec", "VSC-stop-recording"],
        Text(|r| &mut r.recording.vsc.stop),
        "DTMF code that stops recording.",
    ),
    key(
        Recording,
        &["vsc-start-stop-rec", "vsc-start-stop-recording", "VSC-start-stop-rec", "VSC-start-stop-recording"],
        Text(|r| &mut r.recording.vsc.start_stop),
        "DTMF code that starts and stops recording.",
    ),
    key(
        Recording,
        &["vsc-pause-rec", "vsc-pause-recording", "VSC-pause-rec", "VSC-pause-recording"],
        Text(|r| &mut r.recording.vsc.pause),
        "DTMF code that pauses recording.",
    ),
    key(
        Recording,
        &[
            "vsc-pause-resume-rec",
            "vsc-pause-resume-recording",
            "VSC-pause-resume-rec",
            "VSC-pause-resume-recording",
        ],
        Text(|r| &mut r.recording.vsc.pause_resume),
        "DTMF code that pauses and resumes recording.",
    ),
    key(
        Recording,
        &[
            "vsc-start-pause-resume-rec",
            "vsc-start-pause-resume-recording",
            "VSC-start-pause-resume-rec",
            "VSC-start-pause-resume-recording",
        ],
        Text(|r| &mut r.recording.vsc.start_pause_resume),
        "DTMF code that starts, pauses and resumes recording.",
    ),
    key(Players, &["file"], Text(|r| &mut r.play.source.file), "Media file to play."),
    key(Players, &["blob"], Text(|r| &mut r.play.source.blob), "Contents of a media file to play."),
    key(
        Players,
        &["blob64"],
        Custom(
            |p, v, _| {
                p.blob64 = v.as_bytes().map(ByteString::from).or(p.blob64.take());
                Ok(())
            },
            ("string", "base64"),
        ),
        "As `blob`, encoded; used if `blob` is absent or empty.",
    ),
    key(
        Players,
        &["db-id"],
        Integer(|r, n| structures::set_db_id(&mut r.play.source, Some(n))),
        "Media in the database to play.",
    ),
    key(
        Players,
        &["repeat-times"],
        Integer(|r, n| r.play.repeat_times = Some(clamp(n))),
        "How often to play.",
    ),
    key(
        Players,
        &["repeat-duration"],
        Integer(|r, n| r.play.repeat_duration_ms = not_negative(n)),
        "How long to play, in ms.",
    ),
    key(
        Players,
        &["start-pos"],
        Integer(|r, n| r.play.start_position = Some(n).filter(|position| *position > 0)),
        "Where to begin, in ticks of the file's time base (for WAV: samples).",
    ),
    key(
        Players,
        &["moh", "MoH", "MOH"],
        Custom(
            structures::music_on_hold,
            (
                "dictionary",
                "`file`, `blob`, `db-id`; `mode`: `sendonly`, `sendrecv`, `reflect`; `connection`: `zero`",
            ),
        ),
        "Music on hold of the sending party.",
    ),
    key(
        Players,
        &["audio-player", "player"],
        Word(&words::AUDIO_PLAYER),
        "Whether the audio player feeds the media.",
    ),
    key(
        Dtmf,
        &["code", "digit"],
        Custom(values::digit, ("integer or character", "0 to 15, or `0` to `9`, `*`, `#`, `A` to `D`")),
        "The DTMF digit.",
    ),
    key(
        Dtmf,
        &["duration"],
        Integer(|r, n| r.dtmf.duration_ms = Some(clamp(n))),
        "`play DTMF`: duration in ms.",
    ),
    key(
        Dtmf,
        &["pause"],
        Custom(values::pause, ("integer or string", "ms; in `stop recording` `yes`, `on`, `true`")),
        "`play DTMF`: pause after the digit; `stop recording`: pause instead.",
    ),
    key(Dtmf, &["volume"], Integer(|r, n| r.dtmf.volume = Some(clamp(n))), "Volume of tones in dB."),
    key(
        Dtmf,
        &["frequency", "frequencies"],
        Custom(values::frequencies, ("integer, list or string", "Hz")),
        "Frequencies of replacement tones.",
    ),
    key(Dtmf, &["trigger"], Text(|r| &mut r.dtmf.trigger), "Digits that start the block."),
    key(
        Dtmf,
        &["trigger-end", "end-trigger"],
        Text(|r| &mut r.dtmf.trigger_end),
        "Digits that end the block.",
    ),
    key(
        Dtmf,
        &["trigger-end-time", "end-trigger-time"],
        Integer(|r, n| r.dtmf.trigger_end_time_ms = not_negative(n)),
        "Time after which the block ends, in ms.",
    ),
    key(
        Dtmf,
        &["trigger-end-digits", "end-trigger-digits"],
        Integer(|r, n| r.dtmf.trigger_end_digits = not_negative(n)),
        "Number of digits after which the block ends.",
    ),
    key(
        Dtmf,
        &["DTMF-security", "dtmf-security"],
        Word(&words::DTMF_SECURITY),
        "What replaces blocked DTMF.",
    ),
    key(
        Dtmf,
        &["DTMF-security-trigger", "dtmf-security-trigger"],
        Word(&words::DTMF_SECURITY_TRIGGER),
        "The same, from the trigger on.",
    ),
    key(
        Dtmf,
        &["DTMF-security-trigger-end", "dtmf-security-trigger-end"],
        Word(&words::DTMF_SECURITY_TRIGGER_END),
        "The same, after the end of the trigger.",
    ),
    key(
        Dtmf,
        &["DTMF-delay", "dtmf-delay"],
        Integer(|r, n| r.dtmf.delay_ms = not_negative(n)),
        "Delay after which DTMF is reproduced, in ms.",
    ),
    key(
        Dtmf,
        &["delay-buffer"],
        Integer(|r, n| r.delay_buffer_ms = not_negative(n)),
        "Delay of all media, in ms.",
    ),
    key(
        Dtmf,
        &["dtmf-log-dest", "DTMF-log-dest", "dtmf-log-destination", "DTMF-log-destination"],
        Custom(values::log_destination, ("string", "IP:PORT")),
        "Where DTMF events of this call are reported to.",
    ),
    key(Dtmf, &["T.38", "T38", "t38", "t.38"], Words(&words::T38), "The T.38 gateway."),
    key(
        Dtmf,
        &["T.38-version", "T38-version", "t38-version", "t.38-version"],
        Integer(|r, n| r.t38.version = not_negative(n)),
        "The T.38 version to announce.",
    ),
    key(
        Commands,
        &["delete-delay", "delete_delay"],
        Integer(|r, n| r.delete_delay_s = not_negative(n)),
        "`delete`: seconds until the call is destroyed.",
    ),
    key(
        Commands,
        &["media", "medias"],
        Custom(
            structures::media,
            (
                "list of dictionaries",
                "`create`: `type`, `codecs`; `transform`: `id`, `type`, `codecs` (`input`, `output`), `destination`",
            ),
        ),
        "The media sections to make.",
    ),
    key(Commands, &["limit"], Ignored, "`list`: the largest number of call-ids; an integer, 32 if absent."),
    key(Commands, &["body"], Ignored, "`cli`: the command line; a string."),
];
