//! Real SIP calls: Kamailio with its rtpengine module between two SIPp endpoints, whose media our phones speak and
//! check.

mod baresip;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use rtpengine_tests::network::left_out;
use rtpengine_tests::prelude::*;
use rtpengine_tests::program::{Program, is_installed};
use rtpengine_tests::sys::{self, Signal};

const WAIT: Duration = Duration::from_secs(10);

/// Who stands where, and what Kamailio tells the daemon.
struct Plan {
    caller: IpAddr,
    callee: IpAddr,
    /// Kamailio's address towards the caller, and its second one.
    proxy: IpAddr,
    proxy_v6: Option<IpAddr>,
    flags: &'static str,
    flags_back: &'static str,
}

/// The proxy, running and answering.
struct Kamailio {
    _program: Program,
    address: SocketAddr,
}

impl Kamailio {
    fn start(plan: &Plan, daemons: &[&Daemon], callee: SocketAddr, folder: &Path) -> Self {
        let network = daemons[0].network();
        let address = SocketAddr::new(plan.proxy, network.free_port(plan.proxy));
        let listen_v6 = plan.proxy_v6.map(|ip| {
            let address = SocketAddr::new(ip, network.free_port(ip));
            format!("listen=udp:{address}")
        });
        let sockets: Vec<String> = daemons.iter().map(|daemon| format!("udp:{}", daemon.ng())).collect();
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("kamailio/kamailio.cfg");
        let text = std::fs::read_to_string(template).unwrap();
        let text = text
            .replace("@LISTEN@", &address.to_string())
            .replace("@LISTEN_V6@", &listen_v6.unwrap_or_default())
            .replace("@NG@", &sockets.join(" "))
            .replace("@CALLEE@", &callee.to_string())
            .replace("@FLAGS_BACK@", plan.flags_back)
            .replace("@FLAGS@", plan.flags);
        let file = folder.join("kamailio.cfg");
        std::fs::write(&file, text).unwrap();
        let folder_name = folder.to_str().unwrap();
        let arguments = ["-DD", "-E", "-f", file.to_str().unwrap(), "-Y", folder_name, "-w", folder_name];
        let program = Program::start("kamailio", &arguments, folder);
        let probe = UdpSocket::bind((plan.proxy, 0)).unwrap();
        probe.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let here = probe.local_addr().unwrap();
        until("Kamailio answers", WAIT, || {
            let options = format!(
                "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKprobe\r\nFrom: <sip:t@{here}>;tag=1\r\n\
                 To: <sip:{address}>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            );
            probe.send_to(options.as_bytes(), address).ok()?;
            let mut buffer = [0; 2048];
            let length = probe.recv(&mut buffer).ok()?;
            buffer[..length].starts_with(b"SIP/2.0 200").then_some(())
        });
        Self { _program: program, address }
    }
}

/// One SIPp endpoint for one call.
struct Sipp {
    program: Program,
    messages: std::path::PathBuf,
    address: SocketAddr,
}

impl Sipp {
    fn start(role: &str, phone: &Phone, address: SocketAddr, to: Option<SocketAddr>, folder: &Path) -> Self {
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("kamailio/{role}.xml"));
        let messages = folder.join(format!("{role}.messages"));
        let media = phone.media[0].rtp_address();
        let family = if media.is_ipv4() { "IP4" } else { "IP6" };
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let (rtp_ip, rtp_port) = (media.ip().to_string(), media.port().to_string());
        let remote = to.map(|to| to.to_string());
        let mut arguments =
            vec!["-sf", scenario.to_str().unwrap(), "-i", &ip, "-p", &port, "-m", "1", "-nostdin"];
        arguments
            .extend(["-key", "family", family, "-key", "rtp_ip", &rtp_ip, "-key", "rtp_port", &rtp_port]);
        arguments.extend(["-trace_msg", "-message_file", messages.to_str().unwrap(), "-timeout", "30"]);
        arguments.extend(["-cid_str", "sip-call-%u", "-s", "bob"]);
        arguments.extend(remote.as_deref());
        Self { program: Program::start("sipp", &arguments, folder), messages, address }
    }

    /// Waits for a received message that starts with `start` and has a body, and returns the body.
    fn receives(&self, start: &str) -> String {
        until(&format!("{start} arrives"), WAIT, || {
            let log = std::fs::read_to_string(&self.messages).ok()?.replace("\r\n", "\n");
            let at = log.find(&format!("\n{start}"))?;
            let (_, rest) = log[at + 1..].split_once("\n\n")?;
            let body: Vec<&str> =
                rest.lines().take_while(|line| line.as_bytes().get(1) == Some(&b'=')).collect();
            (body.len() > 5).then(|| body.iter().map(|line| format!("{line}\r\n")).collect())
        })
    }

    /// Waits until its port is open.
    fn is_open(&self) {
        until("the port is open", WAIT, || UdpSocket::bind(self.address).is_err().then_some(()));
    }

    fn succeeds(mut self) {
        let status = self.program.ends(WAIT);
        assert!(status.success(), "ended with {status}");
    }
}

fn places_a_call(daemon: &Daemon, plan: &Plan) {
    places_a_call_with(&[daemon], &[daemon], plan, || ());
}

fn calls(daemon: &Daemon) -> Vec<Value> {
    daemon.request(&Request::new("list")).ok().at(&["calls"]).items().to_vec()
}

/// Has a call placed through a proxy that knows some daemons. One of those that `may_serve` serves it: its place among them is given.
/// `before`: what happens when the proxy is there, before the call.
fn places_a_call_with(known: &[&Daemon], may_serve: &[&Daemon], plan: &Plan, before: impl FnOnce()) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let network = known[0].network();
    let mut alice = Phone::builder(network, 0, "alice").address(plan.caller).build();
    let mut bob = Phone::builder(network, 1, "bob").address(plan.callee).build();
    let callee = SocketAddr::new(plan.callee, network.free_port(plan.callee));
    let caller = SocketAddr::new(plan.caller, network.free_port(plan.caller));
    let kamailio = Kamailio::start(plan, known, callee, folder.path());
    before();
    let callee = Sipp::start("callee", &bob, callee, None, folder.path());
    callee.is_open();
    let caller = Sipp::start("caller", &alice, caller, Some(kamailio.address), folder.path());

    bob.takes(&callee.receives("INVITE "));
    alice.takes(&caller.receives("SIP/2.0 200"));
    assert!(bob.remote().address().is_ipv4() == plan.callee.is_ipv4());
    assert!(alice.remote().address().is_ipv4() == plan.caller.is_ipv4());
    for _ in 0..3 {
        alice.speaks_to(&mut bob);
        bob.speaks_to(&mut alice);
    }
    let place =
        may_serve.iter().position(|daemon| !calls(daemon).is_empty()).expect("somebody serves the call");
    let daemon = may_serve[place];
    let served: Vec<Value> = may_serve.iter().flat_map(|daemon| calls(daemon)).collect();
    assert_eq!(served.len(), 1);
    let query = daemon.request(&Request::new("query").set("call-id", served[0].clone())).ok();
    assert_eq!(query.at(&["tags"]).keys(), ["alice-1", "bob-1"]);
    assert_eq!(query.int(&["totals", "RTP", "packets"]), 30);

    hangs_up(daemon, &caller, plan.caller);
    caller.succeeds();
    callee.succeeds();
    until("the BYE has deleted the call", WAIT, || calls(daemon).is_empty().then_some(()));
    place
}

/// The caller of the only call hangs up on our word.
fn hangs_up(daemon: &Daemon, caller: &Sipp, address: IpAddr) {
    let calls = calls(daemon);
    let id = calls[0].text().unwrap();
    let word = UdpSocket::bind((address, 0)).unwrap();
    let here = word.local_addr().unwrap();
    let message = format!(
        "MESSAGE sip:alice@{} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKword\r\nFrom: <sip:t@{here}>;tag=1\r\n\
         To: <sip:alice@{here}>;tag=alice-1\r\nCall-ID: {id}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
        caller.address
    );
    word.send_to(message.as_bytes(), caller.address).unwrap();
}

fn can_call(about: &str) -> bool {
    let missing = ["kamailio", "sipp"].into_iter().find(|name| !is_installed(name));
    if let Some(name) = missing {
        left_out::<()>(about, &format!("{name} is not installed"));
    }
    missing.is_none()
}

fn plan_over_ipv4(network: &Network) -> Plan {
    Plan {
        caller: network.phone(0),
        callee: network.phone(1),
        proxy: network.relay(1),
        proxy_v6: None,
        flags: "replace-origin trust-address ICE=remove via-branch=1",
        flags_back: "replace-origin trust-address ICE=remove via-branch=1",
    }
}

#[test]
fn a_call_over_ipv4() {
    if !can_call("a SIP call over IPv4") {
        return;
    }
    let network = Network::enter();
    let daemon = Daemon::builder().arg("--delete-delay=0").start();
    places_a_call(&daemon, &plan_over_ipv4(&network));
}

/// What the kernel counts for the datagrams that wait at a socket of this thread's network.
fn waiting_octets(socket: SocketAddr) -> usize {
    let table = std::fs::read_to_string("/proc/thread-self/net/udp").unwrap();
    let port = format!(":{:04X}", socket.port());
    let line =
        table.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)));
    let queues = line.and_then(|line| line.split_whitespace().nth(4)).expect("the socket");
    usize::from_str_radix(queues.split(':').nth(1).unwrap(), 16).unwrap()
}

/// The proxy asks again when no answer comes in time, with the same cookie: the request is carried out once.
#[test]
fn a_daemon_that_does_not_answer_in_time_is_asked_again() {
    if !can_call("a SIP call with a slow daemon") {
        return;
    }
    let network = Network::enter();
    let daemon = Daemon::builder().arg("--delete-delay=0").start();
    let (ng, pid) = (daemon.ng(), daemon.pid());
    std::thread::scope(|scope| {
        places_a_call_with(&[&daemon], &[&daemon], &plan_over_ipv4(&network), || {
            daemon.signal(Signal::Stop);
            scope.spawn(move || {
                let first =
                    until("the offer waits", WAIT, || Some(waiting_octets(ng)).filter(|count| *count > 0));
                until("it comes again", WAIT, || (waiting_octets(ng) > first).then_some(()));
                sys::kill(pid, Signal::Cont).unwrap();
            });
        });
    });
    let log = daemon.stops();
    assert!(log.contains("as a duplicate"), "the offer came twice");
    assert_eq!(log.matches("Replying to 'offer'").count(), 1, "and was carried out once");
}

/// Of two daemons the one that would serve the call dies before it: the other one serves it. A proxy that starts then finds out by
/// itself who is there.
#[test]
fn a_proxy_with_two_daemons_goes_on_when_one_is_gone() {
    if !can_call("SIP calls with two daemons") {
        return;
    }
    let network = Network::enter();
    let plan = plan_over_ipv4(&network);
    let mut daemons = Vec::from([(); 2].map(|()| Daemon::builder().arg("--delete-delay=0").start()));
    // The proxy chooses by the Call-ID, which is the same in each of these calls.
    let both: Vec<&Daemon> = daemons.iter().collect();
    let chosen = places_a_call_with(&both, &both, &plan, || ());
    assert_eq!(places_a_call_with(&both, &both, &plan, || ()), chosen);
    let other = [both[1 - chosen]];
    places_a_call_with(&both, &other, &plan, || both[chosen].signal(Signal::Kill));
    places_a_call_with(&both, &other, &plan, || ());
    let (status, _) = daemons.swap_remove(chosen).ends();
    assert!(!status.success());
}

#[test]
fn a_call_from_ipv4_to_ipv6() {
    let about = "a SIP call from IPv4 to IPv6";
    if !can_call(about) {
        return;
    }
    let network = Network::enter();
    let (Some(relay), Some(proxy)) = (network.relay_v6(0, about), network.relay_v6(1, about)) else { return };
    let daemon =
        Daemon::builder().interface(&network.relay(0)).interface(&relay).arg("--delete-delay=0").start();
    let plan = Plan {
        caller: network.phone(0),
        callee: network.phone_v6(1),
        proxy: network.relay(1),
        proxy_v6: Some(proxy),
        flags: "replace-origin trust-address address-family=IP6",
        flags_back: "replace-origin trust-address address-family=IP4",
    };
    places_a_call(&daemon, &plan);
}

#[test]
fn a_call_from_ipv6_to_ipv4() {
    let about = "a SIP call from IPv6 to IPv4";
    if !can_call(about) {
        return;
    }
    let network = Network::enter();
    let (Some(relay), Some(proxy)) = (network.relay_v6(0, about), network.relay_v6(1, about)) else { return };
    let daemon =
        Daemon::builder().interface(&network.relay(0)).interface(&relay).arg("--delete-delay=0").start();
    let plan = Plan {
        caller: network.phone_v6(0),
        callee: network.phone(1),
        proxy,
        // Here it is the IPv4 one.
        proxy_v6: Some(network.relay(1)),
        flags: "replace-origin trust-address address-family=IP4",
        flags_back: "replace-origin trust-address address-family=IP6",
    };
    places_a_call(&daemon, &plan);
}
