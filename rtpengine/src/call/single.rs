//! What a party's own SDP does to its medias where no other side takes part: publish, subscribe answer, create answer.

use rtpengine_common::ng::{Flag, Ice, Request, present};
use rtpengine_common::sdp::{Extracted, StreamParams};

use super::Call;
use super::bundle;
use super::ctx::Ctx;
use super::dtls_params;
use super::error::Error;
use super::exchange::{self, UNKNOWN};
use super::exchange_ports::{address_count, interface_name};
use super::extmap::ExtMapOptions;
use super::ice_params::{self, IceOptions};
use super::ids::{LogicalId, MediaId, PartyId};
use super::media::{Media, MediaFlags};
use super::party::PartyFlags;
use super::port_maps::Wanted;
use super::sdes::SdesOptions;
use super::transport::{self, ProtocolOptions};
use crate::call::edge::EdgeFlags;

/// What a section's negotiation needs to know besides the section.
pub(super) struct Terms<'a> {
    pub request: &'a Request,
    /// The SDP answers an offer of ours.
    pub answer: bool,
    sdes: SdesOptions,
    extmap: ExtMapOptions,
}

impl<'a> Terms<'a> {
    pub(super) fn new(request: &'a Request, answer: bool) -> Self {
        Self {
            request,
            answer,
            sdes: SdesOptions::from_request(&request.sdes, answer),
            extmap: extmap_options(request),
        }
    }
}

/// The `extmap` dictionary of a request.
pub(super) fn extmap_options(request: &Request) -> ExtMapOptions {
    ExtMapOptions {
        strip: request.extmap.strip.iter().map(|uri| uri.to_vec()).collect(),
        mask: request.extmap.mask.iter().map(|uri| uri.to_vec()).collect(),
    }
}

impl Call {
    /// The party with this tag, made if there is none. A scheduled deletion of it or of the call is off.
    pub(super) fn party_with_tag(&mut self, tag: &[u8], call_id: u16, ctx: &Ctx<'_>) -> PartyId {
        let call = &mut self.signalling;
        let party = call.by_tag(tag).unwrap_or_else(|| {
            let party = call.new_party(call_id, ctx.now);
            call.party_mut(party).set_tag(tag);
            party
        });
        call.party_mut(party).deletion = None;
        call.deletion = None;
        party
    }

    /// What a message says about its sender as a whole.
    pub(super) fn take_party_items(&mut self, party: PartyId, extracted: &Extracted, request: &Request) {
        let state = self.signalling.party_mut(party);
        exchange::take_session(state, extracted, request.replace.session_name);
        if request.has(Flag::ExcludeRecording) {
            state.flags.insert(PartyFlags::EXCLUDE_RECORDING);
        }
        if request.has(Flag::BlockShort) {
            state.flags.insert(PartyFlags::BLOCK_SHORT);
        }
        bundle::receive(&mut self.signalling, party, extracted, request.bundle);
    }

    /// What a message calls its sender and its call.
    pub(super) fn take_names(&mut self, party: PartyId, request: &Request) {
        if let Some(label) = present(&request.label) {
            self.signalling.set_label(party, label);
        }
        self.take_metadata(Some(party), request);
    }

    /// The party's media for a section: by mid and type, else by position; `None` if there is none and `make` is off.
    pub(super) fn own_media(
        &mut self,
        party: PartyId,
        params: &StreamParams,
        used: &[MediaId],
        make: bool,
        ctx: &Ctx<'_>,
    ) -> Option<MediaId> {
        let medias = &self.signalling.party(party).medias;
        let by_mid = params.mid.as_ref().and_then(|mid| {
            medias.iter().copied().find(|id| {
                let media = self.signalling.media(*id);
                media.mid.as_ref() == Some(mid) && media.kind == params.media_type_text && !used.contains(id)
            })
        });
        let index = params.index as usize;
        match by_mid.or_else(|| medias.get(index.checked_sub(1)?).copied()) {
            Some(id) => Some(id),
            None if make => Some(self.media_at(party, index, ctx.now)),
            None => None,
        }
    }

    /// Takes over what a section says about its own party: everything but codecs, ports and endpoint.
    pub(super) fn take_own(
        &mut self,
        id: MediaId,
        params: &StreamParams,
        terms: &Terms<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        let owned = ctx.interfaces.owns(params.rtp.unwrap_or(UNKNOWN));
        let (request, answer, live) = (terms.request, terms.answer, params.port != 0);
        let media = self.signalling.media_mut(id);
        // The rules are about two sides; nobody is on the other one.
        let mut nobody = Media::new(media.party, media.index);
        exchange::media_options(media, &mut nobody, request);
        media.wanted_ports = params.ports_wanted();
        media.kind = params.media_type_text.clone();
        media.media_type = params.media_type;
        let received = exchange::protocol_of(params);
        transport::negotiate(media, &mut nobody, received, answer, &ProtocolOptions::default());
        if params.mid.is_some() && !answer {
            media.mid.clone_from(&params.mid);
        }
        media.flags.set(MediaFlags::LOOP_CHECK, owned && live);
        exchange::take_section(media, &mut nobody, params);
        if live {
            exchange::take_flags(media, params, request, &terms.sdes);
        }
        exchange::families(media, &mut nobody, params, request, answer);
        if let Some(ipv6) = nobody.ipv6.filter(|_| request.address_family.is_some() && !answer) {
            media.ipv6 = Some(ipv6);
        }
        media.extmaps.receive(&params.extmaps, &terms.extmap, !answer, request.bundle.accept);
        exchange::directions(media, &mut nobody, params);
        media.flags.set(MediaFlags::REJECTED, !live);
        if live {
            let options = IceOptions { mode: Ice::NotGiven, ..exchange::ice_options(request) };
            ice_params::decide(media, &mut nobody, answer, &options);
            if request.ice == Ice::Remove && !answer {
                media.flags.remove(MediaFlags::ICE);
            }
            dtls_params::receive(media, params, answer, request, ctx.random);
            if media.has(MediaFlags::PASSTHROUGH) {
                exchange::drop_keys(media);
            }
        }
        media.flags.insert(MediaFlags::INITIALIZED);
    }

    /// The one key or certificate that an answer to the party shows (sdp.md §12.5).
    pub(super) fn answer_own_keys(&mut self, id: MediaId, terms: &Terms<'_>, ctx: &mut Ctx<'_>) {
        let media = self.signalling.media_mut(id);
        if !media.is_srtp() || media.has(MediaFlags::PASSTHROUGH) {
            exchange::drop_keys(media);
            return;
        }
        let nobody = Media::new(media.party, media.index);
        exchange::answer_keys(&nobody, media, terms.request, &terms.sdes, ctx.random);
    }

    /// Interface, ICE credentials and ports of a media that stands alone. Its ports stay whatever its peer's address is.
    pub(super) fn open_own_ports(
        &mut self,
        id: MediaId,
        ports: usize,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let name = interface_name(request.interface.as_ref(), request.peer, ctx);
        self.choose_interface(id, name.as_deref(), ports, ctx)?;
        ice_params::ensure(self.signalling.media_mut(id), ctx.random);
        if self.shares_head(id) {
            self.share_sockets(id);
            return Ok(());
        }
        let media = self.signalling.media(id);
        let interface = media.interface.unwrap_or(LogicalId(0));
        let wanted = Wanted {
            endpoint: None,
            interface,
            ports,
            addresses: address_count(media, interface, ctx),
            latch: media.ports.current().is_some_and(|map| map.interface == interface),
            bundled: media.bundle.is_some(),
        };
        self.take_ports(id, &wanted, ctx)
    }

    /// The peer's ICE credentials from its SDP (§14.6).
    pub(super) fn own_credentials(
        &mut self,
        id: MediaId,
        params: &StreamParams,
        answer: bool,
        ctx: &mut Ctx<'_>,
    ) {
        let received = exchange::received_ice(params);
        if ice_params::credentials(self.signalling.media_mut(id), &received, !answer, ctx.random) {
            ctx.warn("ICE restart detected, but reset not allowed at this point");
        }
    }

    /// What an answer to an offer of ours, with nobody on the other side, does to a media apart from its codecs.
    pub(super) fn take_own_answer(
        &mut self,
        id: MediaId,
        params: &StreamParams,
        terms: &Terms<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        self.take_own(id, params, terms, ctx);
        let media = self.signalling.media_mut(id);
        if params.port == 0 {
            self.disable(id);
            return;
        }
        if media.dtls.as_ref().is_some_and(|dtls| dtls.peer.is_some()) && media.has(MediaFlags::DTLS) {
            // The peer chose DTLS.
            media.flags.remove(MediaFlags::SDES);
        } else if !params.crypto.is_empty() {
            media.flags.remove(MediaFlags::DTLS | MediaFlags::SETUP_ACTIVE | MediaFlags::SETUP_PASSIVE);
        }
        self.own_credentials(id, params, terms.answer, ctx);
        self.fill(id, params, terms.request, ctx.now);
        self.set_sdes_keys(id, ctx);
    }

    /// All medias that the given ones are linked with, and they themselves, get their flows anew.
    pub(super) fn compile_around(&mut self, medias: &[MediaId]) {
        let mut touched: Vec<MediaId> = medias.to_vec();
        let edges = self.signalling.edges.iter();
        let ends = edges.filter(|e| medias.contains(&e.source) || medias.contains(&e.sink));
        touched.extend(ends.flat_map(|e| [e.source, e.sink]));
        touched.sort_unstable();
        touched.dedup();
        for media in touched {
            self.compile(media);
        }
    }

    /// Whether packets of this media go anywhere by subscription.
    pub(super) fn feeds_somebody(&self, id: MediaId) -> bool {
        self.signalling.edges_from(id).any(|e| !e.flags.contains(EdgeFlags::RTCP_ONLY))
    }
}

/// 64 random hexadecimal digits: a tag that the client did not choose (ng-control.md §11.9).
pub(super) fn random_tag(ctx: &mut Ctx<'_>) -> Vec<u8> {
    let mut bytes = [0; 32];
    ctx.random.fill(&mut bytes);
    bytes.iter().flat_map(|byte| super::rewrite::hex_pair(*byte)).collect()
}
