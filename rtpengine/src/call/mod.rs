//! Calls: what was signalled, and what it makes of the packets. No I/O, no clock.
//!
//! [`Call`] is the one value a shard owns per call. [`Call::command`] carries out a request, [`Call::receive`] a datagram, [`Call::tick`] what is
//! due once per second. `signalling` and the files beside it are the model; `exchange` and `exchange_ports` are what offer and answer do to it; `rewrite`
//! prints the SDP; `compile` makes the flows.

use std::sync::Arc;
use std::time::Duration;

use rtpengine_common::ng::{Command, Flag, Reply, Request};

pub mod codecs;
pub mod ctx;
pub mod ids;

mod agents;
mod block;
mod bundle;
mod codec_bridge;
mod commands;
mod compile;
mod connect;
mod conversion;
mod convert;
mod create;
mod delete;
mod dtls_params;
pub mod dtmf;
pub mod edge;
pub mod error;
mod exchange;
mod exchange_ports;
pub mod extmap;
pub mod fax;
mod former;
mod fragment;
pub mod handling;
mod hold;
pub mod ice_params;
mod inject;
pub mod media;
mod merge;
mod mixing;
mod moving;
mod mux;
pub mod party;
mod players;
mod playing;
pub mod port_maps;
mod publish;
mod query;
pub mod recording;
pub mod remote;
mod rewrite;
pub mod sdes;
mod select;
pub mod session;
pub mod settings;
pub mod signalling;
mod single;
mod sources;
mod subscribe;
mod subscription;
mod timed;
mod transform;
mod transport;

#[cfg(test)]
pub(crate) mod tests;

pub use commands::{check, delete_not_found, unknown_call};

use ctx::{Ctx, Now, Ports, Transmit};
use error::Error;
use ids::{CallKey, Name, SocketKey, StreamId};
use media::Media;
use party::PartyFlags;
use signalling::{CallFlags, Signalling};

use crate::dtls;
use crate::flow::{
    Arrival, JitterSettings, Packet, Plane, Received, ReportOptions, TickOptions, TimeoutReason, Timeouts,
    Turn,
};

/// Why a call ended (ng-control.md §10.10 rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// `delete`.
    Regular,
    /// No media.
    Timeout,
    /// No media on a held call.
    SilentTimeout,
    /// No answer.
    OfferTimeout,
    /// Too old.
    FinalTimeout,
    /// Ended through the CLI, by a fault, or for want of ports.
    Forced,
}

/// What becomes of the call after a command or a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Keep,
    /// It ends now: its sockets are to be closed.
    Destroy(CloseReason),
}

/// The result of a command.
#[derive(Debug)]
pub struct Done {
    /// What the client is told.
    pub reply: Reply,
    /// Whether the call goes on.
    pub fate: Fate,
}

/// One call: what was signalled, and its run-time state. One movable value.
#[derive(Debug)]
pub struct Call {
    /// Process-wide number.
    pub key: CallKey,
    /// What was signalled.
    pub signalling: Signalling,
    /// What happens to packets.
    pub plane: Plane,
    /// Trickle ICE fragments whose party is not known yet.
    fragments: Vec<fragment::Waiting>,
    /// The first party that came in when calls were merged for the request at work: the sources of `connect` are the
    /// parties before it (ng-control.md §11.10).
    pub newcomers: Option<ids::PartyId>,
    /// The DTLS certificate that was in force when the call was created.
    dtls: Option<Arc<dtls::Context>>,
    /// What runs on the media ports beside media.
    agents: agents::Agents,
    /// What parties are made to hear.
    players: playing::Players,
    /// What the operator configured about codecs.
    codecs: Arc<handling::CodecSettings>,
    /// Other instances that transcode for it.
    remotes: remote::Remotes,
    /// The jitter buffer the operator wants.
    jitter: Option<JitterSettings>,
}

// A call moves between shards as a whole.
const _: fn() = || {
    fn movable<T: Send>() {}
    movable::<Call>();
};

impl Call {
    /// A call without parties.
    #[must_use]
    pub fn new(key: CallKey, id: Name, now: Now, tos: u8) -> Self {
        Self {
            key,
            signalling: Signalling::new(id, now, tos),
            plane: Plane::new(),
            fragments: Vec::new(),
            newcomers: None,
            dtls: None,
            agents: agents::Agents::default(),
            players: playing::Players::default(),
            codecs: Arc::default(),
            remotes: remote::Remotes::default(),
            jitter: None,
        }
    }

    /// Carries out a request. `call_id` is the id under which the client named the call.
    pub fn command(&mut self, request: &Request, call_id: &[u8], ctx: &mut Ctx<'_>) -> Done {
        let id = self.signalling.ids.iter().position(|name| name.as_bytes() == call_id).unwrap_or(0);
        let id = u16::try_from(id).unwrap_or(0);
        let new = self.is_empty();
        self.configure(ctx.settings);
        self.take_dtmf_log(request, ctx.settings);
        let result = match request.command {
            Command::Offer => self.offer_answer(request, id, false, ctx),
            Command::Answer => self.offer_answer(request, id, true, ctx),
            Command::Delete => {
                let done = self.delete(request, id, ctx);
                self.end_remotes(ctx.ports);
                return done;
            }
            Command::Query => Ok(self.query(request, ctx)),
            Command::BlockMedia | Command::UnblockMedia | Command::SilenceMedia | Command::UnsilenceMedia => {
                self.block(request)
            }
            Command::BlockDtmf | Command::UnblockDtmf => self.block_dtmf(request),
            Command::Publish => self.publish(request, (id, call_id), ctx),
            Command::SubscribeRequest => self.subscribe_request(request, id, ctx),
            Command::SubscribeAnswer => self.subscribe_answer(request, ctx),
            Command::Unsubscribe => self.unsubscribe(request, ctx),
            Command::Connect => self.connect(request, call_id, ctx),
            Command::Mesh => self.mesh(request, ctx),
            Command::InjectStart | Command::InjectStop => self.inject(request, ctx),
            Command::StartRecording | Command::StopRecording | Command::PauseRecording => {
                Ok(self.record(request, ctx))
            }
            Command::StartForwarding | Command::StopForwarding => self.forward(request, ctx),
            Command::Create => self.create(request, (id, call_id), ctx),
            Command::CreateAnswer => self.create_answer(request, ctx),
            Command::Transform => self.transform(request, (id, call_id), ctx),
            Command::PlayMedia | Command::StopMedia | Command::PlayDtmf => self.play(request, ctx),
            // Answered without a call.
            Command::Ping | Command::List | Command::Statistics | Command::Cli => Err(Error::Unsupported),
        };
        if result.is_ok() {
            self.label_selected(request);
        }
        self.sync_agents(request.has(Flag::NoTlsId), ctx);
        self.sync_remotes(ctx);
        let fate = match &result {
            Err(Error::OutOfPorts) => Fate::Destroy(CloseReason::Forced),
            // A call that there would not be without the request that failed, or that never got a party.
            Err(_) if new || self.is_empty() => Fate::Destroy(CloseReason::Regular),
            _ => Fate::Keep,
        };
        Done { reply: result.unwrap_or_else(|error| Reply::from_error(&error)), fate }
    }

    /// There is nobody, and nothing waits for somebody.
    fn is_empty(&self) -> bool {
        self.signalling.parties.is_empty() && self.fragments.is_empty()
    }

    /// A datagram came in.
    pub fn receive<T: Transmit>(
        &mut self,
        arrival: Arrival,
        packet: &mut Packet,
        turn: &mut Turn<'_, T>,
    ) -> Received {
        self.plane.receive(turn, arrival, packet)
    }

    /// What is due once per second: timeouts, scheduled deletions, NAT piercing, generated RTCP, statistics.
    pub fn tick<T: Transmit>(
        &mut self,
        ctx: &mut Ctx<'_>,
        turn: &mut Turn<'_, T>,
        options: TickOptions,
    ) -> Fate {
        let now = turn.now;
        if self.signalling.deletion.is_some_and(|at| at <= now.instant) {
            return Fate::Destroy(CloseReason::Regular);
        }
        if self.expire_fragments(now) {
            return Fate::Destroy(CloseReason::Regular);
        }
        self.delete_due(now, ctx.ports);
        self.end_remotes(ctx.ports);
        self.poll(ctx, turn);
        self.plane.tick(turn, options);
        self.generate_reports(ctx, turn);
        self.timeout(ctx.settings, now)
    }

    fn generate_reports<T: Transmit>(&mut self, ctx: &mut Ctx<'_>, turn: &mut Turn<'_, T>) {
        let mut random = [0; 8];
        ctx.random.fill(&mut random);
        let options = ReportOptions {
            interval: ctx.settings.rtcp_interval,
            cname: &ctx.settings.instance_id,
            random: u64::from_ne_bytes(random),
        };
        self.plane.generate_reports(turn, &options);
    }

    /// Takes over what the operator configured for packets.
    fn configure(&mut self, settings: &settings::Settings) {
        if self.dtls.is_none() {
            self.dtls.clone_from(&settings.dtls);
        }
        self.codecs.clone_from(&settings.codecs);
        self.jitter = settings.jitter;
        self.plane.set_mos(settings.mos);
        self.plane.set_replay_window(settings.srtp_replay_window);
    }

    fn timeout(&self, settings: &settings::Settings, now: Now) -> Fate {
        let call = &self.signalling;
        let foreign = call.flags.contains(CallFlags::FOREIGN);
        let timeouts = Timeouts {
            media: settings.timeout,
            silent: settings.silent_timeout,
            offer: settings.offer_timeout,
            last: settings.final_timeout.unwrap_or_default(),
        };
        let reason = match self.plane.timed_out(now.instant, call.created, &timeouts) {
            None => return Fate::Keep,
            Some(TimeoutReason::Final) => return Fate::Destroy(CloseReason::FinalTimeout),
            Some(_) if foreign || call.parties.iter().any(|p| p.deletion.is_some()) => return Fate::Keep,
            Some(TimeoutReason::Media) => CloseReason::Timeout,
            Some(TimeoutReason::Silent) => CloseReason::SilentTimeout,
            Some(TimeoutReason::Offer) => CloseReason::OfferTimeout,
        };
        Fate::Destroy(reason)
    }

    /// Parties whose deletion is due lose their ports.
    fn delete_due(&mut self, now: Now, ports: &mut dyn Ports) {
        for at in 0..self.signalling.parties.len() {
            let id = ids::PartyId::at(at);
            if self.signalling.party(id).deletion.is_some_and(|due| due <= now.instant) {
                self.destroy_party(id, ports);
            }
        }
    }

    /// Closes the ports of a party and drops its links; the record stays listed.
    pub(crate) fn destroy_party(&mut self, id: ids::PartyId, ports: &mut dyn Ports) {
        let party = self.signalling.party_mut(id);
        party.deletion = None;
        party.flags.insert(PartyFlags::DELETED);
        let medias = party.medias.clone();
        self.forget_players(id);
        self.forget_mixers(id);
        let injections = self.injections_of(&medias);
        let mut touched = Vec::new();
        for media in medias {
            for edge in &self.signalling.edges {
                if edge.source == media || edge.sink == media {
                    touched.extend([edge.source, edge.sink]);
                }
            }
            self.signalling.edges.retain(|e| e.source != media && e.sink != media);
            self.close_media(media, ports);
        }
        touched.sort_unstable();
        touched.dedup();
        for media in touched {
            self.compile(media);
        }
        self.injections_ended(&injections);
    }

    fn close_media(&mut self, id: ids::MediaId, ports: &mut dyn Ports) {
        self.end_agents(id, ports);
        for &stream in &self.signalling.media(id).streams {
            self.plane.unlink(stream);
        }
        for map in self.signalling.media_mut(id).ports.take() {
            for socket in map.sockets() {
                self.plane.forget_socket(socket.key);
                ports.close(socket.key);
            }
        }
    }

    /// All sockets of the call, for closing or moving it.
    pub fn sockets(&self) -> impl Iterator<Item = SocketKey> + '_ {
        self.signalling
            .medias
            .iter()
            .flat_map(|m| m.ports.all())
            .flat_map(port_maps::PortMap::sockets)
            .map(|s| s.key)
            .chain(self.remotes.sockets().map(|(socket, _)| socket))
    }

    /// The stream each open socket leads to: what a datagram on it is received by.
    pub fn ingress(&self) -> impl Iterator<Item = (SocketKey, StreamId)> + '_ {
        let media =
            self.signalling.medias.iter().flat_map(|media: &Media| {
                media.ports.all().iter().flat_map(|map| &map.sets).flat_map(|set| {
                    set.iter().zip(&media.streams).map(|(socket, &stream)| (socket.key, stream))
                })
            });
        media.chain(self.remote_ingress())
    }

    /// How long a `delete` waits.
    fn delete_delay(request: &Request, settings: &settings::Settings) -> Duration {
        request.delete_delay_s.map_or(settings.delete_delay, |s| Duration::from_secs(s.into()))
    }
}
