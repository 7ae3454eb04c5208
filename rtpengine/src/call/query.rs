//! What `query` and `delete` tell about a call (ng-control.md §12.1 to §12.5).

use std::collections::HashSet;
use std::net::SocketAddr;

use rtpengine_common::ng::{Dict, Reply, Request, Value};

use super::Call;
use super::ctx::{Ctx, Now};
use super::dtmf::Triggers;
use super::edge::EdgeFlags;
use super::ids::{MediaId, PartyId, StreamId};
use super::media::{Media, MediaFlags};
use super::party::{Party, PartyFlags};
use super::settings::SsrcReporting;
use super::signalling::CallFlags;
use crate::flow::{Component, Counters, Quality, QualitySample, SsrcEntry, Stream};

impl Call {
    pub(super) fn query(&self, request: &Request, ctx: &Ctx<'_>) -> Reply {
        let tag = request.to_tag().or_else(|| request.from_tag());
        let mut reply = Reply::ok();
        self.statistics(&mut reply, tag.map(rtpengine_common::ng::ByteString::as_bytes), ctx);
        reply
    }

    /// Adds the keys of §12.1. With a tag only that party and the ones it receives from are reported; an unknown tag reports nobody.
    pub(super) fn statistics(&self, reply: &mut Reply, tag: Option<&[u8]>, ctx: &Ctx<'_>) {
        let call = &self.signalling;
        let parties = self.reported(tag.filter(|tag| !tag.is_empty()));
        let view = View { call: self, now: ctx.now, reporting: ctx.settings.ssrc_reporting };
        reply.add("created", call.created_us / 1_000_000);
        reply.add("created_us", call.created_us % 1_000_000);
        reply.add("created_ts", call.created_us);
        reply.add("last signal", call.last_signal.0);
        reply.add("last redis update", 0);
        if let Some(metadata) = &call.metadata {
            reply.add("metadata", metadata.to_vec());
        }
        if matches!(view.reporting, SsrcReporting::Full | SsrcReporting::Global) {
            reply.add("SSRC", view.ssrcs(&parties));
        }
        let mut tags = Dict::new();
        for &party in &parties {
            let name = call.party(party).tag.as_ref().map_or_else(
                || format!("<untagged {}>", party.index()).into_bytes(),
                |tag| tag.as_bytes().to_vec(),
            );
            tags.push(name, view.party(party));
        }
        reply.add("tags", tags);
        reply.add("totals", view.totals(&parties));
        if call.flags.contains(CallFlags::RECORDING_SET_UP) {
            let on = |flag| i64::from(call.flags.contains(flag));
            let recording = Dict::new()
                .with("call recording", on(CallFlags::RECORDING))
                .with("forwarding", on(CallFlags::FORWARDING));
            reply.add("recording", recording);
        }
    }

    fn reported(&self, tag: Option<&[u8]>) -> Vec<PartyId> {
        let call = &self.signalling;
        let Some(tag) = tag else {
            // A tag has one entry: that of the living party, if a deleted one had it before.
            let hidden = |party: &Party| {
                party.flags.contains(PartyFlags::DELETED)
                    && party.tag.as_ref().is_some_and(|tag| call.by_tag(tag.as_bytes()).is_some())
            };
            return call.party_ids().filter(|(_, party)| !hidden(party)).map(|(id, _)| id).collect();
        };
        let Some(party) = call.by_tag(tag) else { return Vec::new() };
        let mut parties = vec![party];
        for &media in &call.party(party).medias {
            for edge in call.edges_to(media) {
                let source = call.media(edge.source).party;
                if !parties.contains(&source) {
                    parties.push(source);
                }
            }
        }
        parties
    }
}

struct View<'a> {
    call: &'a Call,
    now: Now,
    reporting: SsrcReporting,
}

fn texts<'a>(items: impl Iterator<Item = &'a [u8]>) -> Vec<Value<'static>> {
    items.map(|item| Value::from(item.to_vec())).collect()
}

fn endpoint(address: Option<SocketAddr>) -> Dict<'static> {
    let Some(address) = address else { return Dict::new() };
    Dict::with_capacity(3)
        .with("family", family(address))
        .with("address", address.ip().to_string())
        .with("port", i64::from(address.port()))
}

fn family(address: SocketAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn counters(counters: Counters) -> Dict<'static> {
    Dict::with_capacity(3)
        .with("packets", counters.packets)
        .with("bytes", counters.bytes)
        .with("errors", counters.errors)
}

impl View<'_> {
    fn party(&self, id: PartyId) -> Dict<'static> {
        let call = &self.call.signalling;
        let party = call.party(id);
        let mut dict = Dict::with_capacity(12);
        dict.push("tag", party.tag.as_ref().map(|t| t.as_bytes().to_vec()).unwrap_or_default());
        if let Some(branch) = &party.branch {
            dict.push("via-branch", branch.as_bytes().to_vec());
        }
        if !party.aliases.is_empty() {
            dict.push("tag-aliases", texts(party.aliases.iter().map(super::ids::Name::as_bytes)));
        }
        if let Some(label) = &party.label {
            dict.push("label", label.as_bytes().to_vec());
        }
        dict.push("created", party.created);
        if let Some(metadata) = &party.metadata {
            dict.push("metadata", metadata.to_vec());
        }
        let peer = call.first_offer_answer_peer(id).and_then(|peer| call.party(peer).tag.as_ref());
        if let Some(peer) = peer {
            dict.push("in dialogue with", peer.as_bytes().to_vec());
        }
        dict.push(
            "subscriptions",
            self.links(party, |media| call.edges_to(media).map(|e| (e.source, e.flags)).collect()),
        );
        dict.push(
            "subscribers",
            self.links(party, |media| call.edges_from(media).map(|e| (e.sink, e.flags)).collect()),
        );
        let medias: Vec<Value<'static>> = party.medias.iter().map(|&m| self.media(m).into()).collect();
        dict.push("medias", medias);
        let triggers = party.dtmf.as_ref().map(|dtmf| &dtmf.triggers);
        let triggers = triggers.into_iter().flat_map(Triggers::listed).map(|(kind, digits, active)| {
            let trigger = Dict::new().with("type", kind.text()).with("trigger", digits.to_vec());
            Value::from(trigger.with("active", i64::from(active)))
        });
        dict.push("VSC", triggers.collect::<Vec<_>>());
        if call.flags.contains(CallFlags::RECORDING_SET_UP) {
            let on = |flag| i64::from(party.flags.contains(flag));
            let recording = Dict::new()
                .with("excluded", on(PartyFlags::EXCLUDE_RECORDING))
                .with("forwarding", on(PartyFlags::FORWARDING));
            dict.push("recording", recording);
        }
        dict
    }

    /// The parties at the other ends of a party's links, each once.
    fn links(
        &self,
        party: &Party,
        ends: impl Fn(MediaId) -> Vec<(MediaId, EdgeFlags)>,
    ) -> Vec<Value<'static>> {
        let call = &self.call.signalling;
        let mut seen = Vec::new();
        let mut list = Vec::new();
        for (media, flags) in party.medias.iter().flat_map(|&m| ends(m)) {
            let other = call.media(media).party;
            if seen.contains(&other) {
                continue;
            }
            seen.push(other);
            let tag = call.party(other).tag.as_ref().map(|t| t.as_bytes().to_vec()).unwrap_or_default();
            let kind = if flags.contains(EdgeFlags::OFFER_ANSWER) { "offer/answer" } else { "pub/sub" };
            list.push(Dict::new().with("tag", tag).with("type", kind).into());
        }
        list
    }

    fn media(&self, id: MediaId) -> Dict<'static> {
        let media = self.call.signalling.media(id);
        let plane = self.call.plane.media(id);
        let mut dict = Dict::with_capacity(8);
        dict.push("index", i64::from(media.index));
        dict.push("type", media.kind.to_vec());
        if let Some(protocol) = &media.protocol {
            dict.push("protocol", protocol.name().to_vec());
        }
        let codec =
            plane.and_then(crate::flow::MediaPlane::most_received).and_then(|pt| media.codecs.list.get(pt));
        if let Some(entry) = codec {
            let codec = &entry.codec;
            let text = if codec.channels > 1 {
                format!("{}/{}/{}", codec.name, codec.clock, codec.channels)
            } else {
                format!("{}/{}", codec.name, codec.clock)
            };
            dict.push("codec", text);
        }
        let streams: Vec<Value<'static>> =
            media.streams.iter().map(|&s| self.stream(id, media, s).into()).collect();
        dict.push("streams", streams);
        dict.push("flags", flags(media).map(Value::from).collect::<Vec<_>>());
        let (ingress, egress) = plane.map_or_else(Default::default, |plane| {
            (self.ssrc_list(plane.ssrc_in.by_recency()), self.ssrc_list(plane.ssrc_out.by_recency()))
        });
        dict.push("ingress SSRCs", ingress);
        dict.push("egress SSRCs", egress);
        dict
    }

    fn stream(&self, id: MediaId, media: &Media, stream: StreamId) -> Dict<'static> {
        let Some(state) = self.call.plane.stream(stream) else { return Dict::new() };
        let mut dict = Dict::with_capacity(13);
        if let Some(socket) = state.selected() {
            dict.push("local port", i64::from(socket.address.port()));
            dict.push("local address", socket.address.ip().to_string());
            dict.push("family", family(socket.address));
        }
        dict.push("endpoint", endpoint(state.endpoint()));
        dict.push("advertised endpoint", endpoint(state.advertised()));
        let signalled = media.sdes.as_ref().and_then(|sdes| Some(sdes.own.first()?.suite));
        let in_force = state.keys().outgoing.as_ref().map(|crypto| crypto.parameters().suite);
        if let Some(suite) = in_force.or(signalled).filter(|_| media.is_srtp()) {
            dict.push("crypto suite", suite.name());
        }
        let last = self.unix(state.last_packet());
        dict.push("last packet", last);
        dict.push("last kernel packet", 0);
        dict.push("last user packet", last);
        let first = self.call.plane.media(id).and_then(|p| p.ssrc_in.by_recency().last().map(|e| e.ssrc()));
        if let Some(ssrc) = first {
            dict.push("SSRC", i64::from(ssrc));
        }
        let at = media.streams.iter().position(|&known| known == stream);
        let verified = at.is_some_and(|at| self.call.agents.is_verified(id, at));
        dict.push("flags", stream_flags(media, state, verified).map(Value::from).collect::<Vec<_>>());
        dict.push("stats", counters(state.counters_in()));
        dict.push("stats_out", counters(state.counters_out()));
        dict
    }

    /// Unix seconds of a moment on the monotonic clock.
    fn unix(&self, at: std::time::Instant) -> u64 {
        let age = self.now.instant.saturating_duration_since(at);
        (self.now.unix_us / 1_000_000).saturating_sub(age.as_secs())
    }

    fn ssrc_list(&self, entries: Vec<&SsrcEntry>) -> Vec<Value<'static>> {
        if self.reporting == SsrcReporting::None {
            return Vec::new();
        }
        let inline = matches!(self.reporting, SsrcReporting::Full | SsrcReporting::Inline);
        entries
            .into_iter()
            .map(|entry| {
                let mut dict = Dict::new();
                dict.push("SSRC", i64::from(entry.ssrc()));
                if inline {
                    ssrc_members(&mut dict, entry);
                }
                dict.into()
            })
            .collect()
    }

    fn ssrcs(&self, parties: &[PartyId]) -> Dict<'static> {
        let call = &self.call.signalling;
        let mut dict: Dict<'static> = Dict::new();
        let mut seen = HashSet::new();
        let medias = parties.iter().flat_map(|&p| call.party(p).medias.iter());
        for entry in medias.filter_map(|&m| self.call.plane.media(m)).flat_map(|p| p.ssrc_in.by_recency()) {
            if seen.insert(entry.ssrc()) {
                let mut members = Dict::new();
                ssrc_members(&mut members, entry);
                dict.push(entry.ssrc().to_string(), members);
            }
        }
        dict
    }

    fn totals(&self, parties: &[PartyId]) -> Dict<'static> {
        let call = &self.call.signalling;
        let (mut rtp, mut rtcp) = (Counters::default(), Counters::default());
        let medias = parties.iter().flat_map(|&p| call.party(p).medias.iter()).map(|&m| call.media(m));
        for stream in medias.flat_map(|m| m.streams.iter()).filter_map(|&s| self.call.plane.stream(s)) {
            let sum = if stream.component() == Component::Rtp { &mut rtp } else { &mut rtcp };
            let counted = stream.counters_in();
            sum.packets += counted.packets;
            sum.bytes += counted.bytes;
            sum.errors += counted.errors;
        }
        Dict::new().with("RTP", counters(rtp)).with("RTCP", counters(rtcp))
    }
}

fn ssrc_members(dict: &mut Dict<'static>, entry: &SsrcEntry) {
    dict.push("bytes", entry.bytes());
    dict.push("packets", entry.packets());
    dict.push("last RTP timestamp", i64::from(entry.last_timestamp()));
    dict.push("last RTP seq", i64::from(entry.extended_sequence()));
    if let Some(quality) = entry.quality().filter(|quality| quality.samples() > 0) {
        quality_members(dict, entry, quality);
    }
}

/// What reports said about the call as this SSRC's side hears it.
fn quality_members(dict: &mut Dict<'static>, entry: &SsrcEntry, quality: &Quality) {
    dict.push("cumulative loss", i64::from(entry.lost()));
    dict.push("average MOS", figures(&quality.average()).with("samples", quality.samples()));
    for (name, sample) in [("lowest MOS", quality.lowest()), ("highest MOS", quality.highest())] {
        if let Some(sample) = sample {
            dict.push(name, reported(sample));
        }
    }
    let (interval, entries) = quality.progression();
    let entries: Vec<Value<'static>> = entries.into_iter().map(|sample| reported(sample).into()).collect();
    dict.push("MOS progression", Dict::new().with("interval", interval).with("entries", entries));
}

fn figures(sample: &QualitySample) -> Dict<'static> {
    Dict::new()
        .with("MOS", i64::from(sample.mos))
        .with("round-trip time", i64::from(sample.rtt_us))
        .with("round-trip time leg", i64::from(sample.rtt_leg_us))
        .with("jitter", i64::from(sample.jitter_ms))
        .with("packet loss", i64::from(sample.loss_percent))
}

fn reported(sample: &QualitySample) -> Dict<'static> {
    figures(sample).with("reported at", sample.reported_us / 1_000_000)
}

fn flags(media: &Media) -> impl Iterator<Item = &'static str> + '_ {
    MediaFlags::SHOWN.iter().filter(|(flag, _)| media.has(*flag)).map(|(_, name)| *name)
}

/// §12.4, in order.
fn stream_flags(media: &Media, stream: &Stream, verified: bool) -> impl Iterator<Item = &'static str> {
    let mux = media.has(MediaFlags::RTCP_MUX);
    let rtp = stream.component() == Component::Rtp;
    [
        (rtp, "RTP"),
        (!rtp || mux, "RTCP"),
        (!rtp && mux, "fallback RTCP"),
        (stream.filled(), "filled"),
        (stream.confirmed(), "confirmed"),
        (verified, "DTLS fingerprint verified"),
        (stream.spec().source.strict, "strict source address"),
        (stream.spec().source.handover, "media handover"),
    ]
    .into_iter()
    .filter(|(on, _)| *on)
    .map(|(_, name)| name)
}
