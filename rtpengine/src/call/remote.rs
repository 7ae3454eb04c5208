//! Transcoders of other instances that work for the handlers of this call (`codecs.md` §11.2).
//!
//! The call says what is to be asked ([`Errand`]) and what became of it; its shard carries the datagrams. Until a reply is there, and
//! where none comes, audio is transcoded here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtpengine_common::codec::Codec;
use rtpengine_common::ng::{Dict, Value};
use rtpengine_common::sdp::Text;

use super::Call;
use super::codecs::{Action, DtmfBlock, HandlerKey, HandlerPolicy, HandlerTable, TranscodeRule};
use super::ctx::{Ctx, PortError, Ports};
use super::ids::{EdgeId, LocalSocket, MediaId, Name, SocketKey, StreamId};
use crate::flow::{Level, RemoteWay, Transcode};
use crate::net::Family;

/// An ng request to be sent to another instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Its address.
    pub to: SocketAddr,
    /// What is asked.
    pub request: Dict<'static>,
    /// The name of the question, for [`Call::conclude_remote`]; without one nobody waits for the reply.
    pub number: Option<u32>,
}

impl Errand {
    /// Ends what a reply granted (§11.2(6)), with its names as they were returned.
    #[must_use]
    pub fn end(to: SocketAddr, grant: &Grant) -> Self {
        let request = Dict::new()
            .with("command", "delete")
            .with("call-id", grant.call_id.clone())
            .with("from-tag", grant.from_tag.clone())
            .with("delete delay", 0);
        Self { to, request, number: None }
    }
}

/// What a reply grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    call_id: Vec<u8>,
    from_tag: Vec<u8>,
    /// Where packets are to be sent.
    address: SocketAddr,
}

impl Grant {
    /// Reads a reply (§11.2(2)).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(reply: &Dict<'_>) -> Result<Self, String> {
        if reply.text("result") != Some("ok") {
            let reason = reply.text("error-reason").unwrap_or("no result");
            return Err(format!("refused: {}", reason.escape_debug()));
        }
        let names = reply.bytes("call-id").zip(reply.bytes("from-tag"));
        let (call_id, from_tag) = names.ok_or("no call-id or from-tag in the reply")?;
        let media = reply.list("media").and_then(|list| list.first()).and_then(Value::as_dict);
        let address = media.and_then(address).ok_or("no valid address in the reply")?;
        Ok(Self { call_id: call_id.to_vec(), from_tag: from_tag.to_vec(), address })
    }
}

fn address(media: &Dict<'_>) -> Option<SocketAddr> {
    let address: IpAddr = media.text("address")?.parse().ok()?;
    let port = u16::try_from(media.int("port")?).ok().filter(|port| *port != 0)?;
    let family = family(address);
    (media.text("family") == Some(family) && !address.is_unspecified())
        .then(|| SocketAddr::new(address, port))
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Concluded {
    /// Packets go to the remote endpoint from now on.
    Running,
    /// Audio goes on being transcoded here, for this reason; the socket is to be closed.
    Failed(SocketKey, String),
    /// Nobody waits for it any more.
    Unknown,
}

#[derive(Debug)]
enum State {
    /// The reply is not there yet.
    Asked(LocalSocket),
    /// Packets go there.
    Running(LocalSocket, Grant),
    /// Audio is transcoded here as long as the handler stays.
    Failed,
}

/// The transform of one handler.
#[derive(Debug)]
struct Remote {
    edge: EdgeId,
    source: MediaId,
    key: Arc<HandlerKey>,
    rule: Arc<TranscodeRule>,
    /// The remote ng endpoint.
    to: SocketAddr,
    /// The prefix of its names, which also names the question.
    number: u32,
    state: State,
}

impl Remote {
    fn socket(&self) -> Option<&LocalSocket> {
        match &self.state {
            State::Asked(socket) | State::Running(socket, _) => Some(socket),
            State::Failed => None,
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.state, State::Running(..))
    }

    fn is_of(&self, edge: EdgeId, key: &HandlerKey) -> bool {
        self.edge == edge && *self.key == *key
    }
}

/// The transforms of a call.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    list: Vec<Remote>,
    errands: Vec<Errand>,
    /// The id of this instance, by which loops are found.
    instance: Box<str>,
}

impl Remotes {
    /// The numbers of a link that go to remote endpoints, as far as the handlers stay.
    pub(super) fn numbers(&self, edge: EdgeId, wanted: &[Arc<HandlerKey>]) -> Vec<u8> {
        let running = self.list.iter().filter(|remote| remote.is_running());
        let stay = running.filter(|remote| wanted.iter().any(|key| remote.is_of(edge, key)));
        stay.map(|remote| remote.key.input_payload_type).collect()
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = (SocketKey, MediaId)> + '_ {
        self.list.iter().filter_map(|remote| Some((remote.socket()?.key, remote.source)))
    }
}

/// The handlers of a link that a remote endpoint is to work for. Where digits are to be hidden or held back, or the audio goes through a
/// player, it has to be here; so it has where digits are to be put in, which the caller looks at.
pub(super) fn wanted(table: &HandlerTable, policy: &HandlerPolicy) -> Box<[Arc<HandlerKey>]> {
    if policy.source.dtmf_block != DtmfBlock::Off || policy.source.dtmf_delay {
        return Box::default();
    }
    let keys = table.rows.iter().filter_map(|row| match &row.action {
        Action::Process(key) => Some(key),
        Action::Forward => None,
    });
    keys.filter(|key| key.transform.is_some() && !key.audio_player).cloned().collect()
}

impl Call {
    /// Begins and ends transforms as the handlers are now (§11.2(5)). Handlers that stay keep theirs.
    pub(super) fn sync_remotes(&mut self, ctx: &mut Ctx<'_>) {
        self.end_remotes(ctx.ports);
        let edges = self.signalling.edges.iter();
        let pairs = edges.flat_map(|edge| edge.codecs.remote.iter().map(move |key| (edge, key)));
        let missing = pairs.filter(|(edge, key)| {
            self.has_ports(edge.source, edge.sink)
                && !self.remotes.list.iter().any(|remote| remote.is_of(edge.id, key))
        });
        let missing: Vec<_> = missing.map(|(edge, key)| (edge.id, edge.source, Arc::clone(key))).collect();
        for (edge, source, key) in missing {
            self.begin_remote(edge, source, key, ctx);
        }
    }

    fn has_ports(&self, source: MediaId, sink: MediaId) -> bool {
        [source, sink].into_iter().all(|id| self.signalling.media(id).ports.current().is_some())
    }

    /// Ends the transforms of handlers that are gone.
    pub(super) fn end_remotes(&mut self, ports: &mut dyn Ports) {
        if self.remotes.list.is_empty() {
            return;
        }
        let stays = |call: &Self, remote: &Remote| {
            let mut edges = call.signalling.edges.iter();
            let edge = edges.find(|edge| edge.id == remote.edge);
            edge.is_some_and(|edge| {
                edge.codecs.remote.contains(&remote.key) && call.has_ports(edge.source, edge.sink)
            })
        };
        let all = std::mem::take(&mut self.remotes.list);
        let (kept, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(|remote| stays(self, remote));
        self.remotes.list = kept;
        if gone.is_empty() {
            return;
        }
        for remote in gone {
            if let Some(socket) = remote.socket() {
                ports.close(socket.key);
            }
            self.farewell(&remote);
        }
        self.settle_remotes();
    }

    /// The call ends: its transforms end too. Their sockets are closed with the others.
    pub(crate) fn close_remotes(&mut self) {
        for remote in std::mem::take(&mut self.remotes.list) {
            self.farewell(&remote);
        }
    }

    fn farewell(&mut self, remote: &Remote) {
        if let State::Running(_, grant) = &remote.state {
            self.remotes.errands.push(Errand::end(remote.to, grant));
        }
    }

    fn begin_remote(&mut self, edge: EdgeId, source: MediaId, key: Arc<HandlerKey>, ctx: &mut Ctx<'_>) {
        let Some(rule) = key.transform.clone() else { return };
        let Some(to) = rule.transform else { return };
        let mut number = [0; 4];
        ctx.random.fill(&mut number);
        self.remotes.instance.clone_from(&ctx.settings.instance_id);
        let number = u32::from_ne_bytes(number);
        let state = match open(&rule, to, self.signalling.tos, ctx) {
            Ok(socket) => State::Asked(socket),
            Err(error) => {
                ctx.log(Level::Error, format!("No remote transcoding by {to}: {error}"));
                State::Failed
            }
        };
        let remote = Remote { edge, source, key, rule, to, number, state };
        self.ask(&remote);
        self.remotes.list.push(remote);
    }

    fn ask(&mut self, remote: &Remote) {
        if let State::Asked(socket) = &remote.state {
            let request = self.transform_request(remote, socket);
            self.remotes.errands.push(Errand { to: remote.to, request, number: Some(remote.number) });
        }
    }

    /// The request of §11.2(1); the order of its keys is part of it.
    fn transform_request(&self, remote: &Remote, socket: &LocalSocket) -> Dict<'static> {
        let call = &self.signalling;
        let media = call.media(remote.source);
        let party = call.party(media.party);
        let id = call.ids.get(usize::from(party.call_id)).or_else(|| call.ids.first());
        let named = |name: Option<&Name>| {
            let mut text = format!("{:08x} for ", remote.number).into_bytes();
            text.extend_from_slice(name.map_or(&[][..], Name::as_bytes));
            text
        };
        let key = &remote.key;
        let pair = Dict::new()
            .with("input", codec(&key.input, key.input_payload_type))
            .with("output", codec(&key.output, key.output_payload_type));
        let destination = Dict::new()
            .with("family", family(socket.address.ip()))
            .with("address", socket.address.ip().to_string())
            .with("port", i64::from(socket.address.port()));
        let media = Dict::new()
            .with("type", Text::as_bytes(&media.kind).to_vec())
            .with("codec", Value::list([pair]))
            .with("destination", destination);
        let mut request = Dict::new()
            .with("command", "transform")
            .with("call-id", named(id))
            .with("from-tag", named(party.tag.as_ref()))
            .with("media", Value::list([media]));
        if let Some(interface) = &remote.rule.remote_interface {
            request.push("interface", interface.to_string());
        }
        request.with("instance", self.remotes.instance.to_string())
    }

    /// What is to be sent to other instances.
    pub fn take_errands(&mut self) -> Vec<Errand> {
        std::mem::take(&mut self.remotes.errands)
    }

    /// Whether some reply is not there yet.
    #[must_use]
    pub fn awaits_remotes(&self) -> bool {
        self.remotes.list.iter().any(|remote| matches!(remote.state, State::Asked(_)))
    }

    /// The end of a question: the reply, or what went wrong.
    pub fn conclude_remote(&mut self, number: u32, answer: Result<&Grant, String>) -> Concluded {
        let mut list = self.remotes.list.iter_mut();
        let Some(remote) = list.find(|remote| remote.number == number) else { return Concluded::Unknown };
        let State::Asked(socket) = remote.state else { return Concluded::Unknown };
        let fits = |grant: &&Grant| grant.address.is_ipv4() == socket.address.is_ipv4();
        let failed = match answer {
            Ok(grant) if fits(&grant) => {
                remote.state = State::Running(socket, grant.clone());
                self.settle_remotes();
                return Concluded::Running;
            }
            Ok(_) => "the address in the reply is of another family".to_owned(),
            Err(reason) => reason,
        };
        remote.state = State::Failed;
        Concluded::Failed(socket.key, format!("No remote transcoding by {}: {failed}", remote.to))
    }

    /// Puts the ways of packets in force.
    fn settle_remotes(&mut self) {
        let chains = Arc::clone(&self.codecs.chains);
        let mut touched = Vec::new();
        for edge in &mut self.signalling.edges {
            let Some(transcode) = &edge.codecs.transcode else { continue };
            let remote = self.remotes.numbers(edge.id, &edge.codecs.remote);
            if transcode.remote == remote {
                continue;
            }
            let changed = Transcode {
                chains: chains.handlers(&transcode.routes, &remote),
                remote,
                ..Transcode::clone(transcode)
            };
            edge.codecs.transcode = Some(Arc::new(changed));
            touched.push(edge.source);
        }
        touched.into_iter().for_each(|media| self.compile(media));
        let way = |remote: &Remote| {
            let State::Running(socket, grant) = &remote.state else { return None };
            let (key, from) = (&remote.key, self.signalling.media(remote.source).rtp()?);
            Some(RemoteWay {
                from,
                edge: remote.edge,
                payload_type: key.input_payload_type,
                socket: socket.key,
                to: grant.address,
                chain: chains.remote(key.input_payload_type, &key.input, &key.output),
            })
        };
        let ways = self.remotes.list.iter().filter_map(way).collect();
        self.plane.set_remote_ways(ways);
    }

    /// The stream each socket of a transform belongs to.
    pub(super) fn remote_ingress(&self) -> impl Iterator<Item = (SocketKey, StreamId)> + '_ {
        self.remotes
            .sockets()
            .filter_map(|(socket, source)| Some((socket, self.signalling.media(source).rtp()?)))
    }

    /// Takes over the transforms of a call that was merged into this one.
    pub(super) fn merge_remotes(&mut self, other: Remotes, medias: u32, edges: u32) {
        if self.remotes.instance.is_empty() {
            self.remotes.instance = other.instance;
        }
        self.remotes.errands.extend(other.errands);
        self.remotes.list.extend(other.list.into_iter().map(|mut remote| {
            remote.edge.0 += edges;
            remote.source.0 += medias;
            remote
        }));
        self.renew_questions();
        self.settle_remotes();
    }

    /// The sockets of transforms have other names: the call moved.
    pub(super) fn rename_remote_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        if self.remotes.list.is_empty() {
            return;
        }
        for remote in &mut self.remotes.list {
            if let State::Asked(socket) | State::Running(socket, _) = &mut remote.state {
                socket.key = name(socket.key);
            }
        }
        self.renew_questions();
        self.settle_remotes();
    }

    /// Replies to what was asked before will not find the call: what is still open is asked anew, under other names.
    fn renew_questions(&mut self) {
        self.remotes.errands.retain(|errand| errand.number.is_none());
        let mut list = std::mem::take(&mut self.remotes.list);
        for remote in &mut list {
            remote.number = remote.number.wrapping_add(1);
            self.ask(remote);
        }
        self.remotes.list = list;
    }
}

fn codec(codec: &Codec, payload_type: u8) -> Dict<'static> {
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    Dict::new()
        .with("codec", codec.name.to_string())
        .with("payload type", i64::from(payload_type))
        .with("clock rate", i64::from(codec.clock))
        .with("channels", i64::from(codec.channels))
        .with("format", text(&codec.fmtp))
        .with("options", text(&codec.options))
}

/// One socket on the interface of the rule, in the family of the remote endpoint.
fn open(rule: &TranscodeRule, to: SocketAddr, tos: u8, ctx: &mut Ctx<'_>) -> Result<LocalSocket, PortError> {
    let name = rule.local_interface.as_deref();
    let selection = ctx.interfaces.select(name, if to.is_ipv4() { Family::V4 } else { Family::V6 });
    if selection.unknown_name {
        ctx.warn(format!("Interface '{}' not found, using default", name.unwrap_or_default()));
    }
    let logical = ctx.ports.choose(selection.choice, 1).ok_or(PortError::NoInterface)?;
    let locals = &ctx.interfaces.logical(logical).locals;
    let fits = |local: &&_| ctx.interfaces.local(**local).address.is_ipv4() == to.is_ipv4();
    let local = *locals.iter().find(fits).ok_or(PortError::NoInterface)?;
    ctx.ports.open(local, 1, tos)?.pop().ok_or(PortError::NoInterface)
}
