//! `subscribe request`: what a subscriber is offered (ng-control.md §11.9, sdp.md §22).

use rtpengine_common::ng::{Dict, Flag, IceLite, Reply, Request, Value};
use rtpengine_common::sdp::Text;
use smallvec::SmallVec;

use super::Call;
use super::codec_bridge;
use super::codecs;
use super::convert;
use super::ctx::Ctx;
use super::edge::EdgeFlags;
use super::error::Error;
use super::exchange;
use super::ice_params;
use super::ids::{MediaId, PartyId};
use super::media::{Media, MediaFlags, Protocol};
use super::mux::{self, MuxOptions};
use super::party::PartyFlags;
use super::sdes::SdesOptions;
use super::single::{extmap_options, random_tag};
use super::transport;

/// What a subscriber is offered.
struct Offered {
    legs: Vec<Leg>,
    /// Medias that lost links.
    left: Vec<MediaId>,
    sdp: Vec<u8>,
}

/// A section of the subscriber with the medias it gets.
struct Leg {
    media: MediaId,
    sources: SmallVec<[MediaId; 1]>,
}

impl Call {
    pub(super) fn subscribe_request(
        &mut self,
        request: &Request,
        call_id: u16,
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        let sources = self.sources(request, ctx)?;
        let tag = request.subscriber_tag().map_or_else(|| random_tag(ctx), |tag| tag.to_vec());
        let own = self.signalling.by_tag(&tag);
        let sources: Vec<MediaId> =
            sources.into_iter().filter(|&id| Some(self.signalling.media(id).party) != own).collect();
        if sources.is_empty() {
            return Err(Error::SubscribeRequest);
        }
        let former = self.former(&tag);
        let party = self.party_with_tag(&tag, call_id, ctx);
        let Offered { legs, left, sdp } = match self.offer_subscription(party, &sources, request, ctx) {
            Ok(offered) => offered,
            Err(error) => {
                self.restore(former, ctx);
                return Err(error);
            }
        };
        self.signalled(ctx.now);
        if let Some(label) = request.subscriber_label() {
            self.signalling.set_label(party, label);
        }
        self.take_dtmf(party, request, ctx);
        self.mark_printed(party);
        let sections = legs.iter().map(|leg| leg.media);
        let medias: Vec<MediaId> = sections.chain(sources.iter().copied()).chain(left).collect();
        self.compile_around(&medias);
        let mut reply = Reply::ok().with("sdp", sdp);
        self.describe(&mut reply, &legs, &sources, request);
        Ok(reply.with("to-tag", tag))
    }

    /// Gives the subscriber its sections and links. What the flows make of it comes afterwards.
    fn offer_subscription(
        &mut self,
        party: PartyId,
        sources: &[MediaId],
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<Offered, Error> {
        self.signalling.party_mut(party).flags.insert(PartyFlags::SUBSCRIBER);
        let legs = self.legs(party, sources, request.has(Flag::Mix), ctx);
        let left = self.replace_subscriptions(party, &legs, request);
        for leg in &legs {
            self.offer_leg(leg, request, ctx)?;
        }
        self.disable_unused(party, &legs);
        let sdp = self.rewrite(party, request, false, ctx).map_err(|_| Error::CreateSdp)?;
        Ok(Offered { legs, left, sdp })
    }

    /// Gives every source its section of the subscriber: the one it has, else one that lost its source, else a new one.
    fn legs(&mut self, party: PartyId, sources: &[MediaId], mix: bool, ctx: &Ctx<'_>) -> Vec<Leg> {
        let mut legs: Vec<Leg> = Vec::with_capacity(sources.len());
        let before: Vec<(MediaId, Option<MediaId>)> = {
            let call = &self.signalling;
            call.party(party).medias.iter().map(|&id| (id, self.subscribed_source(id))).collect()
        };
        for &source in sources {
            let kind = self.signalling.media(source).kind.clone();
            if mix
                && let Some(leg) = legs.iter_mut().find(|leg| self.signalling.media(leg.media).kind == kind)
            {
                leg.sources.push(source);
                continue;
            }
            let taken = |id: MediaId, legs: &[Leg]| legs.iter().any(|leg| leg.media == id);
            let kept = before.iter().find(|(id, from)| *from == Some(source) && !taken(*id, &legs));
            let freed = || {
                before.iter().find(|(id, from)| {
                    !from.is_some_and(|from| sources.contains(&from))
                        && self.signalling.media(*id).kind == kind
                        && !taken(*id, &legs)
                })
            };
            let media = match kept.or_else(freed) {
                Some(&(id, from)) => {
                    if from != Some(source) {
                        self.signalling.media_mut(id).label = None;
                    }
                    id
                }
                None => {
                    let next = self.signalling.party(party).medias.len() + 1;
                    self.media_at(party, next, ctx.now)
                }
            };
            let state = self.signalling.media_mut(media);
            state.kind = kind;
            legs.push(Leg { media, sources: SmallVec::from_elem(source, 1) });
        }
        legs.sort_by_key(|leg| self.signalling.media(leg.media).index);
        legs
    }

    /// The first source a section of a subscriber has by subscription.
    fn subscribed_source(&self, id: MediaId) -> Option<MediaId> {
        let mut edges = self.signalling.edges_to(id);
        let others = EdgeFlags::OFFER_ANSWER | EdgeFlags::RTCP_ONLY | EdgeFlags::INJECT;
        edges.find(|e| !e.flags.intersects(others)).map(|e| e.source)
    }

    /// Former subscriptions of the party give way to the new ones; blocked flows stay blocked. Returns the medias that lost links.
    fn replace_subscriptions(&mut self, party: PartyId, legs: &[Leg], request: &Request) -> Vec<MediaId> {
        let wanted = |source: MediaId, sink: MediaId| {
            legs.iter().any(|leg| leg.media == sink && leg.sources.contains(&source))
        };
        let medias = self.signalling.party(party).medias.clone();
        let mut touched: Vec<MediaId> = Vec::new();
        let call = &mut self.signalling;
        call.edges.retain(|e| {
            let incoming = medias.contains(&e.sink) && !wanted(e.source, e.sink);
            let outgoing = medias.contains(&e.source);
            let subscribed = !e.flags.intersects(EdgeFlags::OFFER_ANSWER | EdgeFlags::INJECT);
            let gone = (incoming || outgoing) && subscribed;
            if gone {
                touched.extend([e.source, e.sink]);
            }
            !gone
        });
        let forth = if request.has(Flag::Egress) { EdgeFlags::EGRESS } else { EdgeFlags::empty() };
        for leg in legs {
            for &source in &leg.sources {
                call.link(source, leg.media, forth);
                if request.has(Flag::Bidirectional) {
                    call.link(leg.media, source, EdgeFlags::empty());
                } else if request.has(Flag::MirrorRtcp) {
                    call.link(leg.media, source, EdgeFlags::RTCP_ONLY);
                }
            }
        }
        touched
    }

    /// Everything an offer to a subscriber says about one section.
    fn offer_leg(&mut self, leg: &Leg, request: &Request, ctx: &mut Ctx<'_>) -> Result<(), Error> {
        let Some(&from) = leg.sources.first() else { return Ok(()) };
        let number = from.index();
        // The rules of offers change both sides; the source is not to notice.
        let mut source = self.signalling.media(from).clone();
        let media = self.signalling.media_mut(leg.media);
        let mut mux = MuxOptions::from(&request.rtcp_mux);
        take_source(media, &source, number, request);
        if source.has(MediaFlags::REJECTED) {
            media.flags.insert(MediaFlags::REJECTED);
            self.disable(leg.media);
            return Ok(());
        }
        media.flags.remove(MediaFlags::REJECTED);
        mux::offer(&mut source, media, &mut mux);
        let mut ice = exchange::ice_options(request);
        // There is no sender to be lite towards (sdp.md §14.1).
        if ice.lite == Some(IceLite::Backward) {
            ice.lite = Some(IceLite::Off);
        }
        ice_params::decide(&mut source, media, false, &ice);
        let sdes = SdesOptions::from_request(&request.sdes, false);
        if media.is_srtp() && !media.has(MediaFlags::PASSTHROUGH) {
            exchange::offer_keys(&source, media, request, &sdes, ctx.random);
        } else {
            exchange::drop_keys(media);
        }
        let options = codec_bridge::options(request);
        let report = codec_bridge::with_environment(&ctx.settings.codecs, |environment| {
            codecs::subscribe_request(
                &source.codecs,
                &mut media.codecs,
                !source.is_rtp(),
                &options,
                environment,
            )
        });
        let all = usize::from(source.wanted_ports.max(1));
        let ports = if mux.require && media.has(MediaFlags::RTCP_MUX) && all == 2 { 1 } else { all };
        report.warnings.iter().for_each(|warning| ctx.warn(warning.to_string()));
        self.open_own_ports(leg.media, ports, request, ctx).map_err(|_| Error::SubscribeRequest)
    }

    /// Sections without a source any more are shown as rejected.
    fn disable_unused(&mut self, party: PartyId, legs: &[Leg]) {
        for id in self.signalling.party(party).medias.clone() {
            if !legs.iter().any(|leg| leg.media == id) && self.signalling.source_of(id).is_none() {
                self.signalling.media_mut(id).flags.insert(MediaFlags::REJECTED);
                self.disable(id);
            }
        }
    }

    /// The reply keys that say what the subscriber gets.
    fn describe(&self, reply: &mut Reply, legs: &[Leg], sources: &[MediaId], request: &Request) {
        let firsts: Vec<MediaId> = legs.iter().filter_map(|leg| leg.sources.first().copied()).collect();
        if let [only] = sources {
            reply.add("from-tag", self.tag_of(*only));
        }
        if request.has(Flag::Siprec) {
            let mut tag_medias: Vec<Value<'static>> = Vec::new();
            let mut labels: Dict<'static> = Dict::new();
            for &source in sources {
                tag_medias.push(self.tag_media(source).into());
                labels.push(source.index().to_string(), self.labelled_media(source));
            }
            reply.add("tag-medias", tag_medias);
            reply.add("media-labels", labels);
        }
        let tags: Vec<Value<'static>> = firsts.iter().map(|&id| Value::from(self.tag_of(id))).collect();
        reply.add("from-tags", tags);
    }

    fn tag_of(&self, id: MediaId) -> Vec<u8> {
        let call = &self.signalling;
        let tag = call.party(call.media(id).party).tag.as_ref();
        tag.map(|tag| tag.as_bytes().to_vec()).unwrap_or_default()
    }

    fn party_label(&self, id: MediaId) -> Option<Vec<u8>> {
        let call = &self.signalling;
        call.party(call.media(id).party).label.as_ref().map(|label| label.as_bytes().to_vec())
    }

    fn tag_media(&self, id: MediaId) -> Dict<'static> {
        let media = self.signalling.media(id);
        let mut dict = Dict::new().with("tag", self.tag_of(id));
        if let Some(label) = self.party_label(id) {
            dict.push("label", label);
        }
        let entry = Dict::new()
            .with("index", i64::from(media.index))
            .with("type", media.kind.to_vec())
            .with("label", id.index().to_string())
            .with("mode", mode(media));
        dict.with("medias", vec![Value::from(entry)])
    }

    fn labelled_media(&self, id: MediaId) -> Dict<'static> {
        let media = self.signalling.media(id);
        let mut dict = Dict::new()
            .with("tag", self.tag_of(id))
            .with("index", i64::from(media.index))
            .with("type", media.kind.to_vec());
        if let Some(label) = self.party_label(id) {
            dict.push("label", label);
        }
        dict.with("mode", mode(media))
    }
}

/// The direction of a media as seen by the daemon.
fn mode(media: &Media) -> &'static str {
    match (media.has(MediaFlags::SEND), media.has(MediaFlags::RECV)) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    }
}

/// What a subscriber's section takes over from its source.
fn take_source(media: &mut Media, source: &Media, number: usize, request: &Request) {
    media.media_type = source.media_type;
    media.wanted_ports = source.wanted_ports;
    media.protocol.clone_from(&source.protocol);
    if let Some(wanted) = transport::wanted(request)
        && source.is_rtp()
    {
        media.protocol = Some(Protocol::Known(wanted));
    }
    if media.protocol == source.protocol {
        media.format = source.format.clone();
    }
    if media.mid.is_none() && request.has(Flag::GenerateMid) {
        media.mid = Some(Text::from(media.index.to_string()));
    }
    if !request.has(Flag::Siprec) {
        media.label.clone_from(&source.section.label);
    } else if media.label.is_none() {
        media.label = Some(Text::from(number.to_string()));
    }
    let keeps = media.has(MediaFlags::ICE) && media.ipv6.is_some();
    if media.ipv6.is_none() {
        media.ipv6 = source.ipv6;
    }
    if let Some(ipv6) = convert::ipv6(request.address_family).filter(|_| !keeps) {
        media.ipv6 = Some(ipv6);
    }
    media.extmaps.offer_from(&source.extmaps, &extmap_options(request), true);
    media.codecs.set_audio(source.codecs.audio);
    let times = source.codecs.packet_time;
    media.codecs.packet_time.maxptime = times.maxptime;
    if times.ptime != 0 && !media.codecs.packet_time.overridden {
        media.codecs.packet_time.ptime = times.ptime;
    }
    let sends = source.has(MediaFlags::RECV) && !request.has(Flag::Inactive);
    let receives =
        source.has(MediaFlags::SEND) && request.has(Flag::Bidirectional) && !request.has(Flag::Inactive);
    media.flags.set(MediaFlags::SEND, sends);
    media.flags.set(MediaFlags::RECV, receives);
}
