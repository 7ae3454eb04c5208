//! Remote transcoders that answer when the call has moved or ended.

use super::message::{FromShard, ToShard};
use super::tests::{House, Phone, port};
use crate::call::CloseReason;
use crate::call::codecs::TranscodeConfig;
use crate::call::handling::CodecSettings;
use crate::call::ids::Name;
use rtpengine_common::ng::{Dict, Message, Reply, Value};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// The other instance.
struct Remote(UdpSocket);

struct Asked {
    cookie: Vec<u8>,
    from: SocketAddr,
    request: Dict<'static>,
}

impl Asked {
    fn text(&self, key: &str) -> &str {
        self.request.text(key).unwrap_or_default()
    }

    fn port(&self) -> Option<i64> {
        self.request.list("media")?.first()?.as_dict()?.dict("destination")?.int("port")
    }
}

impl Remote {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self(socket)
    }

    fn asked(&self) -> Asked {
        let mut buffer = [0; 2048];
        let (length, from) = self.0.recv_from(&mut buffer).expect("a request");
        let (cookie, payload) = (buffer[..16].to_vec(), &buffer[17..length]);
        Asked { cookie, from, request: Message::decode(payload).unwrap().dict.into_owned() }
    }

    fn grants(&self, asked: &Asked, to: &UdpSocket) {
        let to = to.local_addr().unwrap();
        let media = Dict::new().with("family", "IP4").with("address", to.ip().to_string());
        let reply = Reply::ok()
            .with("call-id", asked.text("call-id").to_owned())
            .with("from-tag", asked.text("from-tag").to_owned())
            .with("media", Value::list([media.with("port", i64::from(to.port()))]));
        let mut out = Vec::new();
        reply.encode(rtpengine_common::ng::Encoding::Bencode, Some(&asked.cookie), &mut out);
        self.0.send_to(&out, asked.from).unwrap();
    }
}

struct Talk {
    house: House,
    remote: Remote,
    alice: Phone,
    _bob: Phone,
    /// The ticket of the answer.
    answer: u64,
    asked: Asked,
}

/// A call in the first shard whose answer waits.
fn talk(shards: u16) -> Talk {
    let (mut house, remote) = (House::new(shards), Remote::new());
    let to = remote.0.local_addr().unwrap().to_string();
    house.shared.change_settings(|settings| {
        let mut config = TranscodeConfig::default();
        let keys = [("source", "PCMU"), ("destination", "PCMA"), ("transform", to.as_str())];
        config.add_section("x", &keys.into_iter()).unwrap();
        settings.codecs =
            Arc::new(CodecSettings { transcode_config: config, ..CodecSettings::clone(&settings.codecs) });
    });
    let (alice, bob) = (Phone::new(), Phone::new());
    let sdp = alice.sdp();
    let offer = [("call-id", "x"), ("from-tag", "a"), ("sdp", &sdp), ("rtpp-flags", "codec-transcode-PCMA")];
    let offer = house.order("offer", &offer);
    house.mailboxes[0].send(ToShard::Order(offer)).unwrap();
    house.turn(0);
    let sdp = bob.sdp().replace("RTP/AVP 0", "RTP/AVP 8");
    let answer =
        house.order("answer", &[("call-id", "x"), ("from-tag", "a"), ("to-tag", "b"), ("sdp", &sdp)]);
    let ticket = answer.ticket;
    assert_eq!(replies(&mut house).len(), 1, "the offer needs nothing");
    house.mailboxes[0].send(ToShard::Order(answer)).unwrap();
    house.turn(0);
    let asked = remote.asked();
    assert_eq!(asked.text("command"), "transform");
    assert!(replies(&mut house).is_empty(), "the answer waits");
    Talk { house, remote, alice, _bob: bob, answer: ticket, asked }
}

fn replies(house: &mut House) -> Vec<(u64, Reply)> {
    let reports = std::iter::from_fn(|| house.reports.next());
    let done = reports.filter_map(|report| match report {
        FromShard::Done(done) => Some((done.ticket, done.reply)),
        _ => None,
    });
    done.collect()
}

fn media_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

#[test]
fn a_call_that_moves_asks_anew_and_what_was_granted_before_is_ended() {
    let Talk { mut house, remote, alice, answer, asked, .. } = talk(2);
    house.mailboxes[0].send(ToShard::Give { id: Name::from("x"), to: 1 }).unwrap();
    house.turn(0);
    let done = replies(&mut house);
    let [(ticket, reply)] = done.as_slice() else { panic!("{done:?}") };
    assert_eq!(*ticket, answer);
    let to = port(reply);
    house.turn(1);
    let again = remote.asked();
    assert_eq!((again.text("command"), again.port()), ("transform", asked.port()));
    assert_ne!(again.text("call-id"), asked.text("call-id"));
    let media = media_socket();
    remote.grants(&asked, &media);
    house.turn(0);
    let end = remote.asked();
    assert_eq!((end.text("command"), end.text("call-id")), ("delete", asked.text("call-id")));
    remote.grants(&again, &media);
    house.turn(1);
    alice.send(to, 7);
    house.turn(1);
    let mut buffer = [0; 256];
    let (length, from) = media.recv_from(&mut buffer).expect("a packet");
    assert_eq!((length, buffer[1], buffer[3]), (172, 0, 7), "as it came");
    assert_eq!(Some(i64::from(from.port())), asked.port(), "the socket moved too");
}

#[test]
fn a_call_that_ends_answers_and_ends_what_is_granted_afterwards() {
    let Talk { mut house, remote, answer, asked, .. } = talk(1);
    let slot = house.shards[0].calls.find(b"x").unwrap();
    house.shards[0].end_call(slot, CloseReason::Forced);
    assert_eq!(house.used_ports(), 0);
    assert_eq!(replies(&mut house).first().map(|(ticket, _)| *ticket), Some(answer));
    remote.grants(&asked, &media_socket());
    house.turn(0);
    let end = remote.asked();
    assert_eq!((end.text("command"), end.text("call-id")), ("delete", asked.text("call-id")));
    assert_eq!(end.text("from-tag"), asked.text("from-tag"));
}

#[test]
fn without_a_reply_the_request_is_done_after_all_attempts() {
    let Talk { mut house, remote, answer, asked, .. } = talk(1);
    for attempt in 0..5 {
        assert!(replies(&mut house).is_empty(), "{attempt}");
        house.pass(Duration::from_millis(50));
        house.turn(0);
        house.shards[0].repeat_errands();
        if attempt < 4 {
            assert_eq!(remote.asked().cookie, asked.cookie);
        }
    }
    assert_eq!(replies(&mut house).first().map(|(ticket, _)| *ticket), Some(answer));
    assert_eq!(house.used_ports(), 4, "the socket is closed");
}
