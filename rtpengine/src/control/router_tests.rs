use super::*;
use crate::net::packet_info::{PathMtu, RequestSocket};
use crate::shard::inbox::inbox;
use crate::shard::tests::House;
use proptest::prelude::*;
use rtpengine_common::ng::{Dict, Value};
use std::net::UdpSocket;
use std::time::Duration;

const SHARDS: u16 = 3;

/// A router with shards, every one of which moves only when the test says so.
struct Town {
    house: House,
    router: Router,
    client: UdpSocket,
    server: SocketAddr,
    cookies: u32,
}

impl Town {
    fn new(max_sessions: i64) -> Self {
        let mut house = House::new(SHARDS);
        let socket = RequestSocket::open("127.0.0.1:0".parse().unwrap(), 0, PathMtu::System).unwrap();
        let server = socket.local();
        let listeners = Listeners::new(vec![socket], vec![]).unwrap();
        let (_, reports) = inbox().unwrap();
        let reports = std::mem::replace(&mut house.reports, reports);
        let (_, questions) = inbox().unwrap();
        let limits = Limits { max_sessions, ..Limits::default() };
        let ends = ShardEnds {
            mailboxes: house.mailboxes.clone(),
            stats: (0..SHARDS).map(|_| Arc::new(Block::new(1))).collect(),
        };
        let router = Router::new(
            listeners,
            Inboxes { reports, questions },
            ends,
            Arc::clone(&house.shared),
            Arc::new(ControlState::new(limits, Instant::now())),
            Arc::new(Defaults::default()),
        );
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        Self { house, router, client, server, cookies: 0 }
    }

    fn send(&mut self, command: &str, keys: &[(&str, Value<'static>)]) -> String {
        self.cookies += 1;
        let cookie = format!("c{}", self.cookies);
        self.send_as(&cookie, command, keys);
        cookie
    }

    fn send_as(&mut self, cookie: &str, command: &str, keys: &[(&str, Value<'static>)]) {
        let mut dict = Dict::new();
        dict.push("command".to_owned(), command.to_owned());
        for (key, value) in keys {
            dict.push((*key).to_owned(), value.clone());
        }
        let mut bytes = format!("{cookie} ").into_bytes();
        Encoding::Bencode.write(&dict, &mut bytes);
        self.client.send_to(&bytes, self.server).unwrap();
    }

    fn offer(&mut self, id: &str) -> String {
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9998 RTP/AVP 0\r\n";
        let keys =
            [("call-id", id.to_owned().into()), ("from-tag", format!("f{id}").into()), ("sdp", sdp.into())];
        self.send("offer", &keys)
    }

    fn delete(&mut self, id: &str) -> String {
        self.send("delete", &[("call-id", id.to_owned().into()), ("delete-delay", 0i64.into())])
    }

    fn mesh(&mut self, ids: &[&str]) -> String {
        let ids = ids.iter().map(|id| Value::from((*id).to_owned())).collect();
        self.send("mesh", &[("calls", Value::List(ids))])
    }

    fn turn(&mut self, who: usize) {
        if who == usize::from(SHARDS) {
            self.router.turn(&mut self.house.shards[0], true);
        } else {
            self.house.turn(who);
        }
    }

    /// Lets everything come to rest.
    fn settle(&mut self) {
        for _ in 0..30 {
            (0..=usize::from(SHARDS)).rev().for_each(|who| self.turn(who));
        }
    }

    /// The next reply. The kernel may deliver datagrams late on a busy machine, so threads get turns until it is there.
    fn reply(&mut self) -> (String, String) {
        let mut buffer = [0; 8192];
        let deadline = Instant::now() + Duration::from_secs(5);
        let length = loop {
            match self.client.recv(&mut buffer) {
                Ok(length) => break length,
                Err(error) => assert!(Instant::now() < deadline, "no reply: {error}"),
            }
            self.settle();
        };
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let (cookie, rest) = text.split_once(' ').unwrap();
        (cookie.to_owned(), rest.to_owned())
    }

    /// Puts the next new calls into this shard.
    fn prefer(&self, shard: u16) {
        for (at, block) in self.router.stats.iter().enumerate() {
            block.set_busy(if at == usize::from(shard) { 0 } else { 1000 });
        }
    }

    /// Every id leads to exactly one shard, the one the directory names.
    fn check(&self) {
        assert!(self.router.running.is_empty() && self.router.held.is_empty() && self.router.moving == 0);
        for id in IDS {
            let holders: Vec<u16> = (0..SHARDS)
                .filter(|at| self.house.shards[usize::from(*at)].has_call(id.as_bytes()))
                .collect();
            let named: Vec<u16> = self.router.directory.find(id.as_bytes()).into_iter().collect();
            assert_eq!(named, holders, "{id}");
        }
        assert_eq!(self.router.directory.len(), self.router.directory.ids().count());
    }
}

const IDS: [&str; 4] = ["a", "b", "c", "d"];

#[test]
fn a_retransmission_gets_the_same_reply_and_is_not_executed_again() {
    let mut town = Town::new(-1);
    town.offer("a");
    town.settle();
    let first = town.reply();
    town.cookies = 0;
    town.offer("a");
    town.settle();
    assert_eq!(town.reply(), first);
    assert_eq!(town.house.used_ports(), 4);
}

#[test]
fn a_retransmission_during_execution_waits_for_the_reply() {
    let mut town = Town::new(-1);
    town.prefer(1);
    town.offer("a");
    town.turn(usize::from(SHARDS));
    town.cookies = 0;
    town.offer("a");
    town.turn(usize::from(SHARDS));
    town.settle();
    let (first, second) = (town.reply(), town.reply());
    assert_eq!(first, second);
    assert_eq!(town.house.used_ports(), 4);
}

#[test]
fn the_session_limit_counts_calls_that_are_still_being_made() {
    let mut town = Town::new(1);
    town.prefer(2);
    town.offer("a");
    town.offer("b");
    town.turn(usize::from(SHARDS));
    town.settle();
    let replies = [town.reply(), town.reply()];
    let refused = replies.iter().filter(|(_, text)| text.contains("Parallel session limit reached")).count();
    assert_eq!(refused, 1);
    town.check();
    town.offer("a");
    town.settle();
    assert!(town.reply().1.contains("3:sdp"), "an existing call is never limited");
}

#[test]
fn two_calls_of_different_shards_become_one_for_a_request_about_both() {
    let mut town = Town::new(-1);
    for (shard, id) in [(1, "a"), (2, "b")] {
        town.prefer(shard);
        town.offer(id);
        town.settle();
        assert!(town.reply().1.contains("3:sdp"));
    }
    town.mesh(&["a", "b"]);
    // Requests for both ids come while the calls move, and are answered afterwards.
    let waiting = ["a", "b"].map(|id| town.send("query", &[("call-id", id.to_owned().into())]));
    town.settle();
    let replies: Vec<_> = (0..3).map(|_| town.reply()).collect();
    for cookie in waiting {
        let (_, text) = replies.iter().find(|(of, _)| *of == cookie).expect("an answer");
        assert!(text.contains("2:fa") && text.contains("2:fb"), "both parties are in one call: {text}");
    }
    assert_eq!(town.router.directory.find(b"a"), Some(1));
    assert_eq!(town.router.directory.find(b"b"), Some(1));
    town.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any order in which requests arrive and threads get their turns leaves every id in one place.
    #[test]
    fn ids_lead_to_one_call_whatever_the_order(steps in proptest::collection::vec((0u8..10, 0usize..4, 0usize..4, 0u16..SHARDS), 1..80)) {
        let mut town = Town::new(-1);
        let mut asked = 0;
        for (what, first, second, shard) in steps {
            town.prefer(shard);
            let (one, two) = (IDS[first], IDS[second]);
            match what {
                0..=2 => { town.offer(one); asked += 1; }
                3 => { town.delete(one); asked += 1; }
                4..=5 => { town.mesh(&[one, two]); asked += 1; }
                6 => town.turn(usize::from(SHARDS)),
                _ => town.turn(usize::from(shard)),
            }
        }
        town.settle();
        for _ in 0..asked {
            town.reply();
        }
        town.check();
        for id in IDS {
            town.delete(id);
        }
        town.settle();
        for _ in IDS {
            town.reply();
        }
        town.check();
    }
}
