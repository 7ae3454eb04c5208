//! Phones: endpoints without SIP that own sockets, build and read SDP, and send and check media.

mod media;

pub use media::{Media, MediaPlan};

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use self::media::{family, socket_pair};
use crate::network::Network;
use crate::rtp::{Rtcp, Rtp};
use crate::sdp::{self, Sdp, Section};
use crate::wait::{QUIET, SOON};

/// Samples, and bytes, of a 20 ms packet at 8000 Hz.
pub const FRAME: usize = 160;

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
