//! `transform`: the daemon transcodes for another instance (`ng-control.md` 11.11, `codecs.md` 11.2).

use std::net::{SocketAddr, UdpSocket};

use rtpengine_tests::phone::receive;
use rtpengine_tests::prelude::*;

/// What the other instance says of one codec.
fn codec(name: &str, payload_type: i64, clock_rate: i64) -> Value {
    Request::empty()
        .set("codec", name)
        .set("payload type", payload_type)
        .set("clock rate", clock_rate)
        .set("channels", 1)
        .set("format", "")
        .set("options", "")
        .value()
}

fn conversion(input: Value, output: Value) -> Value {
    Request::empty().set("input", input).set("output", output).value()
}

/// The request of the other instance, with its keys in its order (`codecs.md` 11.2(1)).
fn transform(conversions: Vec<Value>, to: SocketAddr) -> Request {
    let destination = Request::empty()
        .set("family", "IP4")
        .set("address", to.ip().to_string())
        .set("port", i64::from(to.port()));
    let media = Request::empty()
        .set("type", "audio")
        .set("codec", list(conversions))
        .set("destination", destination.value());
    Request::new("transform")
        .set("call-id", "01234567 for call@tests")
        .set("from-tag", "01234567 for alice")
        .set("media", list([media.value()]))
        .set("instance", "0123456789ab")
}

fn pcmu() -> Value {
    codec("PCMU", 0, 8000)
}

fn pcma() -> Value {
    codec("PCMA", 8, 8000)
}

fn address(reply: &Reply) -> SocketAddr {
    let media = reply.at(&["media", "0"]);
    assert_eq!(media.keys(), ["id", "family", "address", "port"]);
    assert_eq!(media.get("family").and_then(Value::text), Some("IP4"));
    let ip =
        media.get("address").and_then(Value::text).and_then(|text| text.parse().ok()).expect("an address");
    SocketAddr::new(ip, u16::try_from(reply.int(&["media", "0", "port"])).expect("a port"))
}

struct Other {
    socket: UdpSocket,
    to: SocketAddr,
    next: Rtp,
}

impl Other {
    fn sends(&mut self, payload_type: u8, payload: &[u8]) -> Rtp {
        let packet = Rtp { payload_type, payload: payload.to_vec(), ..self.next.clone() };
        self.socket.send_to(&packet.encode(), self.to).expect("sent");
        self.next.sequence_number += 1;
        self.next.timestamp += 160;
        packet
    }

    fn receives(&self) -> Rtp {
        let (data, from) = receive(&self.socket, SOON).expect("a packet");
        assert_eq!(from, self.to, "from the same port");
        Rtp::parse(&data).expect("RTP")
    }
}

fn rtp(ssrc: u32) -> Rtp {
    Rtp {
        marker: false,
        payload_type: 0,
        sequence_number: 100,
        timestamp: 8000,
        ssrc,
        extra: Vec::new(),
        payload: Vec::new(),
    }
}

#[test]
fn packets_are_converted_and_sent_to_the_destination_from_the_same_port() {
    let daemon = Daemon::start();
    let socket = UdpSocket::bind((daemon.network().phone(0), 0)).expect("a socket");
    let here = socket.local_addr().expect("its address");
    let both = vec![conversion(pcmu(), pcma()), conversion(pcma(), pcmu())];
    let reply = daemon.request(&transform(both, here)).ok();
    assert_eq!(reply.value.keys(), ["call-id", "from-tag", "media", "result"]);
    assert_eq!(reply.text("call-id"), "01234567 for call@tests");
    assert_eq!(reply.text("from-tag"), "01234567 for alice");
    let to = address(&reply);
    let stream = |ssrc| Other { socket: socket.try_clone().expect("another hand"), to, next: rtp(ssrc) };
    let (mut forth, mut back, mut beside) = (stream(0x1111_1111), stream(0x2222_2222), stream(0x4444_4444));
    for round in 0..5 {
        // By the tables of ITU-T G.711: the sample 0 of the one law is nearest to 8 of the other, and that to 8 of the first.
        let sent = forth.sends(0, &[0xff; 160]);
        let got = forth.receives();
        assert_eq!((got.payload_type, &got.payload), (8, &vec![0xd5; 160]), "round {round}");
        let numbers = |p: &Rtp| (p.ssrc, p.sequence_number, p.timestamp, p.marker);
        assert_eq!(numbers(&got), numbers(&sent));
        let sent = back.sends(8, &[0xd5; 160]);
        let got = back.receives();
        assert_eq!((got.payload_type, &got.payload), (0, &vec![0xfe; 160]));
        assert_eq!(numbers(&got), numbers(&sent));
        // Types that are not listed pass as they are.
        let sent = beside.sends(101, &[5, 10, 0, 160]);
        assert_eq!(beside.receives(), sent);
    }
    // The destination is fixed: what a stranger sends goes there too, and nothing comes to the stranger.
    let stranger = UdpSocket::bind((daemon.network().phone(1), 0)).expect("a socket");
    let packet = Rtp { payload: vec![0xff; 160], ..rtp(0x3333_3333) };
    stranger.send_to(&packet.encode(), to).expect("sent");
    assert_eq!(forth.receives().ssrc, 0x3333_3333);
    assert_eq!(receive(&stranger, QUIET), None);
    // It ends as the other instance ends it.
    let delete = Request::new("delete")
        .set("call-id", reply.text("call-id"))
        .set("from-tag", reply.text("from-tag"))
        .set("delete delay", 0);
    let _ = daemon.request(&delete).ok();
    forth.sends(0, &[0xff; 160]);
    assert_eq!(receive(&forth.socket, QUIET), None);
}

#[test]
fn equal_pairs_pass_unchanged_and_what_cannot_be_converted_is_refused() {
    let daemon = Daemon::start();
    let socket = UdpSocket::bind((daemon.network().phone(0), 0)).expect("a socket");
    let here = socket.local_addr().expect("its address");
    let reply = daemon.request(&transform(vec![conversion(pcmu(), pcmu())], here)).ok();
    let mut other = Other { socket, to: address(&reply), next: rtp(1) };
    let sent = other.sends(0, &[1, 2, 3]);
    assert_eq!(other.receives(), sent);
    let unheard_of = vec![conversion(pcmu(), codec("unheard-of", 96, 8000))];
    let refused = daemon.request(&transform(unheard_of, here).set("call-id", "another"));
    assert_eq!(refused.error(), "Failed to set up transform");
    daemon.logs("Conversion from 'PCMU' to 'unheard-of' is not supported");
    let query = daemon.request(&Request::new("query").set("call-id", "another"));
    assert_eq!(query.error(), "Unknown call-id", "nothing was made");
}
