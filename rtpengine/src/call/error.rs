//! The texts a client sees when a command about a call fails (ng-control.md §13 C to E).

/// Why a command failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the texts say it
pub enum Error {
    #[error("No SDP body in message")]
    NoSdp,
    #[error("No call-id in message")]
    NoCallId,
    #[error("No from-tag in message")]
    NoFromTag,
    #[error("No to-tag in message")]
    NoToTag,
    #[error("No source-tag in message")]
    NoSourceTag,
    #[error("No participant party specified")]
    NoParticipant,
    #[error("No media file specified")]
    NoMediaFile,
    #[error("Out of range 'code' specified")]
    CodeRange,
    /// answer, query, recording
    #[error("Unknown call-id")]
    UnknownCallId,
    /// block, silence, forwarding, players, subscribe answer, unsubscribe
    #[error("Unknown call-ID")]
    UnknownCallIdUpper,
    /// subscribe request, connect, inject
    #[error("Unknown call-ID(s)")]
    UnknownCallIds,
    /// mesh
    #[error("Unknown call ID(s)")]
    UnknownMeshIds,
    /// create answer
    #[error("unknown call-ID")]
    UnknownCreateId,
    #[error("Call-ID not found or tags didn't match")]
    DeleteNotFound,
    #[error("No monologue matching the given label")]
    UnknownLabel,
    #[error("Failed to parse network address")]
    BadAddress,
    #[error("Failed to match address to any tag")]
    UnknownAddress,
    #[error("From-tag given, but no such tag exists")]
    UnknownFromTag,
    #[error("No medias found (no monologues matched)")]
    NoMedias,
    #[error("To-tag not found")]
    ToTagNotFound,
    #[error("From-tag not found")]
    FromTagNotFound,
    /// create answer
    #[error("from-tag not found")]
    CreateTagNotFound,
    #[error("Source-tag not found")]
    SourceTagNotFound,
    #[error("Given from-tag not found")]
    MeshFromTag,
    #[error("Given to-tag not found")]
    MeshToTag,
    #[error("Media flow not found (to-tag not found)")]
    FlowToTag,
    #[error("Media flow not found (to-label not found)")]
    FlowToLabel,
    #[error("Media flow not found (to-tag not subscribed)")]
    FlowNotSubscribed,
    #[error("No eligible media subscriptions found")]
    NoFlows,
    #[error("Failed to parse SDP")]
    ParseSdp,
    #[error("Incomplete SDP specification")]
    IncompleteSdp,
    #[error("Invalid dialogue association")]
    InvalidDialogue,
    #[error("Error rewriting SDP")]
    RewriteSdp,
    #[error("Ran out of ports")]
    OutOfPorts,
    #[error("Failed to create SDP")]
    CreateSdp,
    #[error("Failed to request subscription")]
    SubscribeRequest,
    #[error("Failed to process subscription answer")]
    SubscribeAnswer,
    #[error("Failed to unsubscribe")]
    Unsubscribe,
    #[error("Failed to merge two calls into one (tag collision)")]
    ConnectMerge,
    #[error("Failed to merge two calls into one")]
    InjectMerge,
    #[error("Failed to merge calls (tag collision)")]
    MeshMerge,
    #[error("Trying to inject to self")]
    InjectSelf,
    #[error("Failed to start inject")]
    InjectStart,
    #[error("Failed to stop inject")]
    InjectStop,
    #[error("failed to set up call/monologue")]
    CreateSetUp,
    #[error("failed to create SDP")]
    CreateFailed,
    #[error("failed to perform answer")]
    CreateAnswer,
    #[error("Transform loop detected")]
    TransformLoop,
    #[error("Failed to set up transform")]
    Transform,
    #[error("Not currently playing media")]
    NotPlaying,
    #[error("Currently MoH ongoing, ignore stop media.")]
    HoldPlaying,
    #[error("Failed to start media playback from file")]
    PlayFile,
    #[error("Failed to start media playback from blob")]
    PlayBlob,
    #[error("Failed to start media playback from database")]
    PlayDatabase,
    #[error("Monologue has no media capable of DTMF injection")]
    NoDtmfMedia,
    #[error("There is no sink media capable of DTMF playback")]
    NoDtmfSink,
    #[error("Media doesn't have an RTP stream")]
    NoDtmfStream,
    #[error("No SSRC context present for DTMF injection")]
    NoDtmfSsrc,
    #[error("No RTP payload type found to be in use")]
    NoDtmfPayloadType,
    #[error("No matching codec handler")]
    NoDtmfHandler,
    #[error("No matching codec SSRC handler")]
    NoDtmfSsrcHandler,
    /// Commands of players and DTMF in a program without transcoding.
    #[error("unsupported")]
    Unsupported,
}
