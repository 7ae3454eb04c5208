//! One SDP from one party to another: what an offer or answer does to the call (sdp.md §23).

use std::net::SocketAddr;

use rtpengine_common::ng::{DropTraffic, Flag, Ice, MediaEcho, MediaType, Request, Tos};
use rtpengine_common::sdp::{Extracted, Setup, StreamParams, Text};
use smallvec::SmallVec;

use super::Call;
use super::ctx::{Ctx, Now};
use super::dtls_params;
use super::edge::EdgeFlags;
use super::error::Error;
use super::extmap::{ExtMapOptions, MID_URI};
use super::fax;
use super::ice_params::{self, IceOptions, Received};
use super::ids::{MediaId, PartyId};
use super::media::{Media, MediaFlags, Protocol};
use super::mux::{self, MuxOptions};
use super::party::{Party, PartyFlags};
use super::sdes::SdesOptions;
use super::session::Section;
use super::signalling::CallFlags;
use super::single::extmap_options;
use super::transport::{self, ProtocolOptions};

/// The sections of one message that face each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    /// Of the party whose SDP it is.
    pub sender: MediaId,
    /// Of the party the SDP is for.
    pub receiver: MediaId,
    /// Position in the message's streams.
    pub stream: usize,
}

/// The work of one offer or answer.
pub(super) struct Exchange<'a, 'c> {
    pub call: &'a mut Call,
    pub ctx: &'a mut Ctx<'c>,
    pub request: &'a Request,
    /// Whose SDP it is.
    pub sender: PartyId,
    /// Whom the result is for.
    pub receiver: PartyId,
    pub answer: bool,
    pub mux: MuxOptions,
    pub sdes: SdesOptions,
    pub extmap: ExtMapOptions,
    /// Medias whose flows are to be compiled anew.
    pub touched: Vec<MediaId>,
    pub pairs: Vec<Pair>,
}

impl Call {
    /// An offer, answer, publish or subscribe request came (ng-control.md §10.1).
    pub(super) fn signalled(&mut self, now: Now) {
        self.signalling.last_signal = (now.unix_s(), now.instant);
        self.plane.signalled(now);
    }

    /// Options about the call as a whole (ng-control.md §7.2).
    pub(super) fn take_call_flags(&mut self, request: &Request, ctx: &mut Ctx<'_>) {
        let flags = &mut self.signalling.flags;
        if request.has(Flag::Debug) {
            flags.insert(CallFlags::DEBUG);
        }
        if request.has(Flag::NoJitterBuffer) {
            flags.insert(CallFlags::NO_JITTER_BUFFER);
        }
        if let Some(address) = request.xmlrpc_callback {
            self.signalling.xmlrpc_callback = Some(address);
        }
        if let Some(drop) = request.drop_traffic {
            flags.set(CallFlags::DROP_TRAFFIC, drop == DropTraffic::Start);
            self.plane.set_drop_traffic(drop == DropTraffic::Start);
        }
        if request.has(Flag::StrictSource) && request.has(Flag::MediaHandover) {
            ctx.warn("Both 'strict source' and 'media handover' were given: 'media handover' applies");
        }
    }

    /// The party's media at a position from 1, made if it is free.
    pub(super) fn media_at(&mut self, party: PartyId, index: usize, now: Now) -> MediaId {
        while self.signalling.party(party).medias.len() < index {
            self.new_media(party, now);
        }
        self.signalling.party(party).medias[index.saturating_sub(1)]
    }
}

impl<'a, 'c> Exchange<'a, 'c> {
    pub(super) fn new(
        call: &'a mut Call,
        ctx: &'a mut Ctx<'c>,
        request: &'a Request,
        (sender, receiver): (PartyId, PartyId),
        answer: bool,
    ) -> Self {
        Self {
            call,
            ctx,
            request,
            sender,
            receiver,
            answer,
            // Only offers decide about multiplexing; an answer follows what they fixed.
            mux: if answer { MuxOptions::default() } else { MuxOptions::from(&request.rtcp_mux) },
            sdes: SdesOptions::from_request(&request.sdes, answer),
            extmap: extmap_options(request),
            touched: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Takes the SDP over and prepares everything the result is printed from.
    pub(super) fn run(&mut self, extracted: &Extracted) -> Result<(), Error> {
        let keep_name = self.request.replace.session_name;
        let party = self.party(self.sender);
        take_session(party, extracted, keep_name);
        party.flags.insert(PartyFlags::SPOKE);
        self.call_items();
        self.call.expect_medias([self.sender, self.receiver], extracted.streams.len());
        let mut removed = 0;
        let mut mids: SmallVec<[&[u8]; 4]> = SmallVec::new();
        for (at, params) in extracted.streams.iter().enumerate() {
            if self.is_removed(params) {
                self.remove_section(params);
                removed += 1;
                continue;
            }
            let pair = self.pair(params, at, removed, &mids);
            mids.extend(params.mid.as_ref().map(Text::as_bytes));
            self.link(pair);
            self.section(pair, params);
            self.pairs.push(pair);
        }
        self.bundle(extracted);
        self.open_ports(extracted)?;
        self.finish();
        Ok(())
    }

    fn party(&mut self, id: PartyId) -> &mut Party {
        self.call.signalling.party_mut(id)
    }

    /// What a message says about the call and the two parties as a whole.
    fn call_items(&mut self) {
        let request = self.request;
        let (sender, receiver) = (self.sender, self.receiver);
        self.call.signalled(self.ctx.now);
        if let Some(label) = rtpengine_common::ng::present(&request.label) {
            self.call.signalling.set_label(sender, label);
        }
        if self.answer {
            let final_reply = request.message_type == Some(rtpengine_common::ng::MessageType::Response)
                && request.sip_code.is_some_and(|code| code >= 200);
            self.party(sender).flags.set(PartyFlags::FINAL_RESPONSE, final_reply);
        } else {
            self.party(receiver).flags.remove(PartyFlags::FINAL_RESPONSE);
            self.set_tos();
        }
        if request.has(Flag::ExcludeRecording) {
            self.party(sender).flags.insert(PartyFlags::EXCLUDE_RECORDING);
            self.party(receiver).flags.insert(PartyFlags::EXCLUDE_RECORDING);
        }
        let flags = &mut self.party(sender).flags;
        if request.has(Flag::BlockShort) {
            flags.insert(PartyFlags::BLOCK_SHORT);
        }
        self.call.take_dtmf(sender, request, self.ctx);
        self.call.take_call_flags(request, self.ctx);
        self.call.take_metadata(Some(sender), request);
    }

    /// TOS of all sockets of the call (ng-control.md §10.9).
    fn set_tos(&mut self) {
        let tos = match self.request.tos {
            Tos::Unchanged => return,
            Tos::Default => self.ctx.settings.tos,
            Tos::Value(tos) => tos,
        };
        if std::mem::replace(&mut self.call.signalling.tos, tos) == tos {
            return;
        }
        for media in &self.call.signalling.medias {
            for socket in media.ports.all().iter().flat_map(super::port_maps::PortMap::sockets) {
                self.ctx.ports.set_tos(socket.key, tos);
            }
        }
    }

    fn is_removed(&self, params: &StreamParams) -> bool {
        !self.answer
            && self
                .request
                .sdp_media_remove
                .iter()
                .any(|&kind| kind == MediaType::from_name(&params.media_type_text))
    }

    /// §19: the section is recorded for the sender as rejected and not shown to the receiver.
    fn remove_section(&mut self, params: &StreamParams) {
        let id = self.call.media_at(self.sender, params.index as usize, self.ctx.now);
        let media = self.call.signalling.media_mut(id);
        media.kind = params.media_type_text.clone();
        media.media_type = params.media_type;
        media.protocol = Some(protocol_of(params));
        media.format = params.formats.clone();
        media.mid.clone_from(&params.mid);
        media.flags.insert(MediaFlags::REJECTED);
        self.call.disable(id);
        self.call.signalling.edges.retain(|e| e.source != id && e.sink != id);
    }

    /// The two medias of a section (ng-control.md §10.5 rules 1 and 2).
    fn pair(&mut self, params: &StreamParams, stream: usize, removed: usize, used: &[&[u8]]) -> Pair {
        let mid = params.mid.as_ref().filter(|mid| !used.contains(&mid.as_bytes()));
        let sender = mid
            .and_then(|mid| self.by_mid(self.sender, mid, params))
            .unwrap_or_else(|| self.call.media_at(self.sender, params.index as usize, self.ctx.now));
        let receiver = self
            .linked(sender, params)
            .or_else(|| mid.and_then(|mid| self.by_mid(self.receiver, mid, params)))
            .unwrap_or_else(|| {
                self.call.media_at(self.receiver, params.index as usize - removed, self.ctx.now)
            });
        Pair { sender, receiver, stream }
    }

    fn by_mid(&self, party: PartyId, mid: &Text, params: &StreamParams) -> Option<MediaId> {
        self.call.signalling.party(party).medias.iter().copied().find(|&id| {
            let media = self.call.signalling.media(id);
            media.mid.as_ref() == Some(mid) && media.kind == params.media_type_text
        })
    }

    /// The receiver's media that is linked with the sender's already.
    fn linked(&self, sender: MediaId, params: &StreamParams) -> Option<MediaId> {
        let call = &self.call.signalling;
        call.edges_from(sender).filter(|e| e.flags.contains(EdgeFlags::OFFER_ANSWER)).map(|e| e.sink).find(
            |&id| {
                let media = call.media(id);
                let mids_fit = match (&media.mid, &params.mid) {
                    (Some(a), Some(b)) => a == b,
                    _ => true,
                };
                let kinds_fit = media.kind == params.media_type_text || call.is_fax_pair(sender, id);
                media.party == self.receiver && kinds_fit && mids_fit
            },
        )
    }

    /// ng-control.md §10.5 rule 4.
    fn link(&mut self, pair: Pair) {
        let call = &mut self.call.signalling;
        let (s, r) = (pair.sender, pair.receiver);
        let moved = |m: MediaId, keep: MediaId, e: &super::edge::Edge| {
            e.flags.contains(EdgeFlags::OFFER_ANSWER)
                && ((e.source == m && e.sink != keep) || (e.sink == m && e.source != keep))
        };
        for edge in &call.edges {
            if moved(r, s, edge) || (self.answer && moved(s, r, edge)) {
                self.touched.extend([edge.source, edge.sink]);
            }
        }
        call.unlink_offer_answer(r, s);
        if self.answer {
            call.unlink_offer_answer(s, r);
        }
        call.link(s, r, EdgeFlags::OFFER_ANSWER);
        call.link(r, s, EdgeFlags::OFFER_ANSWER);
        self.touched.extend([s, r]);
    }

    /// Steps 3 to 9 of §23.1 for one section.
    fn section(&mut self, pair: Pair, params: &StreamParams) {
        let owned = self.ctx.interfaces.owns(params.rtp.unwrap_or(UNKNOWN));
        let Some((sender, receiver)) = self.call.signalling.media_pair(pair.sender, pair.receiver) else {
            return;
        };
        let (request, answer, live) = (self.request, self.answer, params.port != 0);
        if request.has(Flag::Reset) && !answer {
            for media in [&mut *sender, &mut *receiver] {
                media.flags.remove(MediaFlags::INITIALIZED);
                if let Some(ice) = &mut media.ice {
                    ice_params::restart(ice, self.ctx.random);
                }
            }
        }
        media_options(sender, receiver, request);
        sender.wanted_ports = params.ports_wanted();
        receiver.wanted_ports = params.ports_wanted();
        if fax::arrange(sender, receiver, params, request, answer, self.ctx.random) {
            self.ctx.warn("Unknown 'T.38' flag encountered: this build has no T.38 gateway");
        }
        let odd =
            transport::negotiate(sender, receiver, protocol_of(params), answer, &protocol_options(request));
        if odd {
            self.ctx.warn("Answer uses OSRTP although it was not offered");
        }
        fax::settle(sender, receiver, request, answer);
        if names(sender, receiver, params, request, answer) {
            self.ctx.warn("Media ID of the answer does not match the offered one");
        }
        sender.flags.set(MediaFlags::LOOP_CHECK, owned && live);
        take_section(sender, receiver, params);
        if live {
            take_flags(sender, params, request, &self.sdes);
        }
        families(sender, receiver, params, request, answer);
        sender.extmaps.receive(&params.extmaps, &self.extmap, !answer, request.bundle.accept);
        if receiver.t38.is_none() {
            receiver.extmaps.offer_from(&sender.extmaps, &self.extmap, !answer);
        }
        self.codecs(pair, params);
        let Some((sender, receiver)) = self.call.signalling.media_pair(pair.sender, pair.receiver) else {
            return;
        };
        directions(sender, receiver, params);
        let rejected = !live;
        sender.flags.set(MediaFlags::REJECTED, rejected);
        receiver.flags.set(MediaFlags::REJECTED, rejected);
        let ice = ice_options(request);
        if live {
            if answer {
                mux::answer(sender, receiver);
            } else {
                mux::offer(sender, receiver, &mut self.mux);
            }
        }
        // Settled in a rejected section as well, from what its sender said before.
        ice_params::decide(sender, receiver, answer, &ice);
        if live {
            dtls_params::receive(sender, params, answer, request, self.ctx.random);
            keys(sender, receiver, answer, request, &self.sdes, self.ctx.random);
        }
        sender.flags.insert(MediaFlags::INITIALIZED);
    }
}

/// Session lines of the sender (§3 rule 12, §6.2).
pub(super) fn take_session(party: &mut Party, extracted: &Extracted, keep_name: bool) {
    let old = party.session.take();
    let mut session = Box::new(extracted.session.clone());
    if let Some(old) = old
        && !old.name.is_empty()
        && (keep_name || session.name.is_empty())
    {
        session.name = old.name;
    }
    party.session = Some(session);
}

/// What stands for an endpoint that a section does not have; no interface owns it.
pub(super) const UNKNOWN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

pub(super) fn protocol_of(params: &StreamParams) -> Protocol {
    params.protocol.map_or_else(|| Protocol::Unknown(params.protocol_text.clone()), Protocol::Known)
}

pub(super) fn protocol_options(request: &Request) -> ProtocolOptions {
    ProtocolOptions {
        wanted: transport::wanted(request),
        accept: request.transport_protocol == Some(rtpengine_common::ng::TransportProtocol::Accept),
        osrtp_offer: request.osrtp.offer,
        osrtp_accept: request.osrtp.accept,
    }
}

pub(super) fn ice_options(request: &Request) -> IceOptions {
    IceOptions {
        mode: request.ice,
        lite: request.ice_lite,
        reject: request.has(Flag::RejectIce),
        trickle: request.has(Flag::TrickleIce),
        ice2: request.has(Flag::Ice2),
        passthrough: request.passthrough,
    }
}

/// Options that are copied to the medias (ng-control.md §7.2).
pub(super) fn media_options(sender: &mut Media, receiver: &mut Media, request: &Request) {
    for media in [&mut *sender, &mut *receiver] {
        if let Some(on) = request.generate_rtcp {
            media.flags.set(MediaFlags::RTCP_GENERATOR, on);
        }
        if request.has(Flag::Recrypt) {
            media.flags.insert(MediaFlags::RECRYPT);
        }
        if request.has(Flag::BlockEgress) {
            media.flags.insert(MediaFlags::BLOCK_EGRESS);
        }
        media.flags.set(MediaFlags::PIERCE_NAT, request.has(Flag::PierceNat));
        media.flags.set(MediaFlags::NAT_WAIT, request.has(Flag::NatWait));
    }
    sender.flags.set(MediaFlags::STRICT_SOURCE, request.has(Flag::StrictSource));
    sender.flags.set(MediaFlags::MEDIA_HANDOVER, request.has(Flag::MediaHandover));
    let Some(echo) = request.media_echo else { return };
    let (s, r) = match echo {
        MediaEcho::Blackhole => (MediaFlags::BLACKHOLE, MediaFlags::BLACKHOLE),
        MediaEcho::Forward => (MediaFlags::BLACKHOLE, MediaFlags::ECHO),
        MediaEcho::Backward => (MediaFlags::ECHO, MediaFlags::BLACKHOLE),
        MediaEcho::Both => (MediaFlags::ECHO, MediaFlags::ECHO),
    };
    for (media, flag) in [(sender, s), (receiver, r)] {
        media.flags.remove(MediaFlags::ECHO | MediaFlags::BLACKHOLE);
        media.flags.insert(flag);
    }
}

/// `mid` and `label` (§15.1, §17.4). True if the answer's mid is not the offered one.
fn names(
    sender: &mut Media,
    receiver: &mut Media,
    params: &StreamParams,
    request: &Request,
    answer: bool,
) -> bool {
    receiver.label.clone_from(&params.label);
    if answer {
        return params.mid.is_some() && sender.mid.is_some() && params.mid != sender.mid;
    }
    if params.mid.is_some() {
        sender.mid.clone_from(&params.mid);
    }
    if receiver.mid.is_none() {
        receiver.mid.clone_from(&sender.mid);
    }
    if receiver.mid.is_none() && request.has(Flag::GenerateMid) {
        receiver.mid = Some(Text::from(receiver.index.to_string()));
    }
    false
}

/// What the section says for the other side to be printed.
pub(super) fn take_section(sender: &mut Media, receiver: &mut Media, params: &StreamParams) {
    sender.section = Section {
        attributes: params.attributes.clone(),
        information: params.information.clone(),
        bandwidth: params.bandwidth,
        directions: params.directions,
        trickle_placeholder: params.is_trickle_placeholder(),
        candidates: params.ice.as_ref().map(|ice| ice.candidates.clone()).unwrap_or_default(),
        label: params.label.clone(),
    };
    sender.format = params.formats.clone();
    if sender.protocol == receiver.protocol {
        receiver.format = params.formats.clone();
    }
}

/// The sender's own flags, from a section that is not rejected (§23.1 step 3.5).
pub(super) fn take_flags(sender: &mut Media, params: &StreamParams, request: &Request, sdes: &SdesOptions) {
    let flags = &mut sender.flags;
    flags.set(MediaFlags::RTCP_MUX, params.rtcp_mux);
    flags.set(MediaFlags::ASYMMETRIC, request.has(Flag::Asymmetric));
    flags.set(MediaFlags::UNIDIRECTIONAL, request.has(Flag::Unidirectional));
    flags.set(MediaFlags::RTCP_FB, params.rtcp_fb);
    flags.set(MediaFlags::LEGACY_OSRTP, params.legacy_osrtp);
    flags.set(MediaFlags::LEGACY_OSRTP_REVERSE, params.legacy_osrtp_reversed);
    flags.set(MediaFlags::EXTMAP_SHORT, params.extmap_one_byte);
    ice_params::receive(sender, &received_ice(params));
    if !params.crypto.is_empty() {
        sender.flags.insert(MediaFlags::SDES);
    }
    if !params.crypto.is_empty() || sender.sdes.is_some() {
        sender.sdes.get_or_insert_default().receive(params.crypto.clone(), sdes);
    }
}

pub(super) fn received_ice(params: &StreamParams) -> Received {
    params.ice.as_ref().map_or_else(Received::default, |ice| Received {
        in_use: true,
        ufrag: ice.ufrag.clone(),
        pwd: ice.pwd.clone(),
        trickle: ice.trickle,
        ice2: ice.ice2,
        lite: ice.lite,
        end_of_candidates: ice.end_of_candidates,
    })
}

/// Preferred families of both sides (§7.4 rules 1 and 2).
pub(super) fn families(
    sender: &mut Media,
    receiver: &mut Media,
    params: &StreamParams,
    request: &Request,
    answer: bool,
) {
    let keeps = |media: &Media| media.has(MediaFlags::ICE) && media.ipv6.is_some();
    if let Some(rtp) = params.rtp
        && !keeps(sender)
    {
        sender.ipv6 = Some(rtp.is_ipv6());
    }
    if receiver.ipv6.is_none() {
        receiver.ipv6 = sender.ipv6;
    }
    if let Some(ipv6) = super::convert::ipv6(request.address_family)
        && !(keeps(receiver) && (answer || receiver.has(MediaFlags::INITIALIZED)))
    {
        receiver.ipv6 = Some(ipv6);
    }
}

/// §8: the sender's word, for both sides.
pub(super) fn directions(sender: &mut Media, receiver: &mut Media, params: &StreamParams) {
    let mut direction = params.direction;
    let unspecified = params.rtp.is_some_and(|rtp| rtp.ip().is_unspecified());
    if unspecified && !sender.has(MediaFlags::TRICKLE_ICE) {
        direction = direction.without_receive();
    }
    sender.flags.set(MediaFlags::RECV, direction.send);
    sender.flags.set(MediaFlags::SEND, direction.receive);
    receiver.flags.set(MediaFlags::SEND, direction.send);
    receiver.flags.set(MediaFlags::RECV, direction.receive);
}

/// SDES and DTLS towards the receiver (§12.4, §12.5).
fn keys(
    sender: &mut Media,
    receiver: &mut Media,
    answer: bool,
    request: &Request,
    options: &SdesOptions,
    random: &mut dyn super::ctx::Random,
) {
    if sender.has(MediaFlags::PASSTHROUGH) {
        drop_keys(sender);
    }
    if !receiver.is_srtp() || receiver.has(MediaFlags::PASSTHROUGH) {
        drop_keys(receiver);
    } else if answer {
        answer_keys(sender, receiver, request, options, random);
    } else {
        offer_keys(sender, receiver, request, options, random);
    }
    // The emitted offer keeps the received order, so this comes last (§12.6).
    if !answer && let Some(sdes) = &mut sender.sdes {
        sdes.prefer(options);
        let reordered = sdes.reordered;
        sender.flags.set(MediaFlags::SDES_REORDERED, reordered);
    }
}

pub(super) fn offer_keys(
    sender: &Media,
    receiver: &mut Media,
    request: &Request,
    options: &SdesOptions,
    random: &mut dyn super::ctx::Random,
) {
    if !receiver.flags.intersects(MediaFlags::DTLS | MediaFlags::SDES) {
        receiver.flags.set(MediaFlags::DTLS, !request.dtls.off);
        receiver.flags.set(MediaFlags::SDES, !request.sdes.off);
    }
    if receiver.has(MediaFlags::SDES) {
        let offered = sender.sdes.as_ref().map_or(&[][..], |sdes| &sdes.received);
        receiver.sdes.get_or_insert_default().offer(offered, options, random);
    }
    if receiver.has(MediaFlags::DTLS) {
        dtls_params::prepare(receiver, request.dtls_fingerprint, random);
        // An offer leaves both roles open.
        receiver.flags.insert(MediaFlags::SETUP_ACTIVE | MediaFlags::SETUP_PASSIVE);
    }
}

pub(super) fn answer_keys(
    sender: &Media,
    receiver: &mut Media,
    request: &Request,
    options: &SdesOptions,
    random: &mut dyn super::ctx::Random,
) {
    let usable = receiver.dtls.as_ref().is_some_and(|dtls| dtls.peer.is_some() && dtls.setup != Setup::None);
    let both = receiver.has(MediaFlags::DTLS | MediaFlags::SDES) && usable;
    if both && !request.dtls.off {
        receiver.flags.remove(MediaFlags::SDES);
        receiver.sdes = None;
    } else if both {
        receiver.flags.remove(MediaFlags::DTLS);
    }
    if receiver.has(MediaFlags::DTLS) {
        dtls_params::prepare(receiver, None, random);
    }
    if receiver.has(MediaFlags::SDES) {
        let answered = sender.sdes.as_ref().map_or(&[][..], |sdes| &sdes.received);
        receiver.sdes.get_or_insert_default().answer(answered, options, random);
    }
}

pub(super) fn drop_keys(media: &mut Media) {
    media
        .flags
        .remove(MediaFlags::DTLS | MediaFlags::SDES | MediaFlags::SETUP_ACTIVE | MediaFlags::SETUP_PASSIVE);
    if let Some(sdes) = &mut media.sdes {
        sdes.clear_own();
    }
    media.dtls = None;
}

/// Whether the extension that carries the mid is in use for this side.
pub(super) fn uses_mid_extension(media: &Media) -> bool {
    media.extmaps.id_of(MID_URI).is_some()
}

/// Whether ICE in this message shows the sender's own address (copied sections, §5.2).
pub(super) fn is_force_relay(request: &Request) -> bool {
    request.ice == Ice::ForceRelay
}
