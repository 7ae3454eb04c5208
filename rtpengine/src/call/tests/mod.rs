//! Calls without sockets: requests in, SDP out.

mod flows;
mod sdp;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use rand::SeedableRng;
use rtpengine_common::ng::{Defaults, Dict, Message, Reply, Request};

use super::ctx::{Ctx, LogLine, Now, PortError, Ports, Random};
use super::ids::{CallKey, LocalId, LocalSocket, LogicalId, SocketKey};
use super::settings::Settings;
use super::{Call, Done, Fate, check};
use crate::net::interface_spec;
use crate::net::interfaces::{Choice, Interfaces};
use crate::net::system::Resolver;

/// Hands out numbers in order.
#[derive(Debug, Default)]
pub(super) struct FakePorts {
    next: u16,
    pub(super) open: HashSet<u32>,
    pub(super) limit: usize,
    addresses: Vec<IpAddr>,
}

impl Ports for FakePorts {
    fn open(&mut self, local: LocalId, count: usize, _tos: u8) -> Result<Vec<LocalSocket>, PortError> {
        if self.open.len() + count > self.limit {
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

    fn route(&mut self, _peer: IpAddr) -> Option<IpAddr> {
        None
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
    pub(super) call: Call,
    pub(super) ports: FakePorts,
    pub(super) interfaces: Interfaces,
    pub(super) settings: Settings,
    pub(super) log: Vec<LogLine>,
    pub(super) now: Now,
    random: Counting,
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
            random: Counting(0),
        }
    }

    /// Carries out a request given as the members of a JSON object.
    pub(super) fn request(&mut self, members: &str) -> Done {
        let text = format!("{{{members}}}");
        let message = Message::decode(text.as_bytes()).expect("a dictionary");
        let request = Request::parse(&message, &Defaults::default()).expect("a request");
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
        let done = self.call.command(&request, b"call", &mut ctx);
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

    fn sdp(&mut self, command: &str, tags: &str, sdp: &str, more: &str) -> String {
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
