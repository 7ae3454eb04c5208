//! A call to look at: two built-in phones talk through a running daemon, or through one started for the occasion
//! (`make demo`).

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use rtpengine_tests::daemon::{self, Daemon};
use rtpengine_tests::network::Network;
use rtpengine_tests::ng::{Client, Reply, Request, Value, dict, list};
use rtpengine_tests::phone::{MediaPlan, Phone, receive};
use rtpengine_tests::rtp::Rtp;

/// Places a call through the daemon with two built-in phones and shows what happens.
#[derive(Parser)]
#[command(name = "rtpengine-demo", version)]
struct Arguments {
    /// The control port of the daemon; if nothing answers there, a daemon is started
    #[arg(long, default_value = "127.0.0.1:2223")]
    ng: SocketAddr,
    /// Packets that each phone speaks, 50 a second
    #[arg(long, default_value_t = 50)]
    packets: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let network = Network::loopback();
    let Ok(client) = Client::new(arguments.ng) else {
        eprintln!("no socket to reach {}", arguments.ng);
        return ExitCode::FAILURE;
    };
    let started = if answers(&client) {
        println!("A daemon answers at {}.", arguments.ng);
        None
    } else {
        println!("Nothing answers at {}: starting {}.", arguments.ng, daemon::binary().display());
        Some(Daemon::builder().control(arguments.ng).start())
    };
    let result = talk(&client, &network, arguments.packets)
        .and_then(|()| transcode(&client, &network, arguments.packets));
    if let Some(daemon) = started {
        daemon.stops();
    }
    match result {
        Ok(()) => {
            println!("\nAudio arrived both ways, in the second call in another codec.");
            ExitCode::SUCCESS
        }
        Err(what) => {
            eprintln!("\nFAILED: {what}");
            ExitCode::FAILURE
        }
    }
}

fn answers(client: &Client) -> bool {
    let ping = client.try_request(&Request::new("ping"), Duration::from_millis(300));
    ping.is_ok_and(|reply| reply.result() == "pong")
}

/// Sends a request about the demo's call.
fn ask(client: &Client, request: &Request) -> Result<Reply, String> {
    let reply =
        client.try_request(request, Duration::from_secs(3)).map_err(|error| format!("no reply: {error}"))?;
    match reply.result() {
        "ok" => Ok(reply),
        _ => Err(format!("the daemon said {:?}", reply.value)),
    }
}

fn talk(client: &Client, network: &Network, packets: usize) -> Result<(), String> {
    let id = format!("demo-{}", std::process::id());
    let about = |command: &str| Request::new(command).set("call-id", &id).set("from-tag", "alice");
    let mut alice = Phone::builder(network, 0, "alice").build();
    let mut bob = Phone::builder(network, 1, "bob").build();

    let sdp = alice.offer_sdp();
    show("Alice offers", &sdp);
    let reply = ask(client, &about("offer").set("sdp", sdp))?;
    show("Bob gets from the daemon", reply.sdp());
    bob.takes(reply.sdp());

    let sdp = bob.answer_sdp();
    show("Bob answers", &sdp);
    let reply = ask(client, &about("answer").set("to-tag", "bob").set("sdp", sdp))?;
    show("Alice gets from the daemon", reply.sdp());
    alice.takes(reply.sdp());

    println!("\nBoth speak {packets} packets of 20 ms …");
    let (mut heard_by_bob, mut heard_by_alice) = (0, 0);
    for _ in 0..packets {
        let (from_alice, from_bob) = (alice.sends(), bob.sends());
        heard_by_bob += usize::from(arrived(&bob, &from_alice));
        heard_by_alice += usize::from(arrived(&alice, &from_bob));
        std::thread::sleep(Duration::from_millis(20));
    }
    for (listener, speaker, heard) in [("Bob", "Alice", heard_by_bob), ("Alice", "Bob", heard_by_alice)] {
        println!("{listener} heard {heard} of {packets} packets from {speaker}, each as it was spoken.");
    }

    let query = ask(client, &about("query"));
    let deleted = ask(client, &about("delete").set("delete-delay", 0));
    println!("\nThe daemon on this call (query):");
    print_value(&query?.value, 1);
    deleted?;
    println!("\nThe call is deleted.");
    if (heard_by_bob, heard_by_alice) == (packets, packets) && packets > 0 {
        Ok(())
    } else {
        Err("not every packet arrived".into())
    }
}

/// A second call: Alice speaks PCMU, Bob understands PCMA alone, and the daemon stands in between.
fn transcode(client: &Client, network: &Network, packets: usize) -> Result<(), String> {
    let id = format!("demo-transcoded-{}", std::process::id());
    let about = |command: &str| Request::new(command).set("call-id", &id).set("from-tag", "alice");
    let phone = |number: u8, tag: &str, payload_type: u8, codec: &str| {
        let plan = MediaPlan::new("audio", "RTP/AVP").format(payload_type, codec);
        Phone::builder(network, number, tag).media(plan).build()
    };
    let (mut alice, mut bob) = (phone(0, "alice", 0, "PCMU/8000"), phone(1, "bob", 8, "PCMA/8000"));
    let codec = dict([("transcode", list(["PCMA"]))]);
    let reply = ask(client, &about("offer").set("sdp", alice.offer_sdp()).set("codec", codec))?;
    show("Alice offers PCMU alone; with codec transcode=PCMA Bob gets", reply.sdp());
    bob.takes(reply.sdp());
    let reply = ask(client, &about("answer").set("to-tag", "bob").set("sdp", bob.answer_sdp()))?;
    show("Bob answers PCMA alone; Alice gets", reply.sdp());
    alice.takes(reply.sdp());

    println!("\nBoth speak {packets} packets of 20 ms …");
    let (mut heard_by_bob, mut heard_by_alice) = (0, 0);
    for _ in 0..packets {
        let (from_alice, from_bob) = (alice.sends(), bob.sends());
        heard_by_bob += usize::from(arrived_as(&bob, &from_alice, 8));
        heard_by_alice += usize::from(arrived_as(&alice, &from_bob, 0));
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("Bob heard {heard_by_bob} of {packets} packets from Alice, in PCMA.");
    println!("Alice heard {heard_by_alice} of {packets} packets from Bob, in PCMU.");
    ask(client, &about("delete").set("delete-delay", 0))?;
    if (heard_by_bob, heard_by_alice) == (packets, packets) {
        Ok(())
    } else {
        Err("not every transcoded packet arrived".into())
    }
}

/// Whether this packet reaches the phone in time, in another codec.
fn arrived_as(phone: &Phone, packet: &Rtp, payload_type: u8) -> bool {
    let heard = receive(phone.media[0].rtp_socket(), Duration::from_millis(500));
    let Some(heard) = heard.and_then(|(data, _)| Rtp::parse(&data)) else { return false };
    let same = heard.sequence_number == packet.sequence_number && heard.timestamp == packet.timestamp;
    same && heard.payload_type == payload_type && heard.payload.len() == packet.payload.len()
}

/// Whether exactly this packet reaches the phone in time.
fn arrived(phone: &Phone, packet: &Rtp) -> bool {
    let heard = receive(phone.media[0].rtp_socket(), Duration::from_millis(500));
    heard.is_some_and(|(data, _)| data == packet.encode())
}

fn show(title: &str, sdp: &str) {
    println!("\n{title}:");
    for line in sdp.lines() {
        println!("    {line}");
    }
}

fn print_value(value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Dict(entries) => {
            for (key, value) in entries {
                print_entry(&indent, &String::from_utf8_lossy(key), value, depth);
            }
        }
        Value::List(items) => {
            for (number, item) in items.iter().enumerate() {
                print_entry(&indent, &format!("[{number}]"), item, depth);
            }
        }
        Value::Text(_) | Value::Int(_) => (),
    }
}

fn print_entry(indent: &str, name: &str, value: &Value, depth: usize) {
    match value {
        Value::Text(text) => println!("{indent}{name}: {}", String::from_utf8_lossy(text)),
        Value::Int(number) => println!("{indent}{name}: {number}"),
        Value::List(items) if items.is_empty() => println!("{indent}{name}: none"),
        Value::List(items) if items.iter().all(|item| item.text().is_some()) => {
            let words: Vec<_> = items.iter().filter_map(Value::text).collect();
            println!("{indent}{name}: {}", words.join(", "));
        }
        Value::Dict(entries) if entries.is_empty() => println!("{indent}{name}: none"),
        Value::List(_) | Value::Dict(_) => {
            println!("{indent}{name}:");
            print_value(value, depth + 1);
        }
    }
}
