//! What a packet gave cause to say or to count: collected by the plane, logged and reported by the shard.
//!
//! Nothing is formatted here on the packet path. A text is made when the shard writes the event, and an event is only
//! kept when its level is wanted, its kind was not seen too often lately, and there is room.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use rtpengine_common::rtcp::{RtcpError, XrError};
use rtpengine_common::rtp::PushError;
use rtpengine_common::srtp::SrtpError;

use crate::call::ids::StreamId;

use super::quality::QualitySample;
use super::transcode::CodecFault;

/// Severity of a log line, in syslog's order and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 3
    Error = 3,
    /// 4
    Warning = 4,
    /// 5
    Notice = 5,
    /// 6
    Info = 6,
    /// 7
    Debug = 7,
}

/// Something to log about a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The stream it happened on.
    pub stream: StreamId,
    /// What happened.
    pub notice: Notice,
}

/// Declares the notices with level and text: one table (texts: media-plane.md §23).
macro_rules! notices {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } $level:ident $format:literal;)*) => {
        /// What happened, with what its text names. Its text is the [`fmt::Display`] form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Notice {
            $($(#[$doc])* $name {
                $(#[allow(missing_docs)] $field: $type),*
            }),*
        }

        #[derive(Clone, Copy)]
        enum Kind { $($name),* }

        impl Notice {
            /// Number of kinds.
            const KINDS: usize = [$(Kind::$name),*].len();

            /// The level it is logged at.
            #[must_use]
            pub fn level(&self) -> Level {
                match self { $(Self::$name { .. } => Level::$level),* }
            }

            fn kind(&self) -> usize {
                match self { $(Self::$name { .. } => Kind::$name as usize),* }
            }
        }

        impl fmt::Display for Notice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$name { $($field),* } => write!(f, $format $(, $field = $field)*)),* }
            }
        }
    };
}

notices! {
    /// A socket's peer became final.
    PeerConfirmed { peer: SocketAddr } Info "Confirmed peer address as {peer}";
    /// A confirmed peer moved (media handover, ICE).
    PeerHandover { peer: SocketAddr } Info "Peer address changed to {peer}";
    /// Learning moved the endpoint.
    PeerChanged { from: SocketAddr, to: SocketAddr } Info "Peer address changed from {from} to {to}";
    /// The peer sends to another of the stream's current sockets.
    SocketSwitched { from: SocketAddr, to: SocketAddr } Info "Switching local socket from {from} to {to}";
    /// The peer sends to a socket of an older negotiation.
    SocketNotInList { from: SocketAddr, to: SocketAddr } Info
        "Not switching from local socket {from} to {to} (not in list)";
    /// The learned address does not fit the socket.
    FamilyMismatch { peer: SocketAddr, local: SocketAddr } Warning
        "Ignoring learned peer address {peer}: not of the address family of local socket {local}";
    /// A confirmed stream got a packet of a foreign source.
    StrictSource { got: SocketAddr, on: SocketAddr, expected: SocketAddr, selected: SocketAddr } Info
        "Drop due to strict-source attribute; got {got} -> {on}, expected {expected} -> {selected}";
    /// A better candidate than this source is known.
    StrictSourceLearning { got: SocketAddr, best: SocketAddr } Info
        "Drop during learning due to strict-source attribute; got {got}, best match {best}";
    /// The same packet came again and again.
    Loop { from: SocketAddr } Warning
        "More than 30 duplicate packets detected, dropping packet from {from}to avoid potential loop";
    /// A payload type that was not signalled.
    UnknownPayloadType { payload_type: u8, from: SocketAddr } Warning
        "RTP packet with unknown payload type {payload_type} received from {from}";
    /// Modem or codec of a T.38 gateway are not to be had.
    NoFaxGateway {} Error "Failed to start the T.38 gateway";
    /// Nobody takes the packets of this stream.
    NoSink { from: SocketAddr } Debug "Media packet from {from} discarded due to lack of sink";
    /// A datagram filled the whole receive area.
    Truncated {} Warning "UDP packet possibly truncated";
    /// Header, tag and MKI do not fit into an SRTP packet. Each of these has a kind of its own, so that a flood of one hides no other.
    ShortSrtp { error: SrtpError } Warning "{error}";
    /// A packet could not be deciphered or authenticated.
    UnauthenticSrtp { error: SrtpError } Warning "{error}";
    /// The same for RTCP, or too short for it.
    InvalidSrtcp { error: SrtpError } Warning "{error}";
    /// A packet cannot be enciphered.
    Unprotectable { error: SrtpError } Warning "{error}";
    /// An authentic packet that was seen before, or is too old to tell.
    Replayed {} Warning "Discarded replayed SRTP packet";
    /// The packet authenticated under another roll-over counter.
    RocReset { from: u16, to: u16 } Debug "Detected unexpected SRTP ROC reset (from {from} to {to})";
    /// Keys are missing for RTP.
    NoSrtpSuite {} Error "SRTP output wanted, but no crypto suite was negotiated";
    /// Keys are missing for RTCP.
    NoSrtcpSuite {} Error "SRTP output wanted, but no crypto suite was negotiated";
    /// A report about a source of which no packet was sent.
    ReportWithoutPayloadType {} Debug "No payload type known for RTCP RR, discarding";
    /// A report about a source whose payload type is none of the media's.
    ReportInvalidPayloadType { payload_type: u8 } Debug "Invalid RTP payload type {payload_type}, discarding RTCP RR";
    /// A header extension element cannot be written.
    ExtensionLeftOut { error: PushError } Debug "{error}";
    /// A payload cannot be transcoded, or there is no coder for it.
    Transcoding { payload_type: u8, fault: CodecFault } Warning
        "Failed to transcode RTP packet with payload type {payload_type}: {fault}";
    /// Coder threads are too busy.
    CodersBehind {} Warning "Dropping RTP packet because transcoding is more than a second behind";
    /// An RTCP element is malformed: the whole packet is dropped.
    InvalidRtcp { error: RtcpError } Warning "{error}";
    /// An RTCP element of a type that does not exist.
    UnknownRtcp { packet_type: u8 } Info "Ignoring unknown RTCP packet type {packet_type}";
    /// An XR block is shorter than its type demands; what follows it is not read.
    ShortXrBlock { error: XrError } Warning "{error}";
}

impl From<SrtpError> for Notice {
    fn from(error: SrtpError) -> Self {
        match error {
            SrtpError::Short => Self::ShortSrtp { error },
            SrtpError::RtpAuthentication | SrtpError::RtpDecryption => Self::UnauthenticSrtp { error },
            SrtpError::ShortRtcp | SrtpError::RtcpAuthentication => Self::InvalidSrtcp { error },
            SrtpError::NotRtp | SrtpError::NoRoom => Self::Unprotectable { error },
        }
    }
}

impl Notice {
    /// It tells of something that changed. The others could come with every packet.
    #[must_use]
    pub fn marks_a_change(&self) -> bool {
        matches!(
            self,
            Self::PeerConfirmed { .. }
                | Self::PeerHandover { .. }
                | Self::PeerChanged { .. }
                | Self::SocketSwitched { .. }
                | Self::SocketNotInList { .. }
        )
    }
}

/// What receive tracking found (media-plane.md §8.6), for the counters of the interface and the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that never came.
    pub lost: u32,
    /// Packets that came twice.
    pub duplicates: u32,
    /// Sequence numbers left out at an advance.
    pub skips: u32,
    /// Jumps too large for an advance.
    pub resets: u32,
    /// Packets older than one already seen.
    pub reordered: u32,
    /// Jitter as sampled by `--measure-rtp`, milliseconds.
    pub measured_jitter: Samples,
    /// What quality reports said.
    pub quality: QualityTally,
}

/// Samples of quality reports, for the averages of the interface and the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QualityTally {
    /// Opinion scores times ten, of the reports that have one.
    pub mos: Samples,
    /// Jitter as reported, milliseconds.
    pub jitter: Samples,
    /// End-to-end round-trip time, microseconds.
    pub rtt_e2e: Samples,
    /// Round-trip time of one leg, microseconds.
    pub rtt_dsct: Samples,
    /// Loss in percent.
    pub packet_loss: Samples,
}

impl QualityTally {
    pub(super) fn add(&mut self, sample: &QualitySample) {
        if sample.mos != 0 {
            self.mos.add(u64::from(sample.mos));
        }
        self.jitter.add(u64::from(sample.jitter_ms));
        self.packet_loss.add(u64::from(sample.loss_percent));
        if sample.rtt_us != 0 {
            self.rtt_e2e.add(u64::from(sample.rtt_us));
        }
        if sample.rtt_leg_us != 0 {
            self.rtt_dsct.add(u64::from(sample.rtt_leg_us));
        }
    }
}

/// Samples of one measured value, ready to be added to an average with its deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Number of samples.
    pub count: u32,
    /// Sum of their values.
    pub sum: u64,
    /// Sum of their squares.
    pub squares: u64,
    /// The smallest; meaningless without samples.
    pub min: u64,
    /// The largest.
    pub max: u64,
}

impl Samples {
    /// Adds a sample.
    pub fn add(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(value);
        self.squares = self.squares.saturating_add(value.saturating_mul(value));
    }
}

/// Events kept between two drains.
const CAPACITY: usize = 32;
/// Events of one kind that are kept per [`WINDOW`]; more are counted as suppressed.
const PER_WINDOW: u16 = 20;
const WINDOW: Duration = Duration::from_secs(1);

/// RTCP packets kept between two drains, which happen after each datagram.
const RTCP_CAPACITY: usize = 4;

#[derive(Clone, Copy)]
struct Window {
    since: Option<Instant>,
    count: u16,
}

/// A shard's collector of events, emptied by it after each datagram or tick.
pub struct Events {
    threshold: Level,
    queue: ArrayVec<Event, CAPACITY>,
    windows: [Window; Notice::KINDS],
    keeps_rtcp: bool,
    rtcp: ArrayVec<Box<[u8]>, RTCP_CAPACITY>,
    /// Counters of receive tracking since they were last taken.
    pub tally: Tally,
    /// Events left out for lack of room or because there were too many of their kind.
    pub suppressed: u64,
}

impl Events {
    /// A collector that keeps what is at least as important as `threshold`.
    #[must_use]
    pub fn new(threshold: Level) -> Self {
        Self {
            threshold,
            queue: ArrayVec::new(),
            windows: [Window { since: None, count: 0 }; Notice::KINDS],
            keeps_rtcp: false,
            rtcp: ArrayVec::new(),
            tally: Tally::default(),
            suppressed: 0,
        }
    }

    /// Changes what is kept (`rtpengine-ctl set loglevel`, calls in debug mode).
    pub fn set_threshold(&mut self, threshold: Level) {
        self.threshold = threshold;
    }

    /// Whether there is nothing to drain; the only thing the shard asks per packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.rtcp.is_empty()
    }

    /// Whether received RTCP packets are kept, for `--log-facility-rtcp`.
    pub fn keep_rtcp(&mut self, keep: bool) {
        self.keeps_rtcp = keep;
    }

    /// Takes out the RTCP packets that came, deciphered and whole.
    pub fn drain_rtcp(&mut self) -> impl Iterator<Item = Box<[u8]>> + '_ {
        self.rtcp.drain(..)
    }

    /// An RTCP packet was accepted.
    pub(super) fn received_rtcp(&mut self, packet: &[u8]) {
        if self.keeps_rtcp && self.rtcp.try_push(packet.into()).is_err() {
            self.suppressed += 1;
        }
    }

    /// Takes out what was collected, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.queue.drain(..)
    }

    pub(super) fn push(&mut self, now: Instant, stream: StreamId, notice: Notice) {
        if notice.level() > self.threshold {
            return;
        }
        if !self.admit(now, notice.kind()) || self.queue.try_push(Event { stream, notice }).is_err() {
            self.suppressed += 1;
        }
    }

    fn admit(&mut self, now: Instant, kind: usize) -> bool {
        let window = &mut self.windows[kind];
        if window.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW) {
            *window = Window { since: Some(now), count: 0 };
        }
        window.count = window.count.saturating_add(1);
        window.count <= PER_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 40)), 7000);

    #[test]
    fn texts_are_those_of_section_23() {
        assert_eq!(
            Notice::Loop { from: PEER }.to_string(),
            "More than 30 duplicate packets detected, dropping packet from 192.0.2.40:7000to avoid potential loop"
        );
        assert_eq!(
            Notice::UnknownPayloadType { payload_type: 77, from: PEER }.to_string(),
            "RTP packet with unknown payload type 77 received from 192.0.2.40:7000"
        );
    }

    #[test]
    fn rtcp_is_kept_only_where_it_is_logged() {
        let mut events = Events::new(Level::Info);
        events.received_rtcp(&[1]);
        assert!(events.is_empty());
        events.keep_rtcp(true);
        (0..10).for_each(|n| events.received_rtcp(&[n]));
        assert!(!events.is_empty());
        assert_eq!(events.drain_rtcp().collect::<Vec<_>>(), [[0], [1], [2], [3]].map(Box::from));
        assert_eq!(events.suppressed, 6);
    }

    #[test]
    fn keeps_what_is_wanted_and_not_too_frequent() {
        let now = Instant::now();
        let mut events = Events::new(Level::Info);
        events.push(now, StreamId(0), Notice::NoSink { from: PEER });
        assert!(events.is_empty(), "debug is off");
        for _ in 0..100 {
            events.push(now, StreamId(0), Notice::PeerConfirmed { peer: PEER });
        }
        assert_eq!(events.drain().count(), usize::from(PER_WINDOW));
        assert_eq!(events.suppressed, 80);
        events.push(now + WINDOW, StreamId(0), Notice::PeerConfirmed { peer: PEER });
        assert_eq!(events.drain().count(), 1);
    }
}
