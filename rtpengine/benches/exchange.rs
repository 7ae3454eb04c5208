//! What an offer, an answer and a delete cost in the code of the call: no sockets, no threads, requests parsed beforehand
//! except where the name says so.

#![allow(missing_docs, reason = "criterion_group! makes an undocumented function")]

use std::fmt::Write;
use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rtpengine::call::Call;
use rtpengine::call::ctx::{Ctx, LogLine, Now, PortError, Ports, Random};
use rtpengine::call::ids::{CallKey, LocalId, LocalSocket, LogicalId, SocketKey};
use rtpengine::call::settings::Settings;
use rtpengine::dtls::{Certificate, CertificateOptions, Context, ContextOptions, KeyKind, SignatureHash};
use rtpengine::net::interface_spec;
use rtpengine::net::interfaces::{Choice, Interfaces};
use rtpengine::net::system::Resolver;
use rtpengine_common::ng::{Defaults, Message, Request};

/// Hands out numbers in order and takes them back without a look.
#[derive(Default)]
struct Numbers(u32);

impl Ports for Numbers {
    fn open(&mut self, local: LocalId, count: usize, _tos: u8) -> Result<Vec<LocalSocket>, PortError> {
        let first = self.0;
        self.0 += count as u32;
        Ok((first..self.0)
            .map(|slot| LocalSocket {
                key: SocketKey { slot, generation: 0 },
                local,
                address: SocketAddr::from(([192, 0, 2, 200], 30_000 + (slot % 10_000) as u16)),
            })
            .collect())
    }

    fn close(&mut self, _socket: SocketKey) {}

    fn set_tos(&mut self, _socket: SocketKey, _tos: u8) {}

    fn send_last(&mut self, _from: SocketKey, _to: SocketAddr, _bytes: &[u8]) {}

    fn choose(&mut self, choice: Choice, _wanted: u32) -> Option<LogicalId> {
        match choice {
            Choice::Fixed(id) => Some(id),
            Choice::RoundRobin(_) => None,
        }
    }

    fn route(&mut self, _peer: IpAddr) -> Option<IpAddr> {
        None
    }
}

/// Random enough, and free of system calls, which are no work of the call's code.
struct Weyl(u64);

impl Random for Weyl {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            chunk.copy_from_slice(&self.0.to_be_bytes()[..chunk.len()]);
        }
    }
}

struct NoNames;

impl Resolver for NoNames {
    fn interface(&self, _name: &str) -> Option<Vec<IpAddr>> {
        None
    }
    fn all(&self) -> Vec<IpAddr> {
        Vec::new()
    }
    fn host(&self, _name: &str) -> Vec<IpAddr> {
        Vec::new()
    }
}

/// What a call's code stands on.
struct Desk {
    ports: Numbers,
    random: Weyl,
    interfaces: Interfaces,
    settings: Settings,
    log: Vec<LogLine>,
    now: Now,
}

impl Desk {
    fn new() -> Self {
        let spec = interface_spec::parse("192.0.2.200", 30_000, 40_000).expect("a valid entry");
        let interfaces = Interfaces::build(&[spec], &NoNames, &mut rand::rng()).expect("valid interfaces");
        let certificate = Certificate::generate(
            &CertificateOptions {
                key: KeyKind::Prime256v1,
                signature: SignatureHash::Sha256,
                common_name: "bench".into(),
            },
            1_700_000_000,
        );
        let options = ContextOptions { ciphers: "DEFAULT".into(), mtu: 1200 };
        let dtls = Context::new(certificate.expect("a certificate"), &options).expect("a context");
        Self {
            ports: Numbers::default(),
            random: Weyl(1),
            interfaces,
            settings: Settings { dtls: Some(Arc::new(dtls)), ..Settings::default() },
            log: Vec::new(),
            now: Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 },
        }
    }

    fn call(&self) -> Call {
        Call::new(CallKey(1), "call".into(), self.now, 0)
    }

    fn carry_out(&mut self, call: &mut Call, request: &Request) {
        self.log.clear();
        let mut ctx = Ctx {
            now: self.now,
            ports: &mut self.ports,
            random: &mut self.random,
            interfaces: &self.interfaces,
            settings: &self.settings,
            log: &mut self.log,
        };
        let done = call.command(request, b"call", &mut ctx);
        debug_assert!(done.reply.to_dict().text("error-reason").is_none(), "{:?}", done.reply.to_dict());
        black_box(done);
    }
}

/// The body of a browser: per section 10 codecs and 10 candidates, so two sections make 20 and 20; `bundle` puts all on one port.
fn browser(medias: usize, address: &str, setup: &str, candidates: usize, mids: bool) -> String {
    let mut body = String::from("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    if mids {
        body.push_str("a=group:BUNDLE");
        (0..medias).for_each(|n| write!(body, " {n}").expect("a string takes all"));
        body.push_str("\r\n");
    }
    body.push_str("a=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\n");
    for n in 0..medias {
        if n % 2 == 0 {
            body.push_str("m=audio 9000 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126 102 105\r\n");
        } else {
            body.push_str("m=video 9002 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 35 36 37 38\r\n");
        }
        write!(body, "c=IN IP4 {address}\r\na=rtcp:9 IN IP4 0.0.0.0\r\n").expect("a string takes all");
        for c in 0..candidates {
            write!(
                body,
                "a=candidate:{} 1 udp {} {address} {} typ host generation 0 network-id 1\r\n",
                4_070_878_133_u32 - c as u32,
                2_113_937_151 - 256 * c,
                9000 + c,
            )
            .expect("a string takes all");
        }
        write!(
            body,
            "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=ice-options:trickle\r\n\
             a=fingerprint:sha-256 D2:FA:0E:C3:22:59:5E:14:95:69:92:3D:13:B4:84:24:2C:C2:A2:C0:3E:FD:34:8E:5E:EA:6F:AF:52:CE:E6:0F\r\n\
             a=setup:{setup}\r\n"
        )
        .expect("a string takes all");
        if mids {
            write!(body, "a=mid:{n}\r\n").expect("a string takes all");
        }
        body.push_str(
            "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
             a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
             a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
             a=sendrecv\r\na=msid:stream track\r\na=rtcp-mux\r\n",
        );
        body.push_str(if n % 2 == 0 { AUDIO } else { VIDEO });
        write!(body, "a=ssrc:{} cname:R4b9QxVrhT8w0oMf\r\n", 3_570_614_608_u32 + n as u32)
            .expect("a string takes all");
    }
    body
}

const AUDIO: &str = "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
    a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n\
    a=rtpmap:102 ILBC/8000\r\na=rtpmap:105 CN/16000\r\n";

const VIDEO: &str = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\n\
    a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\n\
    a=rtcp-fb:98 goog-remb\r\na=rtcp-fb:98 nack pli\r\na=fmtp:98 profile-id=0\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n\
    a=rtpmap:100 H264/90000\r\na=fmtp:100 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n\
    a=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\na=rtpmap:35 AV1/90000\r\na=rtpmap:36 rtx/90000\r\na=fmtp:36 apt=35\r\n\
    a=rtpmap:37 red/90000\r\na=rtpmap:38 ulpfec/90000\r\n";

fn json(command: &str, tags: &str, sdp: &str, more: &str) -> Vec<u8> {
    let sdp = sdp.replace("\r\n", "\\r\\n");
    format!("{{\"command\":\"{command}\",\"call-id\":\"call\",{tags},\"sdp\":\"{sdp}\"{more}}}").into_bytes()
}

fn parse(bytes: &[u8]) -> Box<Request> {
    let message = Message::decode(bytes).expect("a dictionary");
    Request::parse(&message, &Defaults::default()).expect("a request")
}

/// Offer, answer and delete as they come over the wire.
fn messages(medias: usize, candidates: usize, mids: bool, more: &str) -> [Vec<u8>; 3] {
    let offer = browser(medias, "203.0.113.1", "actpass", candidates, mids);
    let answer = browser(medias, "203.0.113.2", "active", candidates, mids);
    [
        json("offer", "\"from-tag\":\"a\"", &offer, more),
        json("answer", "\"from-tag\":\"a\",\"to-tag\":\"b\"", &answer, more),
        br#"{"command":"delete","call-id":"call","from-tag":"a","delete-delay":0}"#.to_vec(),
    ]
}

/// An offer and an answer on a new call; what becomes of the call afterwards is not counted.
fn exchange(c: &mut Criterion, name: &str, messages: &[Vec<u8>; 3]) {
    let [offer, answer, _] = messages.each_ref().map(|bytes| parse(bytes));
    let mut desk = Desk::new();
    c.bench_function(&format!("offer and answer, {name}"), |bench| {
        bench.iter_batched(
            || (),
            |()| {
                let mut call = desk.call();
                desk.carry_out(&mut call, &offer);
                desk.carry_out(&mut call, &answer);
                call
            },
            BatchSize::PerIteration,
        );
    });
}

/// The whole life of a call as signalling sees it: offer, answer, delete, and the memory given back.
fn life(c: &mut Criterion, name: &str, messages: &[Vec<u8>; 3]) {
    let requests = messages.each_ref().map(|bytes| parse(bytes));
    let mut desk = Desk::new();
    c.bench_function(&format!("offer, answer and delete, {name}"), |bench| {
        bench.iter(|| {
            let mut call = desk.call();
            requests.iter().for_each(|request| desk.carry_out(&mut call, request));
        });
    });
}

/// What the `n`-th forked branch of a call costs.
fn branch(c: &mut Criterion, name: &str, before: usize) {
    let sdp = "v=0\r\no=- 1 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n";
    let offer = |n: usize| {
        let tags = format!("\"from-tag\":\"a\",\"via-branch\":\"b{n}\"");
        parse(&json("offer", &tags, sdp, ""))
    };
    let requests: Vec<Box<Request>> = (0..=before).map(offer).collect();
    let (last, first) = requests.split_last().expect("one more than before");
    c.bench_function(name, |bench| {
        bench.iter_batched(
            || {
                let mut desk = Desk::new();
                let mut call = desk.call();
                first.iter().for_each(|request| desk.carry_out(&mut call, request));
                (desk, call)
            },
            |(mut desk, mut call)| {
                desk.carry_out(&mut call, last);
                (desk, call)
            },
            BatchSize::LargeInput,
        );
    });
}

fn benches(c: &mut Criterion) {
    let plain = ",\"transport-protocol\":\"RTP/AVP\",\"ICE\":\"remove\",\"rtcp-mux\":[\"demux\"]";
    let bundled = ",\"bundle\":[\"accept\",\"offer\"]";
    for (name, messages) in [
        ("browser to plain, 2 medias", messages(2, 5, false, plain)),
        ("browser to browser, 2 medias", messages(2, 5, false, "")),
        ("browser to browser, 2 bundled medias", messages(2, 5, true, bundled)),
    ] {
        exchange(c, name, &messages);
        life(c, name, &messages);
    }
    for medias in [1, 10, 50] {
        exchange(c, &format!("browser to browser, {medias} medias"), &messages(medias, 5, false, ""));
        exchange(
            c,
            &format!("browser to browser, {medias} bundled medias"),
            &messages(medias, 5, true, bundled),
        );
    }
    let wire = messages(2, 5, false, "");
    c.bench_function("parsing the three requests", |bench| {
        bench.iter(|| wire.iter().map(|bytes| parse(black_box(bytes))).collect::<Vec<_>>());
    });
    for before in [0, 10, 100, 1000] {
        branch(c, &format!("a branch after {before} others"), before);
    }
}

criterion_group! {
    name = exchange_benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = benches
}
criterion_main!(exchange_benches);
