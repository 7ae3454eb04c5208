//! Interfaces, local ports and endpoints of the sections of a message (sdp.md §7, ng-control.md §10.6), and what follows from them.

use std::net::SocketAddr;

use rtpengine_common::ng::{ByteString, Flag, Request};
use rtpengine_common::sdp::{Extracted, StreamParams};
use smallvec::SmallVec;

use super::convert;
use super::ctx::{Ctx, Now, PortError};
use super::dtls_params;
use super::error::Error;
use super::exchange::{Exchange, Pair, received_ice};
use super::ice_params;
use super::ids::{LogicalId, MediaId};
use super::media::{Media, MediaFlags};
use super::port_maps::{AddressSet, PortMap, Wanted};
use crate::flow::{Component, Level};
use crate::net::Family;
use crate::net::interfaces::Choice;
use crate::tight;

/// Which side of a message a media is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Sender,
    Receiver,
}

impl Exchange<'_, '_> {
    /// Steps 9 to 11 of §23.1 for all sections: interfaces, ICE credentials, port sets, endpoints.
    pub(super) fn open_ports(&mut self, extracted: &Extracted) -> Result<(), Error> {
        for at in 0..self.pairs.len() {
            let pair = self.pairs[at];
            let Some(params) = extracted.streams.get(pair.stream) else { continue };
            self.interface(pair.sender, Side::Sender, params)?;
            self.interface(pair.receiver, Side::Receiver, params)?;
            if params.port == 0 {
                self.call.disable(pair.sender);
                self.call.disable(pair.receiver);
                continue;
            }
            self.credentials(pair, params);
            self.ports(pair.receiver, pair.sender, Side::Receiver, params)?;
            self.ports(pair.sender, pair.receiver, Side::Sender, params)?;
            self.endpoints(pair, params);
        }
        self.share_bundles();
        Ok(())
    }

    /// The logical interface of one side (§7.4 rule 3, media-plane.md §1.2 rule 8).
    fn interface(&mut self, id: MediaId, side: Side, params: &StreamParams) -> Result<(), Error> {
        let (name, peer) = match side {
            Side::Sender => (&self.request.from_interface, self.request.inbound_peer),
            Side::Receiver => (&self.request.to_interface, self.request.outbound_peer),
        };
        let name = interface_name(name.as_ref(), peer, self.ctx);
        let ports = usize::from(params.ports_wanted());
        self.call.choose_interface(id, name.as_deref(), ports, self.ctx)
    }

    /// ICE credentials of both sides (§14.6).
    fn credentials(&mut self, pair: Pair, params: &StreamParams) {
        let received = received_ice(params);
        let (sender, receiver) = (pair.sender, pair.receiver);
        let call = &mut self.call.signalling;
        let odd = ice_params::credentials(call.media_mut(sender), &received, !self.answer, self.ctx.random);
        ice_params::ensure(call.media_mut(receiver), self.ctx.random);
        if odd {
            self.ctx.warn("ICE restart detected, but reset not allowed at this point");
        }
    }

    /// Keeps, takes up again or opens the ports of `id`, whose packets go to and come from the other media's party.
    fn ports(&mut self, id: MediaId, other: MediaId, side: Side, params: &StreamParams) -> Result<(), Error> {
        if self.call.shares_head(id) {
            return Ok(());
        }
        let wanted = self.wanted(id, other, side, params);
        self.call.take_ports(id, &wanted, self.ctx)
    }

    fn wanted(&self, id: MediaId, other: MediaId, side: Side, params: &StreamParams) -> Wanted {
        let media = self.call.signalling.media(id);
        let interface = media.interface.unwrap_or(LogicalId(0));
        // The receiver's ports belong to the sender's address; the sender's own were decided when the other side signalled and
        // stay as they are, a wildcard until then.
        let receives = side == Side::Receiver;
        let held = !self.call.signalling.media(other).has(MediaFlags::SEND);
        let implied = !self.request.has(Flag::NoPortLatching) && (media.has(MediaFlags::ICE) || held);
        Wanted {
            endpoint: params.rtp.filter(|_| receives),
            interface,
            ports: self.port_count(media, side, params),
            addresses: address_count(media, interface, self.ctx),
            latch: !receives || self.request.has(Flag::PortLatching) || implied,
            // Also what faces a bundle stays (media-plane.md §1.6 rule 1).
            bundled: media.bundle.is_some() || self.call.signalling.media(other).bundle.is_some(),
        }
    }

    /// media-plane.md §6 rule 8.
    fn port_count(&self, media: &Media, side: Side, params: &StreamParams) -> usize {
        let settled = self.answer
            || match side {
                Side::Receiver => self.mux.require,
                // What an earlier answer settled stays settled: its second port is gone (media-plane.md §21.3).
                Side::Sender => {
                    let present = media.ports.latest().map(PortMap::ports);
                    self.mux.demux || self.mux.accept || present == Some(1)
                }
            };
        let all = usize::from(params.ports_wanted());
        if all == 2 && media.is_rtp() && media.has(MediaFlags::RTCP_MUX) && settled { 1 } else { all }
    }

    /// Where packets for the sender's party go from now on.
    fn endpoints(&mut self, pair: Pair, params: &StreamParams) {
        if self.call.fill(pair.sender, params, self.request, self.ctx.now) {
            self.call.unconfirm(pair.receiver);
        }
    }

    /// Gives bundled sections without own ports the sockets of their head to send from.
    fn share_bundles(&mut self) {
        for at in 0..self.pairs.len() {
            for id in [self.pairs[at].sender, self.pairs[at].receiver] {
                if self.call.shares_head(id) {
                    self.call.share_sockets(id);
                }
            }
        }
    }

    /// What becomes of the codecs between the sections of this message (codecs.md §6 step 13, §7).
    fn handlers(&mut self) {
        for at in 0..self.pairs.len() {
            let Pair { sender, receiver, .. } = self.pairs[at];
            if self.answer {
                self.call.exchange_handlers(sender, receiver, self.request, true);
            }
            self.call.exchange_handlers(receiver, sender, self.request, false);
        }
    }

    /// Compiles the flows of everything this message touched.
    pub(super) fn finish(&mut self) {
        for at in 0..self.pairs.len() {
            let pair = self.pairs[at];
            self.call.set_sdes_keys(pair.sender, self.ctx);
            // An offer leaves the receiver's present keys in force until it has answered.
            if self.answer {
                self.call.set_sdes_keys(pair.receiver, self.ctx);
            }
            // The SDP comes next: flows that are compiled now need not be compiled again after it.
            self.call.signalling.media_mut(pair.receiver).flags.insert(MediaFlags::PRINTED);
        }
        self.handlers();
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for &media in &touched {
            self.call.compile(media);
        }
        self.touched = touched;
    }
}

/// The name of the interface that one side of a message asks for: that of the local address which routes to `peer`, else the given one.
pub(super) fn interface_name(
    name: Option<&ByteString>,
    peer: Option<std::net::IpAddr>,
    ctx: &mut Ctx<'_>,
) -> Option<String> {
    let name = name.filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).into_owned());
    let Some(peer) = peer else { return name };
    let route = ctx.ports.route(peer);
    let local = ctx.interfaces.locals().iter().find(|local| Some(local.address) == route);
    if let Some(local) = local {
        return Some(local.name.to_string());
    }
    ctx.warn(format!("No local interface found for peer {peer}"));
    name
}

/// With ICE every address of the interface gets ports, otherwise the first one.
pub(super) fn address_count(media: &Media, interface: LogicalId, ctx: &Ctx<'_>) -> usize {
    let all = media.has(MediaFlags::ICE)
        && !media.has(MediaFlags::PASSTHROUGH)
        && !ctx.settings.save_interface_ports;
    if all { ctx.interfaces.logical(interface).locals.len() } else { 1 }
}

/// The addresses of a media's streams: RTP, RTCP, and further pairs on the following ports.
fn endpoint_list(
    rtp: SocketAddr,
    params: &StreamParams,
    mux: bool,
    count: usize,
) -> SmallVec<[SocketAddr; 2]> {
    (0..count)
        .map(|at| match at {
            0 => rtp,
            1 if mux => match params.rtcp {
                rtpengine_common::sdp::RtcpEndpoint::Explicit(address) => address,
                rtpengine_common::sdp::RtcpEndpoint::Implicit => rtp,
            },
            1 => params.rtcp.resolve(rtp),
            _ => SocketAddr::new(rtp.ip(), rtp.port().wrapping_add(u16::try_from(at).unwrap_or(0))),
        })
        .collect()
}

/// Opens a new port set.
pub(super) fn open_map(wanted: &Wanted, tos: u8, ctx: &mut Ctx<'_>) -> Result<PortMap, Error> {
    let locals = ctx.interfaces.logical(wanted.interface).locals.clone();
    let mut map = PortMap { endpoint: wanted.endpoint, interface: wanted.interface, sets: SmallVec::new() };
    for &local in locals.iter().take(wanted.addresses) {
        match ctx.ports.open(local, wanted.ports, tos) {
            Ok(sockets) => map.sets.push(AddressSet::from_vec(sockets)),
            Err(error) => {
                for socket in map.sockets() {
                    ctx.ports.close(socket.key);
                }
                report(ctx, &error);
                return Err(Error::OutOfPorts);
            }
        }
    }
    Ok(map)
}

fn report(ctx: &mut Ctx<'_>, error: &PortError) {
    ctx.log(Level::Error, error.to_string());
    ctx.log(Level::Error, "Failure while trying to get a list of free ports");
}

impl super::Call {
    /// Keeps, takes up again or opens the ports of a media.
    pub(super) fn take_ports(
        &mut self,
        id: MediaId,
        wanted: &Wanted,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let media = self.signalling.media_mut(id);
        let before = media.ports.current().and_then(|m| m.sockets().next()).map(|s| s.key);
        if let Some(surplus) = media.ports.reuse(wanted) {
            for socket in surplus {
                self.plane.forget_socket(socket.key);
                ctx.ports.close(socket.key);
            }
        } else {
            let map = open_map(wanted, self.signalling.tos, ctx)?;
            self.signalling.media_mut(id).ports.add(map);
        }
        let media = self.signalling.media_mut(id);
        let after = media.ports.current().and_then(|m| m.sockets().next()).map(|s| s.key);
        if before.is_some() && before != after {
            if let Some(ice) = &mut media.ice {
                ice_params::restart(ice, ctx.random);
            }
            dtls_params::renew(media, ctx.random);
        }
        self.connect_sockets(id);
        Ok(())
    }

    /// Where packets for a party go from now on: what its section says. Whether addresses are to be confirmed anew.
    pub(super) fn fill(&mut self, id: MediaId, params: &StreamParams, request: &Request, now: Now) -> bool {
        let Some(rtp) = params.rtp else { return false };
        let learning = convert::learning(request.endpoint_learning);
        let media = self.signalling.media(id);
        let asymmetric = media.has(MediaFlags::ASYMMETRIC);
        let streams = media.streams.clone();
        let addresses = endpoint_list(rtp, params, media.has(MediaFlags::RTCP_MUX), streams.len());
        for (&stream, address) in streams.iter().zip(addresses) {
            self.plane.fill(stream, address, learning, now);
        }
        if !asymmetric {
            self.unconfirm(id);
        }
        !asymmetric
    }

    /// Non-heads of a bundle with the bundle-only mark have no ports of their own (§15.4).
    pub(super) fn shares_head(&self, id: MediaId) -> bool {
        let media = self.signalling.media(id);
        media.is_bundled(id) && media.has(MediaFlags::BUNDLE_ONLY) && media.ports.all().is_empty()
    }

    /// Decides the logical interface of a media; it sticks until another existing name is given or the family changes.
    pub(super) fn choose_interface(
        &mut self,
        id: MediaId,
        name: Option<&str>,
        ports: usize,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let media = self.signalling.media(id);
        let party = media.party;
        let mut ipv6 = media.ipv6.unwrap_or(false);
        // Old values of `direction`, where nothing is configured under that name.
        match name {
            Some("internal") if ctx.interfaces.exact("internal", Family::V4).is_none() => ipv6 = false,
            Some("external") if ctx.interfaces.exact("external", Family::V6).is_none() => ipv6 = true,
            _ => {}
        }
        self.signalling.media_mut(id).ipv6 = Some(ipv6);
        let family = if ipv6 { Family::V6 } else { Family::V4 };
        let selection = ctx.interfaces.select(name, family);
        if selection.unknown_name {
            ctx.warn(format!("Interface '{}' not found, using default", name.unwrap_or_default()));
        }
        let named = name.is_some() && !selection.unknown_name;
        let media = self.signalling.media(id);
        let present = media.interface.or(self.signalling.party(party).interface);
        if let Some(present) = present {
            let logical = ctx.interfaces.logical(present);
            let same_family = logical.family == family;
            let kept = match (named, selection.choice) {
                (false, _) => {
                    let other = ctx.interfaces.exact(&logical.name, family);
                    same_family || other.is_none_or(|id| ctx.interfaces.logical(id).family != family)
                }
                (true, Choice::Fixed(id)) => id == present,
                (true, Choice::RoundRobin(ring)) => ctx.interfaces.ring(ring).contains(&present),
            };
            if kept {
                self.signalling.media_mut(id).interface = Some(present);
                return Ok(());
            }
            // The same name in the other family, if only the family changed.
            if !named && let Some(other) = ctx.interfaces.exact(&logical.name, family) {
                self.set_interface(id, other);
                return Ok(());
            }
        }
        let wanted = u32::try_from(ports).unwrap_or(2);
        let chosen = ctx
            .ports
            .choose(selection.choice, wanted)
            .or_else(|| name.and_then(|name| ctx.interfaces.exact(name, family)));
        let Some(chosen) = chosen else {
            report(ctx, &PortError::NoInterface);
            return Err(Error::OutOfPorts);
        };
        if ctx.interfaces.logical(chosen).family != family {
            ctx.warn("No interface of the wanted address family; using another one");
        }
        self.set_interface(id, chosen);
        Ok(())
    }

    fn set_interface(&mut self, id: MediaId, interface: LogicalId) {
        let media = self.signalling.media_mut(id);
        media.interface = Some(interface);
        let party = media.party;
        self.signalling.party_mut(party).interface = Some(interface);
    }

    /// Tells the plane which sockets the streams of a media have.
    pub(super) fn connect_sockets(&mut self, id: MediaId) {
        let media = self.signalling.media(id);
        let Some(map) = media.ports.current() else { return };
        for (at, &stream) in media.streams.iter().enumerate() {
            let sockets: SmallVec<[_; 2]> = map.sets.iter().filter_map(|set| set.get(at).copied()).collect();
            self.plane.set_sockets(stream, &sockets);
        }
    }

    /// Lets a bundled media send from its head's sockets.
    pub(super) fn share_sockets(&mut self, id: MediaId) {
        let media = self.signalling.media(id);
        let Some(map) = media.bundle.and_then(|head| self.signalling.media(head).ports.current()) else {
            return;
        };
        for (at, &stream) in media.streams.iter().enumerate() {
            let sockets: SmallVec<[_; 2]> = map.sets.iter().filter_map(|set| set.get(at).copied()).collect();
            self.plane.set_sockets(stream, &sockets);
        }
    }

    /// The sockets of a media have to be confirmed anew.
    pub(super) fn unconfirm(&mut self, id: MediaId) {
        for &stream in &self.signalling.media(id).streams {
            self.plane.unconfirm(stream);
        }
    }

    /// Port 0: no sockets, but the sets stay for a media that comes back.
    pub(super) fn disable(&mut self, id: MediaId) {
        for &stream in &self.signalling.media(id).streams {
            self.plane.unlink(stream);
        }
        self.signalling.media_mut(id).ports.disable();
    }

    /// Makes room for what the medias of these parties lack of so many sections each.
    pub(super) fn expect_medias(&mut self, parties: [super::ids::PartyId; 2], sections: usize) {
        let present = |party| self.signalling.party(party).medias.len();
        let missing = parties.map(|party| sections.saturating_sub(present(party))).iter().sum();
        tight::reserve(&mut self.signalling.medias, missing);
        self.plane.expect_medias(missing);
    }

    /// Makes the next media of a party, with its two streams.
    pub(super) fn new_media(&mut self, party: super::ids::PartyId, now: Now) -> MediaId {
        let index = u32::try_from(self.signalling.party(party).medias.len() + 1).unwrap_or(u32::MAX);
        let id = self.plane.add_media();
        let mut media = Media::new(party, index);
        media.streams.push(self.plane.add_stream(id, Component::Rtp, now));
        media.streams.push(self.plane.add_stream(id, Component::Rtcp, now));
        media.interface = self.signalling.party(party).interface;
        let no_jitter_buffer = self.signalling.flags.contains(super::signalling::CallFlags::NO_JITTER_BUFFER);
        media.flags.set(MediaFlags::NO_JITTER_BUFFER, no_jitter_buffer);
        tight::push(&mut self.signalling.medias, media);
        self.signalling.party_mut(party).medias.push(id);
        id
    }
}
