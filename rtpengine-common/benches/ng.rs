//! What a command costs before and after the call code: from the datagram to the typed request, and the reply.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rtpengine_common::ng::{Defaults, Dict, Encoding, Message, Reply, Request, Value, client, split};

const SDP: &str = "v=0\r\no=- 3816337545 3816337545 IN IP4 203.0.113.7\r\ns=call\r\nc=IN IP4 203.0.113.7\r\nt=0 0\r\n\
    m=audio 4008 RTP/AVP 96 97 98 8 0 101\r\na=rtcp:4009 IN IP4 203.0.113.7\r\na=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 useinbandfec=1;minptime=10\r\na=rtpmap:97 AMR-WB/16000\r\na=rtpmap:98 G722/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n\
    a=ssrc:3735928559 cname:f00f-cafe\r\n";

/// What Kamailio's module sends for `rtpengine_offer("replace-origin trust-address ICE=remove RTP/AVP ...")`
/// (ng-control.md §15.3 and §15.4).
fn offer() -> Dict<'static> {
    Dict::new()
        .with("supports", Value::list(["load limit"]))
        .with("sdp", SDP)
        .with("ICE", "remove")
        .with("direction", Value::list(["external", "internal"]))
        .with("flags", Value::list(["trust-address", "symmetric", "generate-mid", "codec-strip-G722"]))
        .with("replace", Value::list(["origin", "session-connection"]))
        .with("rtcp-mux", Value::list(["demux"]))
        .with("transport-protocol", "RTP/AVP")
        .with("call-id", "6f9c0d2b-5a0e-4f0e-9f1e-7f6a0a4f1f2d@203.0.113.7")
        .with("via-branch", "z9hG4bK-524287-1---9d2c5a1f3b7e8c4d0")
        .with("received-from", Value::list(["IP4", "203.0.113.7"]))
        .with("from-tag", "8d1e9c77aa2f4c31")
        .with("sip-message-type", "sip_request")
        .with("command", "offer")
}

fn benchmark(c: &mut Criterion) {
    let defaults = Defaults::default();
    for encoding in [Encoding::Bencode, Encoding::Json] {
        let datagram = client::datagram(b"8021_24_15", encoding, &offer());
        c.bench_function(&format!("decode offer, {encoding}"), |b| {
            b.iter(|| Message::decode(split(black_box(&datagram)).unwrap().payload).unwrap());
        });
        c.bench_function(&format!("decode and parse offer, {encoding}"), |b| {
            b.iter(|| {
                let message = Message::decode(split(black_box(&datagram)).unwrap().payload).unwrap();
                Request::parse(&message, &defaults).unwrap()
            });
        });
        c.bench_function(&format!("reply to offer, {encoding}"), |b| {
            let mut out = Vec::new();
            b.iter(|| {
                out.clear();
                Reply::ok().with("sdp", SDP.to_owned()).encode(encoding, Some(b"8021_24_15"), &mut out);
                out.len()
            });
        });
    }
    let flags = "codec=[strip=[G722 GSM] offer=[PCMA]] ICE=remove replace-origin trust-address \
                 rtcp-mux=[demux] direction=external direction=internal RTP/AVP";
    let request = Dict::new().with("command", "offer").with("sdp", SDP).with("rtpp-flags", flags);
    let datagram = client::datagram(b"8021_24_15", Encoding::Bencode, &request);
    c.bench_function("decode and parse offer, flags string", |b| {
        b.iter(|| {
            let message = Message::decode(split(black_box(&datagram)).unwrap().payload).unwrap();
            Request::parse(&message, &defaults).unwrap()
        });
    });
}

#[allow(missing_docs)]
mod group {
    use super::{benchmark, criterion_group};
    criterion_group!(benches, benchmark);
}
use group::benches;
criterion_main!(benches);
