//! The commands of the protocol (ng-control.md §5).

use std::fmt;

macro_rules! commands {
    ($($variant:ident, $name:literal, $short:literal, $class:ident, $options:literal, $doc:literal;)+) => {
        /// A command. The order is that of all per-command statistics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Command {
            $(#[doc = $doc] $variant,)+
        }

        const TABLE: &[CommandInfo] = &[
            $(CommandInfo {
                command: Command::$variant,
                name: $name,
                short_name: $short,
                founding: is_founding!($class),
                evaluates_options: $options,
                meaning: $doc,
            },)+
        ];
    };
}

macro_rules! is_founding {
    (MUST) => {
        true
    };
    (CURRENT) => {
        false
    };
}

/// What is known about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandInfo {
    /// The command.
    pub command: Command,
    /// The name on the wire, matched byte by byte.
    pub name: &'static str,
    /// The label in statistics; lower-cased in the keys of `controlstatistics`.
    pub short_name: &'static str,
    /// Whether the founding documents name it.
    pub founding: bool,
    /// Whether the options of the message are evaluated before it is executed (ng-control.md §4.5).
    pub evaluates_options: bool,
    /// One sentence for the manual.
    pub meaning: &'static str,
}

commands! {
    Ping, "ping", "Ping", MUST, false, "Answers `pong`.";
    Offer, "offer", "Offer", MUST, true, "Takes the SDP of an offer and returns the one to send on.";
    Answer, "answer", "Answer", MUST, true, "Takes the SDP of an answer and returns the one to send back.";
    Delete, "delete", "Delete", MUST, true, "Ends a call or a branch of it and returns its statistics.";
    Query, "query", "Query", MUST, false, "Returns the state and the statistics of a call.";
    List, "list", "List", MUST, false, "Returns call-ids.";
    StartRecording, "start recording", "StartRec", MUST, true, "Starts or resumes the recording of a call.";
    StopRecording, "stop recording", "StopRec", MUST, true, "Ends, pauses or discards the recording of a call.";
    PauseRecording, "pause recording", "PauseRec", CURRENT, true, "Pauses the recording of a call.";
    StartForwarding, "start forwarding", "StartFwd", MUST, true, "Starts forwarding media to the recorder.";
    StopForwarding, "stop forwarding", "StopFwd", MUST, true, "Stops forwarding media to the recorder.";
    BlockDtmf, "block DTMF", "BlkDTMF", MUST, true, "Blocks or replaces DTMF of a call or party.";
    UnblockDtmf, "unblock DTMF", "UnblkDTMF", MUST, true, "Ends the blocking of DTMF.";
    BlockMedia, "block media", "BlkMedia", MUST, true, "Drops the media of a call, party or flow.";
    UnblockMedia, "unblock media", "UnblkMedia", MUST, true, "Ends the blocking of media.";
    PlayMedia, "play media", "PlayMedia", MUST, true, "Plays an announcement to a party.";
    StopMedia, "stop media", "StopMedia", MUST, true, "Ends an announcement.";
    PlayDtmf, "play DTMF", "PlayDTMF", MUST, true, "Injects a DTMF digit into the media of a party.";
    Statistics, "statistics", "Stats", CURRENT, false, "Returns the counters of the daemon.";
    SilenceMedia, "silence media", "SlnMedia", CURRENT, true, "Replaces media by silence.";
    UnsilenceMedia, "unsilence media", "UnslnMedia", CURRENT, true, "Ends the replacement by silence.";
    Publish, "publish", "Pub", CURRENT, true, "Takes the SDP of a publisher and answers it.";
    SubscribeRequest, "subscribe request", "SubReq", CURRENT, true,
        "Returns an SDP offer for a subscriber to the media of a call.";
    SubscribeAnswer, "subscribe answer", "SubAns", CURRENT, true, "Takes the SDP answer of a subscriber.";
    Unsubscribe, "unsubscribe", "Unsub", CURRENT, true, "Ends a subscription.";
    InjectStart, "inject start", "InjStart", CURRENT, true, "Mixes the audio of one party into what another one hears.";
    InjectStop, "inject stop", "InjStop", CURRENT, true, "Ends an injection.";
    Connect, "connect", "Conn", CURRENT, true, "Links parties that have not exchanged SDP.";
    Cli, "cli", "CLI", CURRENT, false, "Executes a command line of the CLI.";
    Transform, "transform", "Trnsfm", CURRENT, true, "Sets up media that is transcoded and sent to a fixed peer.";
    Create, "create", "Create", CURRENT, true, "Returns an SDP offer made from the options alone.";
    CreateAnswer, "create answer", "CrtAnsw", CURRENT, true, "Takes the SDP answer to a created offer.";
    Mesh, "mesh", "Mesh", CURRENT, true, "Merges calls and links their parties.";
}

impl Command {
    /// Every command, in the order of the statistics; `command as usize` is the position.
    pub const ALL: &'static [CommandInfo] = TABLE;
    /// The number of commands: for arrays of counters.
    pub const COUNT: usize = TABLE.len();

    /// The command of this name. Byte by byte; the only other spelling is `CLI`.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        if name == b"CLI" {
            return Some(Self::Cli);
        }
        TABLE.iter().find(|info| info.name.as_bytes() == name).map(|info| info.command)
    }

    /// The row of the table.
    pub fn info(self) -> &'static CommandInfo {
        &TABLE[self as usize]
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The label in statistics.
    pub fn short_name(self) -> &'static str {
        self.info().short_name
    }

    /// Whether `codec` → `transcode`, `mask`, `set`, `accept`, `consume` count (ng-control.md §8.6).
    pub fn adds_codecs(self) -> bool {
        matches!(self, Self::Offer | Self::SubscribeRequest | Self::Publish | Self::PlayMedia)
    }

    /// Whether the flag forms `transcode-C`, `codec-transcode-C`, `codec-mask-C` and `T38-X` exist (ng-control.md §7.1).
    pub fn offers(self) -> bool {
        matches!(self, Self::Offer | Self::SubscribeRequest | Self::Publish)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
