//! Statistics of transcoders (`codecs.md` 21): on the command line, in JSON, over ng and for Prometheus.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;
use rtpengine_tests::web::Http;

struct Desk {
    daemon: Daemon,
    cli: SocketAddr,
    http: SocketAddr,
}

impl Desk {
    fn start(arguments: &[&str]) -> Self {
        let local = Ipv4Addr::LOCALHOST.into();
        let network = Network::enter();
        let address = || SocketAddr::new(local, network.free_port(local));
        let (cli, http) = (address(), address());
        let builder =
            Daemon::builder().arg(format!("--listen-cli={cli}")).arg(format!("--listen-http={http}"));
        Self { daemon: builder.args(arguments).start(), cli, http }
    }

    fn says(&self, line: &str) -> String {
        let mut stream = TcpStream::connect(self.cli).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        stream.write_all(format!("{line}\n").as_bytes()).expect("a line");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn metrics(&self) -> Vec<String> {
        let response = Http::connect(self.http).get("/metrics");
        let about = |line: &&str| line.contains("{chain=");
        response.text().lines().filter(about).map(str::to_owned).collect()
    }

    fn transcoders(&self) -> Reply {
        self.daemon.request(&Request::new("statistics")).ok()
    }
}

fn counts(threads: &str) {
    let desk = Desk::start(&[threads]);
    assert_eq!(desk.says("list transcoders"), "No stats entries\n");
    let call = Call::new(&desk.daemon);
    let plan = |number, name| MediaPlan::new("audio", "RTP/AVP").format(number, name);
    let mut alice = call.phone(0, "alice").media(plan(9, "G722/8000")).build();
    let mut bob = call.phone(1, "bob").media(plan(8, "PCMA/8000")).build();
    let options = Request::empty().set("codec", dict([("transcode", list(["PCMA"]))]));
    call.offer_with(&mut alice, &mut bob, &options);
    call.answer(&mut bob, &mut alice);
    let statistics = desk.transcoders();
    assert_eq!(statistics.int(&["statistics", "currentstatistics", "transcodedmedia"]), 2);
    let idle = "PCMA/8000 -> G722/8000: 1 transcoders\nG722/8000 -> PCMA/8000: 1 transcoders\n";
    assert_eq!(desk.says("list transcoders"), idle);
    // Traffic of a second shows in the next one.
    let mut sent = 0;
    let busy = until("a second with traffic", 5 * SOON, || {
        alice.says(&[0x55; 160], 160);
        sent += 1;
        std::thread::sleep(std::time::Duration::from_millis(20));
        let text = desk.says("list transcoders");
        (text != idle).then_some(text)
    });
    let lines: Vec<&str> = busy.lines().collect();
    let [_, chain, packets, octets, samples] = lines[..] else { panic!("{busy}") };
    assert_eq!(chain, "G722/8000 -> PCMA/8000: 1 transcoders");
    let number = |line: &str, unit: &str| -> u64 {
        let number = line.strip_prefix("     ").and_then(|rest| rest.strip_suffix(unit)).expect("its form");
        number.parse().expect("a number")
    };
    let packets = number(packets, " packets/s");
    assert!(packets > 0 && packets <= sent, "{busy}");
    assert!(number(octets, " bytes/s").abs_diff(packets * 160) <= 160, "{busy}");
    assert!(number(samples, " samples/s").abs_diff(packets * 320) <= 640, "{busy}");
    // Sums count everything: octets of payloads, samples of the decoder.
    let name = |what| format!("rtpengine_transcode{what}{{chain=\"G722/8000 -> PCMA/8000\"}}");
    let expected = [
        format!("{} 1", name("rs")),
        format!("{} {sent}", name("_packets_total")),
        format!("{} {}", name("_bytes_total"), sent * 160),
        format!("{} {}", name("_samples_total"), sent * 320),
    ];
    until("all is counted", SOON, || (desk.metrics()[4..] == expected).then_some(()));
    call.hangs_up(&alice);
    until("nothing is transcoded", SOON, || {
        let text = desk.says("list transcoders");
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("->")).collect();
        (lines == ["PCMA/8000 -> G722/8000: 0 transcoders", "G722/8000 -> PCMA/8000: 0 transcoders"])
            .then_some(())
    });
    assert_eq!(desk.transcoders().int(&["statistics", "currentstatistics", "transcodedmedia"]), 0);
    let json = desk.says("list jsonstats");
    let chain = "\"chain\":\"G722/8000 -> PCMA/8000\",\"num\":0";
    let sums = format!("\"packets\":{sent},\"bytes\":{},\"samples\":{}", sent * 160, sent * 320);
    assert!(json.contains(chain) && json.contains(&sums), "{json}");
}

#[test]
fn handlers_and_traffic_of_every_chain_are_shown() {
    counts("--codec-num-threads=0");
}

#[test]
fn other_threads_count_too() {
    counts("--codec-num-threads=2");
}
