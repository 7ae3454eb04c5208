//! Phones: endpoints without SIP that own sockets, build and read SDP, and send and check media.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::checks::Checks;
use crate::dtls::Association;
use crate::network::Network;
use crate::rtp::{Rtcp, Rtp};
use crate::sdp::{self, Sdp, Section};
use crate::srtp::{self, Srtp};
use crate::wait::{QUIET, SOON};

/// Samples, and bytes, of a 20 ms packet at 8000 Hz.
pub const FRAME: usize = 160;

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

/// How to make a phone.
#[derive(Debug)]
pub struct PhoneBuilder {
    tag: String,
    address: IpAddr,
    plans: Vec<MediaPlan>,
}

impl PhoneBuilder {
    /// Gives the phone another address, for example an IPv6 one.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// Adds a media. Without any, the phone has one audio.
    #[must_use]
    pub fn media(mut self, plan: MediaPlan) -> Self {
        self.plans.push(plan);
        self
    }

    /// Makes the phone.
    ///
    /// # Panics
    /// When no sockets can be had.
    #[must_use]
    pub fn build(mut self) -> Phone {
        if self.plans.is_empty() {
            self.plans.push(MediaPlan::audio());
        }
        let address = self.address;
        let seed = seed(&self.tag);
        let media =
            (0_u32..).zip(self.plans).map(|(index, plan)| Media::new(plan, address, seed ^ index)).collect();
        Phone { tag: self.tag, address, media, version: 1, extra: Vec::new() }
    }
}

/// A number that depends on nothing but the name, so that runs repeat.
fn seed(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)) & !0xff
}

/// One media of a phone.
#[derive(Debug)]
pub struct Media {
    plan: MediaPlan,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    remote: Option<Section>,
    /// The `m=` line says port 0.
    pub rejected: bool,
    /// The `c=` line says the unspecified address.
    pub on_hold: bool,
    /// What the next packet carries.
    pub next: Rtp,
    sent: u32,
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
    fn new(plan: MediaPlan, address: IpAddr, seed: u32) -> Self {
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
    fn listen(&self, socket: &UdpSocket, wait: Duration) -> Option<(Vec<u8>, SocketAddr)> {
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

    fn takes(&mut self, section: Section) {
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

    fn seal(&self, packet: &[u8]) -> Vec<u8> {
        if let Some(association) = self.associations.first() {
            return association.borrow_mut().outbound.protect(packet);
        }
        self.outbound.as_ref().map_or_else(|| packet.to_vec(), |srtp| srtp.borrow_mut().protect(packet))
    }

    fn seal_rtcp(&self, packet: &[u8]) -> Vec<u8> {
        if let Some(association) = self.associations.last() {
            return association.borrow_mut().outbound.protect_rtcp(packet);
        }
        self.outbound.as_ref().map_or_else(|| packet.to_vec(), |srtp| srtp.borrow_mut().protect_rtcp(packet))
    }

    fn open(&self, packet: Vec<u8>) -> Option<Vec<u8>> {
        if let Some(association) = self.associations.first() {
            return association.borrow_mut().inbound.unprotect(&packet);
        }
        if self.plan.suite.is_none() {
            return Some(packet);
        }
        self.inbound.as_ref()?.borrow_mut().unprotect(&packet)
    }

    fn open_rtcp(&self, packet: Vec<u8>) -> Option<Vec<u8>> {
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

    fn rtcp_in(&self) -> &UdpSocket {
        if self.is_muxed() { &self.rtp } else { &self.rtcp }
    }

    fn rtcp_out(&self) -> SocketAddr {
        if self.is_muxed() { self.remote().rtp() } else { self.remote().rtcp() }
    }

    fn lines(&self, answering: bool) -> Vec<String> {
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

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}

/// A pair of sockets, RTP on an even port and RTCP on the next.
fn socket_pair(address: IpAddr) -> (UdpSocket, UdpSocket) {
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

/// A phone.
#[derive(Debug)]
pub struct Phone {
    /// Its SIP tag.
    pub tag: String,
    /// The address in its SDP.
    pub address: IpAddr,
    /// Its medias, in the order of its `m=` lines.
    pub media: Vec<Media>,
    /// Session lines to add after `t=`.
    pub extra: Vec<String>,
    version: u32,
}

impl Phone {
    /// A phone with the SIP tag `tag` on the network's `number`-th phone address.
    #[must_use]
    pub fn builder(network: &Network, number: u8, tag: &str) -> PhoneBuilder {
        PhoneBuilder { tag: tag.into(), address: network.phone(number), plans: Vec::new() }
    }

    /// Its offer.
    #[must_use]
    pub fn offer_sdp(&mut self) -> String {
        self.sdp(false)
    }

    /// Its answer to the last offer that reached it: a section that was offered with port 0 is rejected, and rtcp-mux
    /// is answered only if it was offered.
    #[must_use]
    pub fn answer_sdp(&mut self) -> String {
        self.sdp(true)
    }

    fn sdp(&mut self, answering: bool) -> String {
        let mut lines = vec![
            "v=0".to_string(),
            format!("o={} 1 {} IN {} {}", self.tag, self.version, family(self.address), self.address),
            "s=tests".to_string(),
            "t=0 0".to_string(),
        ];
        self.version += 1;
        lines.extend(self.extra.iter().cloned());
        for media in &self.media {
            lines.extend(media.lines(answering));
        }
        sdp::body(&lines)
    }

    /// Takes the SDP that the other side gave.
    pub fn takes(&mut self, text: &str) {
        let sections = Sdp::parse(text).sections;
        for (media, section) in self.media.iter_mut().zip(sections) {
            media.takes(section);
        }
    }

    /// Moves all its medias to new ports on `address`, as a phone does that changes its network, and returns what it
    /// leaves.
    pub fn moves_to(&mut self, address: IpAddr) -> Place {
        let new = self.media.iter().map(|_| socket_pair(address)).collect();
        self.returns_to(Place { address, sockets: new })
    }

    /// Moves to a place that it had left, and returns what it leaves now.
    pub fn returns_to(&mut self, place: Place) -> Place {
        let mut left =
            Place { address: std::mem::replace(&mut self.address, place.address), sockets: Vec::new() };
        for (media, (rtp, rtcp)) in self.media.iter_mut().zip(place.sockets) {
            let old = (std::mem::replace(&mut media.rtp, rtp), std::mem::replace(&mut media.rtcp, rtcp));
            left.sockets.push(old);
        }
        left
    }

    /// The section that the daemon gave for the first media.
    #[must_use]
    #[track_caller]
    pub fn remote(&self) -> &Section {
        self.media[0].remote()
    }

    /// Sends the next RTP packet of the first media to where the daemon wants it.
    #[track_caller]
    pub fn sends(&mut self) -> Rtp {
        self.sends_on(0)
    }

    /// Sends the next RTP packet of a media to where the daemon wants it.
    ///
    /// # Panics
    /// When it cannot be sent.
    #[track_caller]
    pub fn sends_on(&mut self, index: usize) -> Rtp {
        let packet = self.next_packet(index);
        let media = &self.media[index];
        let to = media.remote().rtp();
        media
            .rtp
            .send_to(&media.seal(&packet.encode()), to)
            .unwrap_or_else(|error| panic!("cannot send to {to}: {error}"));
        packet
    }

    /// Sends a payload as the next packet of the first media, `step` timestamp units before the one after it.
    ///
    /// # Panics
    /// When it cannot be sent.
    #[track_caller]
    pub fn says(&mut self, payload: &[u8], step: u32) -> Rtp {
        let media = &mut self.media[0];
        let packet = Rtp { payload: payload.to_vec(), ..media.next.clone() };
        media.sent += 1;
        media.next.sequence_number = packet.sequence_number.wrapping_add(1);
        media.next.timestamp = packet.timestamp.wrapping_add(step);
        let to = media.remote().rtp();
        media.rtp.send_to(&media.seal(&packet.encode()), to).expect("the packet can be sent");
        packet
    }

    /// Sends the next RTP packet of the first media from another socket, as through a NAT.
    ///
    /// # Panics
    /// When it cannot be sent.
    #[track_caller]
    pub fn sends_from(&mut self, socket: &UdpSocket) -> Rtp {
        let packet = self.next_packet(0);
        socket
            .send_to(&self.media[0].seal(&packet.encode()), self.remote().rtp())
            .expect("the packet can be sent");
        packet
    }

    /// Builds the next RTP packet: its payload tells who spoke and is never the same twice.
    #[must_use]
    pub fn next_packet(&mut self, index: usize) -> Rtp {
        let media = &mut self.media[index];
        let mut packet = media.next.clone();
        packet.payload = spoken(&self.tag, media.sent);
        media.sent += 1;
        media.next.sequence_number = packet.sequence_number.wrapping_add(1);
        media.next.timestamp = packet.timestamp.wrapping_add(FRAME as u32);
        packet
    }

    /// Waits for a packet on the first media.
    #[track_caller]
    pub fn receives(&self) -> (Rtp, SocketAddr) {
        self.receives_on(0)
    }

    /// Waits for a packet on a media.
    ///
    /// # Panics
    /// When none comes within a second, or what comes is no RTP.
    #[track_caller]
    pub fn receives_on(&self, index: usize) -> (Rtp, SocketAddr) {
        let Some((data, from)) = self.media[index].listen(&self.media[index].rtp, SOON) else {
            panic!("{} hears nothing on media {index}", self.tag)
        };
        let Some(data) = self.media[index].open(data) else { panic!("{} got what it cannot open", self.tag) };
        let Some(packet) = Rtp::parse(&data) else { panic!("{} got no RTP: {data:02x?}", self.tag) };
        (packet, from)
    }

    /// Waits for exactly `packet` on the first media, from the address that the daemon advertised.
    #[track_caller]
    pub fn hears(&self, packet: &Rtp) {
        self.hears_on(0, packet);
    }

    /// Waits for exactly `packet` on a media, from the address that the daemon advertised.
    ///
    /// # Panics
    /// When something else comes, or nothing.
    #[track_caller]
    pub fn hears_on(&self, index: usize, packet: &Rtp) {
        let (heard, from) = self.receives_on(index);
        assert!(heard == *packet, "{} expected {packet:?} and got {heard:?}", self.tag);
        let advertised = self.media[index].remote().rtp();
        assert_eq!(from, advertised, "a packet leaves from the port that was advertised");
    }

    /// Listens on all sockets and asserts that nothing comes.
    ///
    /// # Panics
    /// When something comes.
    #[track_caller]
    pub fn hears_nothing(&self) {
        let start = Instant::now();
        for media in &self.media {
            for socket in [&media.rtp, &media.rtcp] {
                let rest = QUIET.saturating_sub(start.elapsed());
                if let Some((data, from)) = media.listen(socket, rest) {
                    panic!("{} got {} bytes from {from}: {:02x?}", self.tag, data.len(), &data);
                }
            }
        }
    }

    /// Speaks five packets on the first media that `other` hears.
    #[track_caller]
    pub fn speaks_to(&mut self, other: &mut Self) {
        self.speaks_on(0, other);
    }

    /// Speaks five packets on a media that `other` hears on the same.
    #[track_caller]
    pub fn speaks_on(&mut self, index: usize, other: &mut Self) {
        for _ in 0..5 {
            let packet = self.sends_on(index);
            other.hears_on(index, &packet);
        }
    }

    /// Sends RTCP on the first media and returns what was sent.
    ///
    /// # Panics
    /// When it cannot be sent.
    #[track_caller]
    pub fn sends_rtcp(&self, packets: &[Rtcp]) -> Vec<Rtcp> {
        let media = &self.media[0];
        let socket = media.rtcp_in();
        socket
            .send_to(&media.seal_rtcp(&Rtcp::encode(packets)), media.rtcp_out())
            .expect("the packet can be sent");
        packets.to_vec()
    }

    /// A sender report with a description, as this phone would send it on its first media.
    #[must_use]
    pub fn sender_report(&self) -> Vec<Rtcp> {
        let media = &self.media[0];
        let packets = media.sent;
        let bytes = packets * FRAME as u32;
        let (ssrc, timestamp) = (media.next.ssrc, media.next.timestamp);
        vec![
            Rtcp::Sr { ssrc, ntp: 0xdead_beef_0000_0000, timestamp, packets, bytes, reports: Vec::new() },
            Rtcp::Sdes { ssrc, cname: self.tag.clone() },
        ]
    }

    /// Waits for exactly these RTCP packets on the first media, from the address that the daemon advertised.
    ///
    /// # Panics
    /// When something else comes, or nothing.
    #[track_caller]
    pub fn hears_rtcp(&self, packets: &[Rtcp]) {
        let (heard, from) = self.receives_rtcp();
        assert!(heard == packets, "{} expected {packets:?} and got {heard:?}", self.tag);
        assert_eq!(from, self.media[0].rtcp_out(), "a packet leaves from the port that was advertised");
    }

    /// Waits for RTCP on the first media.
    ///
    /// # Panics
    /// When none comes within a second, or what comes is no RTCP.
    #[track_caller]
    pub fn receives_rtcp(&self) -> (Vec<Rtcp>, SocketAddr) {
        let Some((data, from)) = self.media[0].listen(self.media[0].rtcp_in(), SOON) else {
            panic!("{} hears no RTCP", self.tag)
        };
        let Some(data) = self.media[0].open_rtcp(data) else {
            panic!("{} got what it cannot open", self.tag)
        };
        let Some(packets) = Rtcp::parse(&data) else { panic!("{} got no RTCP: {data:02x?}", self.tag) };
        (packets, from)
    }

    /// Throws away what waits in its sockets.
    pub fn drains(&self) {
        for media in &self.media {
            for socket in [&media.rtp, &media.rtcp] {
                while receive(socket, Duration::ZERO).is_some() {}
            }
        }
    }
}

/// Where a phone can be reached: its address and the sockets of its medias.
#[derive(Debug)]
pub struct Place {
    address: IpAddr,
    sockets: Vec<(UdpSocket, UdpSocket)>,
}

/// The payload that the phone `tag` speaks as its `count`-th.
fn spoken(tag: &str, count: u32) -> Vec<u8> {
    let mut payload = format!("{tag} {count} ").into_bytes();
    let fill = seed(tag).wrapping_add(count.wrapping_mul(7)) as u8;
    payload.resize(FRAME, fill);
    payload
}

/// Receives one packet within `wait`.
///
/// # Panics
/// When the socket fails.
#[must_use]
pub fn receive(socket: &UdpSocket, wait: Duration) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = vec![0; 65536];
    socket.set_read_timeout(Some(wait.max(Duration::from_micros(100)))).expect("a timeout can be set");
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                buffer.truncate(length);
                return Some((buffer, from));
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
            // ICMP for a packet sent earlier to a port that is closed by now.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => (),
            Err(error) => panic!("cannot receive: {error}"),
        }
    }
}
