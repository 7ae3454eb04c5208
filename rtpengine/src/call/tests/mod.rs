//! Calls without sockets: requests in, SDP out.

mod block;
mod codecs;
mod create;
mod edges;
mod flows;
#[cfg(feature = "codec")]
mod held;
mod ng;
#[cfg(feature = "codec")]
mod players;
mod publish;
mod recording;
pub(crate) mod rules;
mod sdp;
#[cfg(feature = "codec")]
mod stage;
mod subscribe;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rtpengine_common::ng::{Defaults, Dict, Encoding, Message, Reply, Request};

use super::ctx::{Ctx, LogLine, Now, PortError, Ports, Random};
use super::ids::{CallKey, LocalId, LocalSocket, LogicalId, MediaId, SocketKey, StreamId};
use super::settings::Settings;
use super::{Call, Done, Fate, check};
use crate::net::interface_spec;
use crate::net::interfaces::{Choice, Interfaces};
use crate::net::ports::MAX_PORTS;
use crate::net::system::Resolver;

/// Hands out numbers in order.
#[derive(Debug, Default)]
pub(super) struct FakePorts {
    next: u16,
    pub open: HashSet<u32>,
    pub limit: usize,
    /// Datagrams sent from sockets that were about to be closed.
    pub last: Vec<Vec<u8>>,
    addresses: Vec<IpAddr>,
    /// Local address of the route to each peer.
    pub routes: HashMap<IpAddr, IpAddr>,
}

impl Ports for FakePorts {
    fn open(&mut self, local: LocalId, count: usize, _tos: u8) -> Result<Vec<LocalSocket>, PortError> {
        if self.open.len() + count > self.limit || count > usize::from(MAX_PORTS) {
            return Err(PortError::Exhausted { count, interface: "default".into(), cause: "none".into() });
        }
        let first = 30000 + self.next;
        self.next += 2 * u16::try_from(count.div_ceil(2)).expect("few");
        Ok((0..count)
            .map(|n| {
                let port = first + u16::try_from(n).expect("few");
                self.open.insert(u32::from(port));
                LocalSocket {
                    key: SocketKey { slot: u32::from(port), generation: 0 },
                    local,
                    address: SocketAddr::new(self.addresses[usize::from(local.0)], port),
                }
            })
            .collect())
    }

    fn send_last(&mut self, from: SocketKey, _to: SocketAddr, bytes: &[u8]) {
        assert!(self.open.contains(&from.slot), "sent after closing: {from:?}");
        self.last.push(bytes.to_vec());
    }

    fn close(&mut self, socket: SocketKey) {
        assert!(self.open.remove(&socket.slot), "closed twice: {socket:?}");
    }

    fn set_tos(&mut self, _socket: SocketKey, _tos: u8) {}

    fn choose(&mut self, choice: Choice, _wanted: u32) -> Option<LogicalId> {
        match choice {
            Choice::Fixed(id) => Some(id),
            Choice::RoundRobin(_) => None,
        }
    }

    fn route(&mut self, peer: IpAddr) -> Option<IpAddr> {
        self.routes.get(&peer).copied()
    }
}

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(37);
            *byte = self.0;
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

/// One call and what it needs.
pub(super) struct Desk {
    pub call: Call,
    pub ports: FakePorts,
    pub interfaces: Interfaces,
    pub settings: Settings,
    pub log: Vec<LogLine>,
    pub now: Now,
    /// Requests are encoded as bencode on their way.
    pub bencode: bool,
    random: Counting,
}

/// The members of a JSON object as a message in bencode.
pub(super) fn bencode(members: &str) -> Vec<u8> {
    let text = format!("{{{members}}}");
    let message = Message::decode(text.as_bytes()).expect("a dictionary");
    let mut out = Vec::new();
    Encoding::Bencode.write(&message.dict, &mut out);
    out
}

impl Desk {
    /// A call on 192.0.2.200.
    pub(super) fn new() -> Self {
        Self::on(&["192.0.2.200"])
    }

    pub(super) fn on(interfaces: &[&str]) -> Self {
        let specs: Vec<_> = interfaces
            .iter()
            .map(|text| interface_spec::parse(text, 30000, 40000).expect("a valid entry"))
            .collect();
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let interfaces = Interfaces::build(&specs, &NoNames, &mut random).expect("valid interfaces");
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        let ports = FakePorts {
            limit: 1000,
            addresses: interfaces.locals().iter().map(|l| l.address).collect(),
            ..FakePorts::default()
        };
        Self {
            call: Call::new(CallKey(1), "call".into(), now, 0),
            ports,
            interfaces,
            settings: Settings::default(),
            log: Vec::new(),
            now,
            bencode: false,
            random: Counting(0),
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now.instant += Duration::from_secs(seconds);
        self.now.unix_us += seconds * 1_000_000;
    }

    /// Carries out a request given as the members of a JSON object.
    pub(super) fn request(&mut self, members: &str) -> Done {
        self.request_as("call", members)
    }

    /// The same under another id of the call.
    pub(super) fn request_as(&mut self, id: &str, members: &str) -> Done {
        self.carry_out(members, |call, request, ctx| call.command(request, id.as_bytes(), ctx))
    }

    /// A request about several calls, of which the others are handed over; they come back if the request fails beforehand.
    pub(super) fn join(&mut self, members: &str, others: Vec<Call>) -> (Done, Vec<Call>) {
        let mut left = others;
        let done = self.carry_out(members, |call, request, ctx| {
            let seen: Vec<&Call> = left.iter().collect();
            if let Err(error) = call.may_join(request, &seen) {
                return Done { reply: Reply::from_error(&error), fate: Fate::Keep };
            }
            for other in std::mem::take(&mut left) {
                call.merge(Box::new(other)).expect("no tag in common");
            }
            call.command(request, b"call", ctx)
        });
        (done, left)
    }

    fn carry_out(
        &mut self,
        members: &str,
        work: impl FnOnce(&mut Call, &Request, &mut Ctx<'_>) -> Done,
    ) -> Done {
        let bytes = if self.bencode { bencode(members) } else { format!("{{{members}}}").into_bytes() };
        let message = Message::decode(&bytes).expect("a dictionary");
        let request = match Request::parse(&message, &Defaults::default()) {
            Ok(request) => request,
            Err(error) => return Done { reply: Reply::from_error(&error), fate: Fate::Keep },
        };
        if let Err(error) = check(&request) {
            return Done { reply: Reply::from_error(&error), fate: Fate::Keep };
        }
        let mut ctx = Ctx {
            now: self.now,
            ports: &mut self.ports,
            random: &mut self.random,
            interfaces: &self.interfaces,
            settings: &self.settings,
            log: &mut self.log,
        };
        let done = work(&mut self.call, &request, &mut ctx);
        if done.fate != Fate::Keep {
            for key in self.call.sockets().collect::<Vec<_>>() {
                self.ports.close(key);
            }
        }
        done
    }

    /// An offer of party `from`; `more` are further members.
    pub(super) fn offer(&mut self, from: &str, sdp: &str, more: &str) -> String {
        self.sdp("offer", &format!("\"from-tag\":\"{from}\""), sdp, more)
    }

    /// An answer of `to` to `from`.
    pub(super) fn answer(&mut self, from: &str, to: &str, sdp: &str, more: &str) -> String {
        self.sdp("answer", &format!("\"from-tag\":\"{from}\",\"to-tag\":\"{to}\""), sdp, more)
    }

    pub(super) fn sdp(&mut self, command: &str, tags: &str, sdp: &str, more: &str) -> String {
        let reply = self.exchange(command, tags, sdp, more).reply;
        let dict = reply.to_dict();
        let body = dict.text("sdp").unwrap_or_else(|| panic!("no SDP in {dict:?}, log {:?}", self.log));
        body.to_owned()
    }

    pub(super) fn exchange(&mut self, command: &str, tags: &str, sdp: &str, more: &str) -> Done {
        let sdp = sdp.replace('\n', "\\r\\n");
        let comma = if more.is_empty() { "" } else { "," };
        self.request(&format!(
            "\"command\":\"{command}\",\"call-id\":\"call\",{tags},\"sdp\":\"{sdp}\"{comma}{more}"
        ))
    }

    /// A request without SDP about the call.
    pub(super) fn ask(&mut self, command: &str, members: &str) -> Done {
        let comma = if members.is_empty() { "" } else { "," };
        self.request(&format!("\"command\":\"{command}\",\"call-id\":\"call\"{comma}{members}"))
    }

    /// The error text of a request without SDP.
    pub(super) fn refused(&mut self, command: &str, members: &str) -> String {
        Self::error(&self.ask(command, members))
    }

    /// A talk of `a` and `b`, with one audio section.
    pub(super) fn talk() -> Self {
        let mut desk = Self::new();
        desk.offer("a", &audio("10.0.0.1", 4000), "");
        desk.answer("a", "b", &audio("10.0.0.2", 5000), "");
        desk
    }

    /// The streams to which the RTP stream of a party's media `n` sends, with those of its mirrors.
    pub(super) fn sinks(&self, tag: &str, n: usize) -> Vec<(StreamId, Vec<StreamId>)> {
        let media = self.media(tag, n);
        let stream = self.call.signalling.media(media).rtp().and_then(|s| self.call.plane.stream(s));
        let sinks = stream.expect("a stream").spec().rtp.iter();
        sinks.map(|sink| (sink.to, sink.mirrors.iter().map(|m| m.to).collect())).collect()
    }

    /// The streams to which the RTCP of a party's media `n` goes.
    pub(super) fn rtcp_sinks(&self, tag: &str, n: usize) -> Vec<StreamId> {
        let media = self.media(tag, n);
        let stream = self.call.signalling.media(media).rtcp().and_then(|s| self.call.plane.stream(s));
        stream.expect("a stream").spec().rtcp.iter().map(|sink| sink.to).collect()
    }

    /// The RTP stream of a party's media `n`.
    pub(super) fn rtp(&self, tag: &str, n: usize) -> StreamId {
        self.call.signalling.media(self.media(tag, n)).rtp().expect("a stream")
    }

    pub(super) fn media(&self, tag: &str, n: usize) -> MediaId {
        let party = self.call.signalling.by_tag(tag.as_bytes()).expect("a party");
        self.call.signalling.party(party).medias[n]
    }

    /// The error text of a failed request.
    pub(super) fn error(done: &Done) -> String {
        done.reply.to_dict().text("error-reason").unwrap_or("none").to_owned()
    }

    /// A `query` of the call.
    pub(super) fn query(&mut self) -> Dict<'static> {
        self.request("\"command\":\"query\",\"call-id\":\"call\"").reply.to_dict().into_owned()
    }
}

/// The lines of a body, without their ends.
pub(super) fn lines(body: &str) -> Vec<&str> {
    assert!(body.ends_with("\r\n"), "the last line has its end: {body:?}");
    body.trim_end_matches("\r\n").split("\r\n").collect()
}

/// The local RTP port of section `n`.
pub(super) fn port(body: &str, n: usize) -> u16 {
    let line = lines(body).into_iter().filter(|l| l.starts_with("m=")).nth(n).expect("a section");
    line.split(' ').nth(1).and_then(|p| p.parse().ok()).expect("a port")
}

/// A plain body with one audio section.
pub(super) fn audio(address: &str, port: u16) -> String {
    format!("v=0\no=- 1 1 IN IP4 {address}\ns=t\nc=IN IP4 {address}\nt=0 0\nm=audio {port} RTP/AVP 0 8\n")
}

/// The attribute lines `a=name:…` or `a=name` of section `n`.
pub(super) fn attributes<'b>(body: &'b str, n: usize, name: &str) -> Vec<&'b str> {
    let mut sections = lines(body).into_iter().scan(0, |section, line| {
        *section += usize::from(line.starts_with("m="));
        Some((*section, line))
    });
    let prefix = format!("a={name}");
    sections
        .by_ref()
        .filter(|(section, line)| *section == n + 1 && line.starts_with(&prefix))
        .filter(|(_, line)| matches!(line.as_bytes().get(prefix.len()), None | Some(b':')))
        .map(|(_, line)| line.get(prefix.len() + 1..).unwrap_or(""))
        .collect()
}

/// The direction that section `n` shows.
pub(super) fn direction(body: &str, n: usize) -> &'static str {
    let shown = ["sendrecv", "sendonly", "recvonly", "inactive"];
    shown.into_iter().find(|name| !attributes(body, n, name).is_empty()).expect("a direction")
}
