use super::core::Shard;
use super::inbox::{Inbox, Mailbox, inbox};
use super::message::{Done, FromShard, Order, ToShard};
use super::run::{Alone, Passenger, REPLIES, now, run};
use super::shared::{LoopSettings, Shared};
use super::survey::{Survey, Verdict};
use crate::call::Call;
use crate::call::ctx::Now;
use crate::call::ids::Name;
use crate::call::settings::Settings;
use crate::net::interface_spec::parse;
use crate::net::interfaces::{Interfaces, PoolId};
use crate::net::ports::PortPools;
use crate::net::readiness::{Source, sleep};
use crate::net::system::Machine;
use crate::report::counters::{Block, Counter, Gauge, Totals};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rtpengine_common::ng::{Defaults, Dict, Encoding, Message, Reply, Request};
use std::any::Any;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

#[cfg(feature = "codec")]
mod coders;
mod handshakes;

static HOUSES: AtomicI32 = AtomicI32::new(0);

/// Some shards over one port pool, driven by hand.
pub(crate) struct House {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) mailboxes: Vec<Mailbox<ToShard>>,
    pub(crate) reports: Inbox<FromShard>,
    now: Now,
    tickets: u64,
}

impl House {
    pub(crate) fn new(count: u16) -> Self {
        Self::furnished(count, |shared| shared)
    }

    fn furnished(count: u16, furnish: impl FnOnce(Shared) -> Shared) -> Self {
        let mut random = StdRng::seed_from_u64(11);
        // Tests run at the same time, and sockets with SO_REUSEADDR would share a port without an error.
        let first = 42000 + 100 * HOUSES.fetch_add(1, Ordering::Relaxed);
        let spec = parse("127.0.0.1", first, first + 99).unwrap();
        let interfaces = Interfaces::build(&[spec], &Machine, &mut random).unwrap();
        let pools = PortPools::new(&interfaces, &mut random);
        let (interfaces, settings) = (Arc::new(interfaces), Settings::default());
        let shared = Arc::new(furnish(Shared::new(interfaces, pools, LoopSettings::default(), settings)));
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        let (report, reports) = inbox().unwrap();
        let (mailboxes, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| inbox().unwrap()).unzip();
        let shards = inboxes.into_iter().enumerate().map(|(at, inbox)| {
            let (stats, peers) = (Arc::new(Block::new(1)), mailboxes.clone());
            Shard::new(at as u16, Arc::clone(&shared), stats, inbox, report.clone(), peers, now).unwrap()
        });
        Self { shards: shards.collect(), shared, mailboxes, reports, now, tickets: 0 }
    }

    pub(crate) fn order(&mut self, command: &str, keys: &[(&str, &str)]) -> Order {
        let mut dict = Dict::new();
        dict.push("command".to_owned(), command.to_owned());
        for (key, value) in keys {
            dict.push((*key).to_owned(), (*value).to_owned());
        }
        let mut bytes = Vec::new();
        Encoding::Bencode.write(&dict, &mut bytes);
        let message = Message::decode(&bytes).unwrap();
        let request = Request::parse(&message, &Defaults::default()).unwrap();
        self.tickets += 1;
        Order { ticket: self.tickets, request, agent: "127.0.0.1:9".parse().unwrap() }
    }

    fn execute(&mut self, shard: usize, command: &str, keys: &[(&str, &str)]) -> Reply {
        let order = self.order(command, keys);
        self.shards[shard].begin_turn(self.now);
        self.shards[shard].execute(order).expect("an immediate reply")
    }

    /// Sets a call up and gives the ports of the daemon: where the offerer and where the answerer send.
    pub(crate) fn call(&mut self, shard: usize, id: &str, offerer: &Phone, answerer: &Phone) -> (u16, u16) {
        let (from, to) = (format!("{id}-from"), format!("{id}-to"));
        let offer = [("call-id", id), ("from-tag", &from), ("sdp", &offerer.sdp())];
        let answerer_side = port(&self.execute(shard, "offer", &offer));
        let answer = [("call-id", id), ("from-tag", &from), ("to-tag", &to), ("sdp", &answerer.sdp())];
        (port(&self.execute(shard, "answer", &answer)), answerer_side)
    }

    /// Handles what is ready in a shard, and its inbox.
    pub(crate) fn turn(&mut self, shard: usize) {
        let shard = &mut self.shards[shard];
        shard.begin_turn(self.now);
        while let Some(message) = shard.inbox.next() {
            match message {
                ToShard::Give { id, to } => shard.give(&id, to),
                ToShard::Take(moving) => shard.take_in(*moving),
                ToShard::Order(order) => shard.serve(order),
                ToShard::Opened { slot, key, serial, source, answer } => {
                    shard.opened(slot, key, serial, &source, answer);
                }
                ToShard::Coded { slot, key } => {
                    shard.work_call(slot, key, |call, _, _, turn| call.plane.collect_coded(turn));
                }
                ToShard::Survey { .. } | ToShard::Stop => {
                    unreachable!("not sent by these tests")
                }
            }
        }
        while shard.readiness.poll(64).unwrap() > 0 {
            for at in 0..64 {
                match shard.readiness.event(at) {
                    Some(Source::Socket(key)) => shard.receive(key),
                    Some(Source::Other(REPLIES)) => shard.take_replies(),
                    Some(Source::Other(_)) | None => {}
                }
            }
            shard.begin_turn(self.now);
        }
    }

    /// Handles what is ready in a shard once, in the turn that has begun. How many packets it took in.
    fn poll(&mut self, shard: usize) -> u64 {
        let shard = &mut self.shards[shard];
        let taken = |shard: &Shard| {
            let totals = Totals::of([shard.stats()]);
            totals.counter(Counter::PacketsUser) + totals.counter(Counter::Overrun)
        };
        let before = taken(shard);
        let ready = shard.readiness.poll(64).unwrap();
        for at in 0..ready {
            if let Some(Source::Socket(key)) = shard.readiness.event(at) {
                shard.receive(key);
            }
        }
        taken(shard) - before
    }

    /// Lets time pass.
    #[cfg(feature = "codec")]
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.instant += time;
    }

    pub(crate) fn used_ports(&self) -> u32 {
        self.shared.pools.usage(PoolId(0)).used()
    }
}

pub(crate) struct Phone(UdpSocket);

impl Phone {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self(socket)
    }

    pub(crate) fn sdp(&self) -> String {
        let port = self.0.local_addr().unwrap().port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        )
    }

    pub(crate) fn send(&self, to: u16, sequence: u8) {
        let mut packet = [0x55; 172];
        packet[..12].copy_from_slice(&[0x80, 0, 0, sequence, 0, 0, sequence, 0, 1, 2, 3, 4]);
        self.0.send_to(&packet, ("127.0.0.1", to)).unwrap();
    }

    fn hear(&self) -> u8 {
        let mut buffer = [0; 256];
        let length = self.0.recv(&mut buffer).expect("a packet");
        assert_eq!(length, 172);
        buffer[3]
    }
}

pub(crate) fn port(reply: &Reply) -> u16 {
    let sdp = reply.keys().text("sdp").unwrap_or_else(|| panic!("no SDP in {reply:?}"));
    let (_, rest) = sdp.split_once("m=audio ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn packets_flow_between_the_parties_and_a_delete_closes_the_ports_at_once() {
    let mut house = House::new(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    let (for_alice, for_bob) = house.call(0, "a", &alice, &bob);
    assert_eq!(house.used_ports(), 4);
    for sequence in 0..3 {
        alice.send(for_alice, sequence);
        bob.send(for_bob, 100 + sequence);
        house.turn(0);
        assert_eq!((bob.hear(), alice.hear()), (sequence, 100 + sequence));
    }
    house.execute(0, "delete", &[("call-id", "a"), ("from-tag", "a-from"), ("delete-delay", "0")]);
    assert_eq!(house.used_ports(), 0);
    UdpSocket::bind(("127.0.0.1", for_alice)).expect("the port is free again");
    let totals = Totals::of([house.shards[0].stats()]);
    assert_eq!((totals.gauge(Gauge::Sessions), totals.gauge(Gauge::Sockets)), (0, 0));
    assert_eq!(totals.counter(Counter::RegularSessions), 1);
    assert_eq!(totals.counter(Counter::PacketsUser), 6);
    let Some(FromShard::Ended { ids, .. }) = house.reports.next() else { panic!("the end is reported") };
    assert_eq!(ids, [Name::from("a")]);
}

#[test]
fn signalling_pierces_nat_at_once() {
    let mut house = House::new(1);
    let phone = Phone::new();
    let sdp = phone.sdp();
    let offer = [("call-id", "a"), ("from-tag", "f"), ("flags", "pierce NAT"), ("sdp", &sdp)];
    house.execute(0, "offer", &offer);
    let mut buffer = [0; 64];
    let length = phone.0.recv(&mut buffer).expect("a dummy packet without waiting for the timer");
    assert_eq!(buffer[..length], [0x80, 0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_burst_on_one_socket_leaves_complete_and_in_order() {
    let mut house = House::new(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    let (for_alice, _) = house.call(0, "a", &alice, &bob);
    for sequence in 0..50 {
        alice.send(for_alice, sequence);
    }
    house.turn(0);
    assert!((0..50).all(|sequence| bob.hear() == sequence));
}

#[test]
fn a_busy_socket_on_a_slow_shard_never_goes_deaf() {
    let mut house = House::new(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    let (for_alice, _) = house.call(0, "a", &alice, &bob);
    let (mut sent, mut heard) = (0_u32, 0_u32);
    for _ in 0..30 {
        house.shards[0].begin_turn(now());
        // A turn that does not end, because as soon as packets are handled there are others; never more than 20 are waiting.
        for _ in 0..150 {
            while sent - heard < 20 {
                alice.send(for_alice, sent as u8);
                sent += 1;
            }
            if house.poll(0) == 0 {
                break;
            }
            assert_eq!(bob.hear(), heard as u8);
            heard += 1;
        }
    }
    assert!(heard > 29 * 150, "{heard}: all but the turn in which the shard had no times of arrival yet");
    assert_eq!(Totals::of([house.shards[0].stats()]).counter(Counter::Overrun), 0);
}

#[test]
fn a_socket_on_which_too_much_is_waiting_again_and_again_goes_deaf_until_it_calms_down() {
    let mut house = House::new(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    let (for_alice, _) = house.call(0, "a", &alice, &bob);
    let discarded = |house: &House| Totals::of([house.shards[0].stats()]).counter(Counter::Overrun);
    let mut turns = 0;
    while discarded(&house) == 0 {
        turns += 1;
        assert!(turns < 100, "too much was waiting every time");
        (0..60).for_each(|sequence| alice.send(for_alice, sequence));
        house.shards[0].begin_turn(now());
        while house.poll(0) > 0 {}
    }
    assert!(turns > 5);
    for _ in 0..100 {
        house.shards[0].begin_turn(now());
        while house.poll(0) > 0 {}
    }
    let before = discarded(&house);
    bob.0.set_nonblocking(true).unwrap();
    while bob.0.recv(&mut [0; 256]).is_ok() {}
    bob.0.set_nonblocking(false).unwrap();
    alice.send(for_alice, 99);
    house.turn(0);
    assert_eq!((bob.hear(), discarded(&house)), (99, before));
}

#[test]
fn a_moved_call_loses_no_packet_and_is_found_in_its_new_shard_only() {
    let mut house = House::new(2);
    let (alice, bob) = (Phone::new(), Phone::new());
    let (for_alice, for_bob) = house.call(0, "a", &alice, &bob);
    alice.send(for_alice, 1);
    house.turn(0);
    assert_eq!(bob.hear(), 1);
    // This one waits in the socket while the call is on its way.
    alice.send(for_alice, 2);
    house.mailboxes[0].send(ToShard::Give { id: Name::from("a"), to: 1 }).unwrap();
    house.turn(0);
    assert!(!house.shards[0].has_call(b"a"));
    alice.send(for_alice, 3);
    house.turn(1);
    assert!(house.shards[1].has_call(b"a"));
    let Some(FromShard::Moved { ids, shard: 1 }) = house.reports.next() else {
        panic!("the move is reported")
    };
    assert_eq!(ids, [Name::from("a")]);
    assert_eq!((bob.hear(), bob.hear()), (2, 3));
    bob.send(for_bob, 9);
    house.turn(1);
    assert_eq!(alice.hear(), 9);
    house.execute(1, "delete", &[("call-id", "a"), ("from-tag", "a-from"), ("delete-delay", "0")]);
    assert_eq!(house.used_ports(), 0);
}

#[test]
fn a_call_that_cannot_be_given_stays_and_is_reported_where_it_is() {
    let mut house = House::new(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    house.call(0, "a", &alice, &bob);
    for (id, to) in [("a", 0), ("a", 7), ("unknown", 0)] {
        house.mailboxes[0].send(ToShard::Give { id: Name::from(id), to }).unwrap();
        house.turn(0);
        assert!(matches!(house.reports.next(), Some(FromShard::Moved { shard: 0, .. })), "{id} {to}");
    }
    assert!(house.shards[0].has_call(b"a"));
}

#[test]
fn merged_calls_keep_their_media_and_all_their_ids() {
    let mut house = House::new(1);
    let phones: Vec<Phone> = (0..4).map(|_| Phone::new()).collect();
    let (first, _) = house.call(0, "a", &phones[0], &phones[1]);
    let (second, _) = house.call(0, "b", &phones[2], &phones[3]);
    let mesh = house.order("mesh", &[("calls", "a,b")]);
    let slot = house.shards[0].calls.find(b"a").unwrap();
    house.shards[0].gather(slot, &mesh.request).unwrap();
    assert_eq!(house.shards[0].calls.len(), 1);
    assert_eq!(house.shards[0].calls.find(b"a"), house.shards[0].calls.find(b"b"));
    phones[0].send(first, 5);
    phones[2].send(second, 6);
    house.turn(0);
    assert_eq!((phones[1].hear(), phones[3].hear()), (5, 6));
    assert_eq!(house.shards[0].stats().gauge(Gauge::Sessions), 1);
    // Every id gives both, and the end of the call closes all sockets.
    house.shards[0].end_call(slot, crate::call::CloseReason::Forced);
    assert_eq!(house.used_ports(), 0);
    let Some(FromShard::Ended { ids, .. }) = house.reports.next() else { panic!("the end is reported") };
    assert_eq!(ids, [Name::from("a"), Name::from("b")]);
}

#[test]
fn calls_with_a_common_tag_stay_apart() {
    let mut house = House::new(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    for id in ["a", "b"] {
        let sdp = alice.sdp();
        house.execute(0, "offer", &[("call-id", id), ("from-tag", "same"), ("sdp", &sdp)]);
    }
    let mesh = house.order("mesh", &[("calls", "a,b")]);
    let slot = house.shards[0].calls.find(b"a").unwrap();
    let error = house.shards[0].gather(slot, &mesh.request).unwrap_err();
    assert_eq!(error.to_string(), "Failed to merge calls (tag collision)");
    let (for_alice, _) = house.call(0, "b", &alice, &bob);
    alice.send(for_alice, 1);
    house.turn(0);
    assert_eq!(bob.hear(), 1);
    let missing = house.order("mesh", &[("calls", "a,c")]);
    let error = house.shards[0].gather(slot, &missing.request).unwrap_err();
    assert_eq!(error.to_string(), "Unknown call ID(s)");
}

#[test]
fn a_broken_socket_or_unknown_event_harms_nothing() {
    let mut house = House::new(1);
    let key = crate::call::ids::SocketKey { slot: 9, generation: 9 };
    house.shards[0].receive(key);
    assert!(house.shards[0].calls.is_empty());
}

/// Fails at one call, and looks at the others.
#[derive(Debug)]
struct Clumsy(Vec<String>);

impl Survey for Clumsy {
    fn visit(&mut self, call: &mut Call, _: Now) -> Verdict {
        let id = call.signalling.ids[0].to_string();
        assert_ne!(id, "bad", "on purpose");
        self.0.push(id);
        Verdict::Keep
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

#[test]
fn a_failing_call_is_torn_down_and_the_shard_goes_on() {
    let mut house = House::new(1);
    let (alice, bob) = (Phone::new(), Phone::new());
    let (for_alice, _) = house.call(0, "good", &alice, &bob);
    house.call(0, "bad", &Phone::new(), &Phone::new());
    let mut shard = house.shards.remove(0);
    let stats = Arc::clone(&shard.stats);
    let mailbox = house.mailboxes[0].clone();
    let thread = std::thread::spawn(move || {
        run(&mut shard, &mut Alone);
        assert!(Alone.next().is_none());
    });
    let only = Some(Name::from("bad"));
    mailbox.send(ToShard::Survey { ticket: 1, only, survey: Box::new(Clumsy(Vec::new())) }).unwrap();
    let report = wait_for(&house.reports);
    let FromShard::Ended { ids, .. } = report else { panic!("the failed call is over: {report:?}") };
    assert_eq!(ids, [Name::from("bad")]);
    alice.send(for_alice, 7);
    assert_eq!(bob.hear(), 7);
    mailbox.send(ToShard::Survey { ticket: 2, only: None, survey: Box::new(Clumsy(Vec::new())) }).unwrap();
    let report = wait_for(&house.reports);
    let FromShard::Surveyed { ticket: 2, survey } = report else {
        panic!("the survey is through: {report:?}")
    };
    assert_eq!(survey.into_any().downcast::<Clumsy>().unwrap().0, ["good"]);
    let query = house.order("query", &[("call-id", "good")]);
    mailbox.send(ToShard::Order(query)).unwrap();
    let report = wait_for(&house.reports);
    let FromShard::Done(Done { reply, live: true, .. }) = report else { panic!("{report:?}") };
    assert!(!reply.is_error());
    mailbox.send(ToShard::Stop).unwrap();
    thread.join().unwrap();
    assert_eq!(stats.counter(Counter::CallsFailed), 1);
    assert_eq!(house.used_ports(), 0, "a stopped shard closes its sockets");
}

fn wait_for(reports: &Inbox<FromShard>) -> FromShard {
    loop {
        if let Some(report) = reports.next() {
            return report;
        }
        if reports.may_sleep() {
            reports.awake(sleep(&[reports.as_raw_fd()], Some(Duration::from_secs(20))));
        }
    }
}
