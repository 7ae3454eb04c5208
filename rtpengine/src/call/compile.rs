//! From what was signalled to what happens to packets: one [`FlowSpec`] per stream.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smallvec::SmallVec;

use rtpengine_common::codec::dtmf::Mode;
use rtpengine_common::sdp::CryptoParams;
use rtpengine_common::srtp::Parameters;

use super::Call;
use super::agents::{runs_dtls, runs_ice};
use super::codec_bridge;
use super::codecs::DtmfBlock;
use super::ctx::Ctx;
use super::dtmf;
use super::edge::{Edge, EdgeFlags};
use super::extmap::MID_URI;
use super::ids::{MediaId, StreamId};
use super::media::{Media, MediaFlags};
use super::party::PartyFlags;
use super::signalling::{CallFlags, Signalling};
use crate::flow::{
    BufferSpec, Bundle, BundleMember, Crypto, DtmfSpec, Extensions, FlowKind, FlowSpec, JitterSettings, Keys,
    Level, MirrorSpec, PayloadTypes, PtAction, PtTable, RtcpSinkSpec, SinkSpec, SourcePolicy,
};

impl Call {
    /// Puts the flows of a media's streams in force.
    pub(super) fn compile(&mut self, id: MediaId) {
        let specs: SmallVec<[(StreamId, FlowSpec); 2]> = {
            let build = Build::of(&self.signalling, id, self.dtls.is_some(), self.jitter);
            let streams = build.media.streams.iter().enumerate();
            streams.map(|(at, &stream)| (stream, build.spec(at, stream))).collect()
        };
        for (stream, spec) in specs {
            self.plane.set_spec(stream, spec);
        }
        #[cfg(feature = "codec")]
        self.compile_fax(id);
    }

    /// Puts the SDES keys of a media in force: the first one of the peer, and the one we settled on with it. While an offer is
    /// open several of ours are on the table and the previous one stays (media-plane.md §9.5).
    pub(super) fn set_sdes_keys(&mut self, id: MediaId, ctx: &mut Ctx<'_>) {
        let media = self.signalling.media(id);
        let Some(sdes) = media.sdes.as_ref().filter(|_| media.is_srtp() && media.has(MediaFlags::SDES))
        else {
            return;
        };
        let crypto = |params: &CryptoParams| Crypto::new(params.parameters());
        let incoming = sdes.received.first().map(crypto).transpose();
        let outgoing = match sdes.own.as_slice() {
            [own] => Some(crypto(own)).transpose(),
            _ => Ok(media.rtp().and_then(|s| self.plane.keys(s)).and_then(|keys| keys.outgoing.clone())),
        };
        let (Ok(incoming), Ok(outgoing)) = (incoming, outgoing) else {
            ctx.log(Level::Error, "Failed to generate SRTP session keys");
            return;
        };
        let keys = Keys { incoming, outgoing };
        let mut changed = false;
        for &stream in &media.streams {
            changed |= self.plane.set_keys(stream, keys.clone());
        }
        if changed {
            log_keys(ctx, [keys.incoming, keys.outgoing]);
        }
    }

    /// Puts all flows of the call in force.
    pub(super) fn compile_all(&mut self) {
        for at in 0..self.signalling.medias.len() {
            self.compile(MediaId::at(at));
        }
    }
}

/// Logs the keys of both directions (media-plane.md §9.5 rule 6).
pub(super) fn log_keys(ctx: &mut Ctx<'_>, keys: [Option<Arc<Crypto>>; 2]) {
    let level = if ctx.settings.log_srtp_keys { Level::Error } else { Level::Debug };
    for (direction, crypto) in ["incoming", "outgoing"].into_iter().zip(keys) {
        let Some(crypto) = crypto else { continue };
        let Parameters { suite, key: master, .. } = crypto.parameters();
        let (key, salt) = (STANDARD.encode(master.key()), STANDARD.encode(master.salt()));
        ctx.log(level, format!("--- {} key {key} salt {salt} ({direction})", suite.name()));
    }
}

#[cfg(feature = "codec")]
impl Call {
    /// Puts the T.38 gateways in force that a media takes part in, or ends the one it had.
    fn compile_fax(&mut self, id: MediaId) {
        let sinks: SmallVec<[MediaId; 2]> = self.signalling.edges_from(id).map(|edge| edge.sink).collect();
        for image in sinks.into_iter().chain([id]) {
            let Some(stream) = self.signalling.media(image).rtp() else { continue };
            match fax(&self.signalling, image, stream) {
                Some(spec) => self.plane.set_fax(spec, self.signalling.last_signal.1),
                None => self.plane.end_fax(stream),
            }
        }
    }
}

/// The gateway between an image media and the audio media it faces.
#[cfg(feature = "codec")]
fn fax(call: &Signalling, id: MediaId, image: StreamId) -> Option<crate::flow::FaxSpec> {
    use rtpengine_common::t38::gateway::{AudioCodec, RtpStart};
    /// Packet time of the gateway's audio where the codec allows it, in ms (codecs.md §19.5 rule 1).
    const PACKET_TIME: u32 = 20;
    let (other, gateway) = call.fax_audio(id)?;
    let (own, audio) = (call.media(id), call.media(other));
    if own.has(MediaFlags::REJECTED) || audio.has(MediaFlags::REJECTED) {
        return None;
    }
    let codecs = audio.codecs.list.entries().iter().filter(|e| e.codec.is_audio() && e.codec.is_supported());
    let may_pass = |from: MediaId, to: MediaId| {
        let (source, sink) = (call.media(from), call.media(to));
        let edge = call.edges_from(from).find(|edge| edge.sink == to);
        let blocked = edge.and_then(|edge| actions(call, source, sink, edge));
        sink.has(MediaFlags::SEND)
            && !sink.has(MediaFlags::BLACKHOLE)
            && !blocked.is_some_and(|table| table.default == PtAction::Drop)
    };
    Some(crate::flow::FaxSpec {
        image,
        audio: audio.rtp()?,
        options: gateway.options,
        codecs: codecs
            .map(|entry| AudioCodec {
                payload_type: entry.payload_type,
                codec: entry.codec.clone(),
                packet_time: entry.codec.packet_time(entry.payload_type, PACKET_TIME),
            })
            .collect(),
        ssrc: gateway.ssrc,
        start: RtpStart { sequence_number: gateway.sequence_number, timestamp: gateway.timestamp },
        to_image: own.rtp().is_some() && may_pass(other, id),
        to_audio: may_pass(id, other),
    })
}

/// What the streams of a media have in common: found once, because a call with many branches has many links to look through.
struct Build<'a> {
    call: &'a Signalling,
    id: MediaId,
    media: &'a Media,
    /// There is a certificate, so that DTLS can run.
    certificate: bool,
    /// The jitter buffer the operator wants.
    jitter: Option<JitterSettings>,
    /// The links that carry the media, those of T.38 gateways aside.
    edges: SmallVec<[&'a Edge; 2]>,
    /// The links to egress subscribers of the media.
    egress: SmallVec<[&'a Edge; 1]>,
    /// The media takes part in a T.38 gateway.
    fax: bool,
    /// Something looks at packets or makes some, so that they cannot pass enciphered.
    recrypt: bool,
    extensions: Option<Arc<Extensions>>,
    payload_types: Option<Arc<PayloadTypes>>,
}

impl<'a> Build<'a> {
    fn of(call: &'a Signalling, id: MediaId, certificate: bool, jitter: Option<JitterSettings>) -> Self {
        let media = call.media(id);
        let mut edges: SmallVec<[&Edge; 2]> = call.edges_from(id).collect();
        let recrypt =
            media.has(MediaFlags::RECRYPT) || inject_dtmf(call, id, &edges) || reads_dtmf(call, id, &edges);
        let egress = edges.iter().copied().filter(|edge| edge.flags.contains(EdgeFlags::EGRESS)).collect();
        let count = edges.len();
        edges.retain(|edge| !call.is_fax_pair(id, edge.sink));
        Self {
            call,
            id,
            media,
            certificate,
            jitter,
            fax: edges.len() != count || call.fax_audio(id).is_some(),
            edges,
            egress,
            recrypt,
            extensions: extensions(media),
            payload_types: codec_bridge::payload_types(&media.codecs),
        }
    }

    /// The flow of the stream at position `at`.
    fn spec(&self, at: usize, stream: StreamId) -> FlowSpec {
        let &Self { call, id, media, .. } = self;
        let raw = media.has(MediaFlags::PASSTHROUGH) || !media.is_rtp();
        let rtcp = at % 2 == 1;
        let kind = match (raw, rtcp) {
            (true, _) => FlowKind::Raw,
            (false, true) => FlowKind::Rtcp,
            (false, false) => FlowKind::Rtp,
        };
        let component = |media: &Media| media.streams.get(at).copied();
        FlowSpec {
            kind,
            source: SourcePolicy {
                strict: media.has(MediaFlags::STRICT_SOURCE),
                handover: media.has(MediaFlags::MEDIA_HANDOVER),
                asymmetric: media.has(MediaFlags::ASYMMETRIC),
                unidirectional: media.has(MediaFlags::UNIDIRECTIONAL),
            },
            ice: runs_ice(media, id),
            dtls: self.certificate && runs_dtls(media, id),
            srtp: media.is_srtp(),
            recrypt: self.recrypt,
            loop_check: media.has(MediaFlags::LOOP_CHECK),
            blackhole: media.has(MediaFlags::BLACKHOLE),
            receives: media.has(MediaFlags::RECV),
            own_sdp: media.has(MediaFlags::PRINTED),
            rtcp_terminated: media.has(MediaFlags::RTCP_GENERATOR) || self.fax,
            generate_rtcp: !rtcp && media.has(MediaFlags::RTCP_GENERATOR),
            pierce_nat: media.has(MediaFlags::PIERCE_NAT),
            nat_wait: media.has(MediaFlags::NAT_WAIT),
            extensions: self.extensions.clone(),
            head: media.bundle.filter(|&head| head != id).and_then(|head| component(call.media(head))),
            bundle: bundle(call, id, at),
            payload_types: self.payload_types.clone(),
            buffers: if rtcp { None } else { buffers(call, media, self.jitter) },
            fax: !rtcp && self.fax,
            dtmf: if kind == FlowKind::Rtp { dtmf_spec(call, media) } else { None },
            rtp: self.sinks(at, stream),
            rtcp: self.rtcp_sinks(at, stream),
        }
    }

    fn sinks(&self, at: usize, stream: StreamId) -> SmallVec<[SinkSpec; 1]> {
        let &Self { call, media, .. } = self;
        // RTCP streams of RTP medias have only RTCP sinks; of others both components are copied alike.
        if at % 2 == 1 && media.is_rtp() && !media.has(MediaFlags::PASSTHROUGH) {
            return SmallVec::new();
        }
        if media.has(MediaFlags::ECHO) {
            let mut back = SinkSpec::forward(None, stream);
            back.transcode.clone_from(&media.transform);
            return SmallVec::from_elem(back, 1);
        }
        let mirrors = self.mirrors(at);
        self.edges
            .iter()
            .filter(|e| e.flags.is_plain() || is_mixed_in(call, e))
            .filter_map(|e| {
                let sink = call.media(e.sink);
                let to = *sink.streams.get(at)?;
                let mut spec = SinkSpec::forward(Some(e.id), to);
                spec.delivers = sink.has(MediaFlags::SEND)
                    && !sink.flags.intersects(MediaFlags::BLACKHOLE | MediaFlags::BLOCK_EGRESS);
                spec.actions = actions(call, media, sink, e);
                spec.transcode.clone_from(&e.codecs.transcode);
                spec.mixed = sink.has(MediaFlags::AUDIO_PLAYER);
                if e.flags.is_plain() {
                    spec.mirrors.clone_from(&mirrors);
                }
                Some(spec)
            })
            .collect()
    }

    /// Egress subscribers of a media: they get what goes to each of its other sinks.
    fn mirrors(&self, at: usize) -> Vec<MirrorSpec> {
        self.egress
            .iter()
            .filter_map(|e| {
                let sink = self.call.media(e.sink);
                let listens = sink.has(MediaFlags::SEND) && !sink.has(MediaFlags::BLACKHOLE);
                let to = *sink.streams.get(at).filter(|_| listens)?;
                Some(MirrorSpec { edge: Some(e.id), to })
            })
            .collect()
    }

    fn rtcp_sinks(&self, at: usize, stream: StreamId) -> SmallVec<[RtcpSinkSpec; 1]> {
        let &Self { call, media, .. } = self;
        if !media.is_rtp() || media.has(MediaFlags::PASSTHROUGH) {
            return SmallVec::new();
        }
        if media.has(MediaFlags::ECHO) {
            let to = if at % 2 == 1 && media.has(MediaFlags::RTCP_MUX) {
                media.rtp().unwrap_or(stream)
            } else {
                stream
            };
            return SmallVec::from_elem(
                RtcpSinkSpec { edge: None, to, strip_feedback: false, translate: media.transform.is_some() },
                1,
            );
        }
        let pair = at - at % 2;
        self.edges
            .iter()
            .filter(|e| !e.flags.intersects(EdgeFlags::EGRESS | EdgeFlags::INJECT))
            .filter_map(|e| {
                let sink = call.media(e.sink);
                // A player is the source of what that side hears (media-plane.md §13.2).
                if sink.flags.intersects(MediaFlags::BLOCK_EGRESS | MediaFlags::AUDIO_PLAYER) {
                    return None;
                }
                let offset = usize::from(!sink.has(MediaFlags::RTCP_MUX));
                let to = *sink.streams.get(pair + offset)?;
                let from_avpf = media.transport().is_some_and(rtpengine_common::sdp::Transport::is_avpf);
                let to_avpf = sink.transport().is_some_and(rtpengine_common::sdp::Transport::is_avpf)
                    || sink.has(MediaFlags::RTCP_FB);
                Some(RtcpSinkSpec {
                    edge: Some(e.id),
                    to,
                    strip_feedback: from_avpf && !to_avpf,
                    translate: e.codecs.transcode.is_some(),
                })
            })
            .collect()
    }
}

/// What is to be known of the digits of a media, and what hides them (codecs.md §10.4, §18.7).
fn dtmf_spec(call: &Signalling, media: &Media) -> Option<Arc<DtmfSpec>> {
    let party = call.party(media.party);
    let settings = party.dtmf.as_deref();
    if settings.is_none() && call.dtmf == DtmfBlock::Off && !party.flags.contains(PartyFlags::DETECT_DTMF) {
        return None;
    }
    let policy = dtmf::policy(call.dtmf, settings);
    let armed = settings.is_some_and(|settings| settings.triggers.is_armed());
    let acted_on = policy.mode != Mode::Off || policy.delay_ms != 0 || armed;
    let no_events = codec_bridge::telephone_events(&media.codecs).next().is_none();
    let listens = party.flags.contains(PartyFlags::DETECT_DTMF) || (no_events && acted_on);
    // Digits that wait in the delay buffer are hidden too when a trigger fires: they have to be known by then.
    let will_hide = settings.is_some_and(|settings| settings.triggers.may_hide());
    let hides = policy.mode.is_replacing() || policy.delay_ms != 0 || will_hide;
    if !hides && !listens {
        return None;
    }
    let audio = || codec_bridge::decodable(&media.codecs);
    let clock = audio().next().map_or(8000, |(_, codec, _)| codec.clock);
    let listen = if listens { audio().collect() } else { Vec::new() };
    Some(Arc::new(DtmfSpec { policy, clock, listen }))
}

/// How the packets of a media are held back (media-plane.md §18).
fn buffers(call: &Signalling, media: &Media, jitter: Option<JitterSettings>) -> Option<Arc<BufferSpec>> {
    let delay = call.party(media.party).dtmf.as_ref().map_or(0, |dtmf| dtmf.delay_buffer_ms);
    let buffered =
        media.is_rtp() && !media.flags.intersects(MediaFlags::PASSTHROUGH | MediaFlags::NO_JITTER_BUFFER);
    let spec = BufferSpec {
        jitter: jitter.filter(|_| buffered),
        delay: Duration::from_millis(u64::from(delay)),
        events: codec_bridge::telephone_events(&media.codecs).collect(),
    };
    (spec.jitter.is_some() || delay != 0).then(|| Arc::new(spec))
}

/// Whether DTMF injection was asked for at either end of a media.
fn inject_dtmf(call: &Signalling, id: MediaId, from: &[&Edge]) -> bool {
    let asked = |media: MediaId| call.party(call.media(media).party).flags.contains(PartyFlags::INJECT_DTMF);
    asked(id) || from.iter().any(|e| asked(e.sink))
}

/// Whether the digits of a media have to be read, or were put into it, so that its packets cannot pass enciphered.
fn reads_dtmf(call: &Signalling, id: MediaId, from: &[&Edge]) -> bool {
    let party = call.party(call.media(id).party).dtmf.as_ref();
    let armed = party.is_some_and(|dtmf| dtmf.triggers.is_armed());
    let injected = |e: &Edge| e.flags.contains(EdgeFlags::DIGITS);
    let blocked = dtmf::mode_in_force(call.dtmf, party.map(|dtmf| &**dtmf)) != DtmfBlock::Off;
    call.dtmf_logged
        || armed
        || blocked
        || from.iter().any(|e| injected(e))
        || call.edges_to(id).any(injected)
}

/// The header extensions that may pass to or from this media.
fn extensions(media: &Media) -> Option<Arc<Extensions>> {
    let list = &media.extmaps.list;
    if list.is_empty() {
        return None;
    }
    let mid_id = media.extmaps.id_of(MID_URI);
    Some(Arc::new(Extensions {
        ids: list.iter().map(|e| e.map.id).filter(|id| Some(*id) != mid_id).collect(),
        mid_id,
        mid: media.mid.as_ref().map(|mid| mid.as_bytes().into()).unwrap_or_default(),
        allow_mixed: !media.has(MediaFlags::EXTMAP_SHORT),
    }))
}

/// For the head of an accepted bundle: the medias whose packets arrive on its sockets.
fn bundle(call: &Signalling, id: MediaId, at: usize) -> Option<Arc<Bundle>> {
    let media = call.media(id);
    if media.bundle != Some(id) {
        return None;
    }
    let medias = &call.party(media.party).medias;
    let members = medias.iter().map(|&m| call.media(m)).filter(|m| m.bundle == Some(id)).filter_map(|m| {
        Some(BundleMember {
            stream: m.streams.get(at).copied()?,
            mid: m.mid.as_ref().map(|mid| mid.as_bytes().into()).unwrap_or_default(),
            payload_types: m.codecs.list.formats().collect(),
        })
    });
    Some(Arc::new(Bundle { mid_id: media.extmaps.id_of(MID_URI), members: members.collect() }))
}

/// Whether a link injects: there is an audio player that mixes, and the sink does not hear the source anyway.
fn is_mixed_in(call: &Signalling, edge: &Edge) -> bool {
    edge.flags.contains(EdgeFlags::INJECT)
        && call.media(edge.sink).has(MediaFlags::AUDIO_PLAYER)
        && !call.edges_from(edge.source).any(|other| other.sink == edge.sink && other.flags.is_plain())
}

/// What a link does with single payload types (media-plane.md §17); nothing for plain forwarding.
fn actions(call: &Signalling, media: &Media, sink: &Media, edge: &Edge) -> Option<Arc<PtTable>> {
    let party = call.party(media.party).flags;
    let blocked = call.flags.contains(CallFlags::BLOCK_MEDIA)
        || party.contains(PartyFlags::BLOCK_MEDIA)
        || edge.flags.contains(EdgeFlags::BLOCKED);
    let silenced = call.flags.contains(CallFlags::SILENCE_MEDIA)
        || party.contains(PartyFlags::SILENCE_MEDIA)
        || edge.flags.contains(EdgeFlags::SILENCED);
    // Modes that replace DTMF need its audio; where nothing is transcoded they keep digits from passing all the same.
    let dtmf = dtmf::mode_in_force(call.dtmf, call.party(media.party).dtmf.as_deref());
    let no_dtmf = dtmf == DtmfBlock::Drop || (dtmf.is_replacing() && !edge.codecs.transcodes());
    let block_short = party.contains(PartyFlags::BLOCK_SHORT);
    if !(blocked || silenced || no_dtmf || block_short) {
        return None;
    }
    let mut table = PtTable::default();
    if blocked {
        table.default = PtAction::Drop;
        if codec_bridge::telephone_events(&sink.codecs).next().is_some() {
            table
                .rules
                .extend(codec_bridge::telephone_events(&media.codecs).map(|pt| (pt, PtAction::Forward)));
        }
    } else if silenced {
        table.rules.extend(
            codec_bridge::silence_octets(&media.codecs).map(|(pt, octet)| (pt, PtAction::Silence(octet))),
        );
    }
    if no_dtmf {
        table
            .rules
            .retain(|(pt, _)| !codec_bridge::telephone_events(&media.codecs).any(|event| event == *pt));
        table.rules.extend(codec_bridge::telephone_events(&media.codecs).map(|pt| (pt, PtAction::Drop)));
    }
    if block_short {
        table.block_short.extend(codec_bridge::fixed_size(&media.codecs));
    }
    (table != PtTable::default()).then(|| Arc::new(table))
}
