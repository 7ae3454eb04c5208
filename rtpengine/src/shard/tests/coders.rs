//! Calls that move, merge or end while a transcoder of theirs is away with a job.

use super::super::coders::{Bench, coders};
use super::*;
use crate::flow::Elsewhere;

/// Shards that leave expensive transcoding to the bench.
fn house(count: u16) -> (House, Bench) {
    let (coders, bench) = coders();
    (House::furnished(count, |shared| shared.with_coders(coders, Elsewhere::Coding)), bench)
}

/// A call from PCMU to opus; the port where the offerer sends.
fn call(house: &mut House, id: &str, offerer: &Phone, answerer: &Phone) -> u16 {
    let (from, to) = (format!("{id}-from"), format!("{id}-to"));
    let offer =
        [("call-id", id), ("from-tag", &from), ("flags", "codec-transcode-opus"), ("sdp", &offerer.sdp())];
    let reply = house.execute(0, "offer", &offer);
    let sdp = reply.keys().text("sdp").expect("an SDP");
    let number =
        sdp.split_once(" opus/48000/2").and_then(|(before, _)| before.rsplit_once(':')).expect("opus").1;
    let port = answerer.0.local_addr().unwrap().port();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {number}\r\na=rtpmap:{number} opus/48000/2\r\n"
    );
    let answer = [("call-id", id), ("from-tag", &from), ("to-tag", &to), ("sdp", &sdp)];
    super::port(&house.execute(0, "answer", &answer))
}

/// The sequence number of the next packet.
fn heard(phone: &Phone) -> u8 {
    let mut buffer = [0; 1500];
    phone.0.recv(&mut buffer).expect("a packet");
    buffer[3]
}

fn is_silent(phone: &Phone) -> bool {
    phone.0.set_nonblocking(true).unwrap();
    let silent = phone.0.recv(&mut [0; 1500]).is_err();
    phone.0.set_nonblocking(false).unwrap();
    silent
}

impl House {
    /// Lets time pass for a shard and fires its timers.
    fn later(&mut self, shard: usize, ms: u64) {
        self.pass(Duration::from_millis(ms));
        self.shards[shard].begin_turn(self.now);
        self.shards[shard].timers();
    }
}

#[test]
fn a_transcoder_finds_its_call_in_the_shard_it_has_moved_to() {
    let (mut house, bench) = house(2);
    let (alice, bob) = (Phone::new(), Phone::new());
    let for_alice = call(&mut house, "a", &alice, &bob);
    alice.send(for_alice, 1);
    house.turn(0);
    // This one waits in the socket while the call is on its way, and for the transcoder then.
    alice.send(for_alice, 2);
    house.mailboxes[0].send(ToShard::Give { id: Name::from("a"), to: 1 }).unwrap();
    house.turn(0);
    house.turn(1);
    assert!(house.shards[1].has_call(b"a"));
    house.later(1, 20);
    assert!(is_silent(&bob), "it is still away");
    assert_eq!(bench.work_off(), 1);
    // The shard that is told does not have the call any more.
    house.turn(0);
    house.later(1, 20);
    assert_eq!(heard(&bob), 1);
    assert_eq!(bench.work_off(), 1);
    house.turn(1);
    assert_eq!(heard(&bob), 2);
    alice.send(for_alice, 3);
    house.turn(1);
    assert_eq!(bench.work_off(), 1);
    house.later(1, 20);
    house.turn(1);
    assert_eq!(heard(&bob), 3, "as ever");
}

#[test]
fn a_transcoder_finds_the_call_that_its_call_has_joined() {
    let (mut house, bench) = house(1);
    let phones: Vec<Phone> = (0..4).map(|_| Phone::new()).collect();
    call(&mut house, "a", &phones[0], &phones[1]);
    let second = call(&mut house, "b", &phones[2], &phones[3]);
    phones[2].send(second, 1);
    house.turn(0);
    let mesh = house.order("mesh", &[("calls", "a,b")]);
    let slot = house.shards[0].calls.find(b"a").unwrap();
    house.shards[0].gather(slot, &mesh.request).unwrap();
    assert_eq!(bench.work_off(), 1);
    house.turn(0);
    house.later(0, 20);
    assert_eq!(heard(&phones[3]), 1);
    assert!(is_silent(&phones[1]));
}

#[test]
fn a_call_ends_while_its_transcoder_is_away() {
    let (mut house, bench) = house(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    let for_alice = call(&mut house, "a", &alice, &bob);
    alice.send(for_alice, 1);
    house.turn(0);
    house.execute(0, "delete", &[("call-id", "a"), ("from-tag", "a-from"), ("delete-delay", "0")]);
    // Another call in its place does not get what is not its own.
    let (carol, dave) = (Phone::new(), Phone::new());
    let for_carol = call(&mut house, "b", &carol, &dave);
    assert_eq!(bench.work_off(), 1);
    house.turn(0);
    assert!(is_silent(&bob) && is_silent(&dave));
    carol.send(for_carol, 2);
    house.turn(0);
    assert_eq!(bench.work_off(), 1);
    house.turn(0);
    assert_eq!(heard(&dave), 2);
}
