//! One media of a phone: its sockets, its part of the SDP, and the keys it uses.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::receive;
use crate::checks::Checks;
use crate::dtls::Association;
use crate::rtp::{Rtcp, Rtp};
use crate::sdp::Section;
use crate::srtp::{self, Srtp};

/// What one media of a phone is like before the phone exists.
#[derive(Clone, Debug)]
pub struct MediaPlan {
    kind: String,
    protocol: String,
    formats: Vec<(u8, String)>,
    mux: bool,
    direction: String,
    attributes: Vec<String>,
    plain_rtcp: bool,
    suite: Option<String>,
}

impl MediaPlan {
    /// Audio over `RTP/AVP` in PCMU and PCMA.
    #[must_use]
    pub fn audio() -> Self {
        Self::new("audio", "RTP/AVP").format(0, "PCMU/8000").format(8, "PCMA/8000")
    }

    /// Video over `RTP/AVP` in VP8.
    #[must_use]
    pub fn video() -> Self {
        Self::new("video", "RTP/AVP").format(96, "VP8/90000")
    }

    /// Media of another kind.
    #[must_use]
    pub fn new(kind: &str, protocol: &str) -> Self {
        Self {
            kind: kind.into(),
            protocol: protocol.into(),
            formats: Vec::new(),
            mux: false,
            direction: "sendrecv".into(),
            attributes: Vec::new(),
            plain_rtcp: true,
            suite: None,
        }
    }

    /// Adds a payload type with its `rtpmap`.
    #[must_use]
    pub fn format(mut self, payload_type: u8, rtpmap: &str) -> Self {
        self.formats.push((payload_type, rtpmap.into()));
        self
    }

    /// Offers, and accepts, RTP and RTCP on one port.
    #[must_use]
    pub fn mux(mut self) -> Self {
        self.mux = true;
        self
    }

    /// Speaks SRTP with this suite over `RTP/SAVP`, with keys in the SDP.
    #[must_use]
    pub fn secure(mut self, suite: &str) -> Self {
        self.protocol = "RTP/SAVP".into();
        self.suite = Some(suite.into());
        self
    }

    /// Says another transport protocol in the `m=` line.
    #[must_use]
    pub fn protocol(mut self, name: &str) -> Self {
        self.protocol = name.into();
        self
    }

    /// Adds an attribute, without its `a=`.
    #[must_use]
    pub fn attribute(mut self, text: &str) -> Self {
        self.attributes.push(text.into());
        self
    }
}

/// One media of a phone.
#[derive(Debug)]
pub struct Media {
    plan: MediaPlan,
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    remote: Option<Section>,
    /// The `m=` line says port 0.
    pub rejected: bool,
    /// The `c=` line says the unspecified address.
    pub on_hold: bool,
    /// What the next packet carries.
    pub next: Rtp,
    pub(super) sent: u32,
    master: [u8; srtp::MASTER],
    outbound: Option<RefCell<Srtp>>,
    inbound: Option<RefCell<Srtp>>,
    /// Tag and key text of the other side's line in use.
    keyed: Option<(u32, String)>,
    /// What came out of handshakes: for RTP, and for RTCP where it has a port of its own.
    associations: Vec<RefCell<Association>>,
    /// Answers checks that come between the packets.
    checks: Option<Checks>,
}

impl Media {
    pub(super) fn new(plan: MediaPlan, address: IpAddr, seed: u32) -> Self {
        let (rtp, rtcp) = socket_pair(address);
        let next = Rtp {
            marker: false,
            payload_type: plan.formats.first().map_or(0, |(number, _)| *number),
            sequence_number: (seed >> 8) as u16,
            timestamp: seed.wrapping_mul(31),
            ssrc: seed | 1,
            extra: Vec::new(),
            payload: Vec::new(),
        };
        let mut master = [0; srtp::MASTER];
        for (place, number) in master.iter_mut().zip(seed..) {
            *place = (number.wrapping_mul(0x9e37_79b1) >> 24) as u8;
        }
        let outbound = plan.suite.as_ref().and_then(|suite| Srtp::new(suite, &master)).map(RefCell::new);
        Self {
            plan,
            rtp,
            rtcp,
            remote: None,
            rejected: false,
            on_hold: false,
            next,
            sent: 0,
            master,
            outbound,
            inbound: None,
            keyed: None,
            associations: Vec::new(),
            checks: None,
        }
    }

    /// Protects and opens packets with the keys of handshakes from now on: one for RTP, a second for RTCP unless they share
    /// a port.
    pub fn uses_associations(&mut self, associations: Vec<Association>) {
        self.associations = associations.into_iter().map(RefCell::new).collect();
    }

    /// Answers ICE checks from now on.
    pub fn answers_checks(&mut self, checks: Checks) {
        self.checks = Some(checks);
    }

    /// Waits for a packet of media; handshakes between are answered or passed over where the phone does them.
    pub(super) fn listen(&self, socket: &UdpSocket, wait: Duration) -> Option<(Vec<u8>, SocketAddr)> {
        let end = Instant::now() + wait;
        loop {
            let (bytes, from) = receive(socket, end.saturating_duration_since(Instant::now()))?;
            let stun = bytes.first().is_some_and(|first| *first < 4);
            let dtls = bytes.first().is_some_and(|first| (20..64).contains(first));
            match &self.checks {
                Some(checks) if stun => {
                    checks.answer(socket, &bytes, from);
                }
                _ if dtls && !self.associations.is_empty() => {}
                _ => return Some((bytes, from)),
            }
        }
    }

    pub(super) fn takes(&mut self, section: Section) {
        if let Some(suite) = &self.plan.suite {
            let line =
                section.values("crypto").into_iter().find(|line| line.split(' ').nth(1) == Some(suite));
            if let Some((line, (tag, _, context))) =
                line.and_then(|line| Some((line, Srtp::from_line(line)?)))
            {
                let keyed = Some((tag, line.to_string()));
                // The same key goes on where it was; a new one starts afresh.
                if self.keyed != keyed {
                    self.inbound = Some(RefCell::new(context));
                    self.keyed = keyed;
                }
            }
        }
        self.remote = Some(section);
    }

    pub(super) fn seal(&self, packet: &[u8]) -> Vec<u8> {
        if let Some(association) = self.associations.first() {
            return association.borrow_mut().outbound.protect(packet);
        }
        self.outbound.as_ref().map_or_else(|| packet.to_vec(), |srtp| srtp.borrow_mut().protect(packet))
    }

    pub(super) fn seal_rtcp(&self, packet: &[u8]) -> Vec<u8> {
        if let Some(association) = self.associations.last() {
            return association.borrow_mut().outbound.protect_rtcp(packet);
        }
        self.outbound.as_ref().map_or_else(|| packet.to_vec(), |srtp| srtp.borrow_mut().protect_rtcp(packet))
    }

    pub(super) fn open(&self, packet: Vec<u8>) -> Option<Vec<u8>> {
        if let Some(association) = self.associations.first() {
            return association.borrow_mut().inbound.unprotect(&packet);
        }
        if self.plan.suite.is_none() {
            return Some(packet);
        }
        self.inbound.as_ref()?.borrow_mut().unprotect(&packet)
    }

    pub(super) fn open_rtcp(&self, packet: Vec<u8>) -> Option<Vec<u8>> {
        if let Some(association) = self.associations.last() {
            return association.borrow_mut().inbound.unprotect_rtcp(&packet);
        }
        if self.plan.suite.is_none() {
            return Some(packet);
        }
        self.inbound.as_ref()?.borrow_mut().unprotect_rtcp(&packet)
    }

    /// An RTP packet as it would leave, not sent.
    #[must_use]
    pub fn sealed(&self, packet: &Rtp) -> Vec<u8> {
        self.seal(&packet.encode())
    }

    /// A compound RTCP packet as it would leave, not sent.
    #[must_use]
    pub fn sealed_rtcp(&self, packets: &[Rtcp]) -> Vec<u8> {
        self.seal_rtcp(&Rtcp::encode(packets))
    }

    /// Sets the direction attribute.
    pub fn set_direction(&mut self, direction: &str) {
        self.plan.direction = direction.into();
    }

    /// Adds an attribute to later SDP, without its `a=`.
    pub fn add_attribute(&mut self, text: &str) {
        self.plan.attributes.push(text.into());
    }

    /// Its RTP address.
    ///
    /// # Panics
    /// When the socket cannot say.
    #[must_use]
    pub fn rtp_address(&self) -> SocketAddr {
        self.rtp.local_addr().expect("bound")
    }

    /// Its RTP socket.
    #[must_use]
    pub fn rtp_socket(&self) -> &UdpSocket {
        &self.rtp
    }

    /// Its RTCP socket.
    #[must_use]
    pub fn rtcp_socket(&self) -> &UdpSocket {
        &self.rtcp
    }

    /// The section that the other side, that is the daemon, last gave.
    ///
    /// # Panics
    /// When none was given yet.
    #[must_use]
    #[track_caller]
    pub fn remote(&self) -> &Section {
        self.remote.as_ref().expect("an offer or answer has reached this phone")
    }

    /// Where the daemon wants RTCP.
    #[must_use]
    pub fn rtcp_remote(&self) -> SocketAddr {
        self.rtcp_out()
    }

    /// Whether RTP and RTCP share a port.
    #[must_use]
    pub fn is_muxed(&self) -> bool {
        self.plan.mux && self.remote.as_ref().is_some_and(|section| section.has("rtcp-mux"))
    }

    pub(super) fn rtcp_in(&self) -> &UdpSocket {
        if self.is_muxed() { &self.rtp } else { &self.rtcp }
    }

    pub(super) fn rtcp_out(&self) -> SocketAddr {
        if self.is_muxed() { self.remote().rtp() } else { self.remote().rtcp() }
    }

    pub(super) fn lines(&self, answering: bool) -> Vec<String> {
        let here = self.rtp_address();
        let port = if self.rejected { 0 } else { here.port() };
        let formats: Vec<_> = self.plan.formats.iter().map(|(number, _)| number.to_string()).collect();
        let formats = if formats.is_empty() { "*".to_string() } else { formats.join(" ") };
        let mut lines = vec![format!("m={} {port} {} {formats}", self.plan.kind, self.plan.protocol)];
        let shown = match (self.on_hold, here.ip()) {
            (false, ip) => ip,
            (true, IpAddr::V4(_)) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            (true, IpAddr::V6(_)) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        lines.push(format!("c=IN {} {shown}", family(shown)));
        for (number, rtpmap) in &self.plan.formats {
            lines.push(format!("a=rtpmap:{number} {rtpmap}"));
        }
        lines.extend(self.plan.attributes.iter().map(|text| format!("a={text}")));
        if self.plan.direction != "sendrecv" {
            lines.push(format!("a={}", self.plan.direction));
        }
        if let Some(suite) = &self.plan.suite {
            let tag = self.keyed.as_ref().filter(|_| answering).map_or(1, |(tag, _)| *tag);
            lines.push(format!("a=crypto:{tag} {suite} {}", Srtp::inline(&self.master)));
        }
        let offered = self.remote.as_ref().is_some_and(|section| section.has("rtcp-mux"));
        if self.plan.mux && (!answering || offered) {
            lines.push("a=rtcp-mux".into());
        } else if self.plan.plain_rtcp && self.plan.protocol.contains("RTP") {
            lines.push(format!("a=rtcp:{}", self.rtcp.local_addr().expect("bound").port()));
        }
        lines
    }
}

pub(super) fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}

/// A pair of sockets, RTP on an even port and RTCP on the next.
pub(super) fn socket_pair(address: IpAddr) -> (UdpSocket, UdpSocket) {
    for _ in 0..1000 {
        let rtp =
            UdpSocket::bind((address, 0)).unwrap_or_else(|error| panic!("no socket on {address}: {error}"));
        let port = rtp.local_addr().expect("bound").port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = UdpSocket::bind((address, port + 1))
        {
            return (rtp, rtcp);
        }
    }
    panic!("no pair of neighbouring ports on {address}");
}
