//! What links do with the codecs of their sources (codecs.md §§6, 7, 10).
//!
//! Handlers are part of what was signalled, not derived when flows are compiled: an offer leaves those from its sender in force
//! until the answer.

use std::sync::Arc;

use rtpengine_common::codec::stream::{GapFilling, Known, Route, SilenceDetection};
use rtpengine_common::ng::{Flag, Request};

use super::Call;
use super::codec_bridge::with_environment;
use super::codecs::{
    HandlerKey, HandlerPolicy, MediaCodecs, SinkPolicy, SourcePolicy, TranscodeConfig, handlers,
};
use super::dtmf;
use super::edge::EdgeFlags;
use super::ids::{EdgeId, MediaId};
use super::media::MediaFlags;
use super::party::PartyFlags;
use super::remote;
use crate::flow::{Chains, Gaps, Transcode};

/// What the operator configured about codecs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodecSettings {
    /// Sections of `--transcode-config`.
    pub transcode_config: TranscodeConfig,
    /// `--silence-detect`, `--cn-payload`
    pub silence: Option<SilenceDetection>,
    /// `--dtmf-no-suppress`
    pub no_suppress: bool,
    /// `--dtx-delay` and its companions; `None`: gaps are not filled.
    pub gaps: Option<GapFilling>,
    /// The chains of codecs in use, of all calls.
    pub chains: Arc<Chains>,
}

/// What a link does with codecs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkCodecs {
    /// `allow asymmetric codecs` of the exchange that decided last.
    pub asymmetric: bool,
    /// `force transcoding` of that exchange.
    pub forced: bool,
    /// How the sink transcodes, if it does.
    pub transcode: Option<Arc<Transcode>>,
    /// The handlers that a remote endpoint is to work for.
    pub remote: Box<[Arc<HandlerKey>]>,
}

impl LinkCodecs {
    /// Whether some payload type is transcoded.
    #[must_use]
    pub fn transcodes(&self) -> bool {
        self.transcode.as_ref().is_some_and(|transcode| !transcode.routes.is_empty())
    }
}

/// Every number under which the source may send.
pub(super) fn known_numbers(source: &MediaCodecs) -> Vec<Known> {
    let entries = source.list.entries().iter();
    entries
        .flat_map(|entry| {
            let known = |payload_type| Known { payload_type, audio: entry.codec.supplemental.is_none() };
            std::iter::once(entry.payload_type).chain(entry.answered_as).map(known)
        })
        .collect()
}

impl Call {
    /// Handlers of the link between two medias that one message is about. `refused`: the rule of refused supplementals (§10.2) applies.
    pub(super) fn exchange_handlers(
        &mut self,
        source: MediaId,
        sink: MediaId,
        request: &Request,
        refused: bool,
    ) {
        let edges = &mut self.signalling.edges;
        let Some(edge) = edges.iter_mut().find(|edge| (edge.source, edge.sink) == (source, sink)) else {
            return;
        };
        edge.codecs.asymmetric = request.has(Flag::AllowAsymmetricCodecs);
        edge.codecs.forced = request.has(Flag::ForceTranscoding);
        let id = edge.id;
        self.update_handlers(id, refused);
    }

    /// Handlers of every link of the given medias, outside of an exchange.
    pub(super) fn renew_handlers(&mut self, medias: &[MediaId]) {
        let edges = self.signalling.edges.iter();
        let concerned = edges.filter(|edge| medias.contains(&edge.source) || medias.contains(&edge.sink));
        let concerned: Vec<EdgeId> = concerned.map(|edge| edge.id).collect();
        concerned.into_iter().for_each(|edge| self.update_handlers(edge, true));
    }

    /// Handlers of the links between the medias of each pair, both ways; other links of theirs stay as their exchange left them.
    pub(super) fn renew_between(&mut self, pairs: &[(MediaId, MediaId)]) {
        let edges = self.signalling.edges.iter();
        let between = edges.filter(|edge| {
            pairs.contains(&(edge.source, edge.sink)) || pairs.contains(&(edge.sink, edge.source))
        });
        let between: Vec<EdgeId> = between.map(|edge| edge.id).collect();
        between.into_iter().for_each(|edge| self.update_handlers(edge, true));
    }

    /// Handlers of what a media is injected into.
    pub(super) fn renew_injected(&mut self, source: MediaId) {
        let edges = self.signalling.edges_from(source).filter(|edge| edge.flags.contains(EdgeFlags::INJECT));
        let injections: Vec<EdgeId> = edges.map(|edge| edge.id).collect();
        injections.into_iter().for_each(|edge| self.update_handlers(edge, true));
    }

    /// Handlers of every link of the call, outside of an exchange.
    pub(super) fn renew_all_handlers(&mut self) {
        let all: Vec<EdgeId> = self.signalling.edges.iter().map(|edge| edge.id).collect();
        all.into_iter().for_each(|edge| self.update_handlers(edge, true));
    }

    fn update_handlers(&mut self, id: EdgeId, refused: bool) {
        let call = &self.signalling;
        let Some(at) = call.edges.iter().position(|edge| edge.id == id) else { return };
        let edge = &call.edges[at];
        let (source, sink) = (call.media(edge.source), call.media(edge.sink));
        let policy = HandlerPolicy {
            asymmetric: edge.codecs.asymmetric,
            force_transcoding: edge.codecs.forced,
            refused_supplementals: refused,
            source: self.source_policy(edge.source),
            sink: self.sink_policy(edge.sink),
        };
        let injects =
            |media: MediaId| call.party(call.media(media).party).flags.contains(PartyFlags::INJECT_DTMF);
        let stays = injects(edge.source) || injects(edge.sink);
        let mut wanted = Box::default();
        let transcode = (source.is_rtp() && sink.is_rtp()).then(|| {
            let table = with_environment(&self.codecs, |environment| {
                handlers(&source.codecs, &sink.codecs, &policy, environment)
            });
            let routes = table.routes(&source.codecs);
            if !stays {
                wanted = remote::wanted(&table, &policy);
            }
            let remote = self.remotes.numbers(id, &wanted);
            let renumbers = !routes.is_empty() || policy.sink.inject_dtmf;
            renumbers.then(|| self.transcode(routes, known_numbers(&source.codecs), remote))
        });
        let from = edge.source;
        let codecs = &mut self.signalling.edges[at].codecs;
        codecs.remote = wanted;
        match transcode.flatten() {
            Some(transcode) if codecs.transcode.as_deref() == Some(&transcode) => {}
            transcode => codecs.transcode = transcode.map(Arc::new),
        }
        let transcoding = self.signalling.edges_from(from).any(|edge| edge.codecs.transcodes());
        self.signalling.media_mut(from).flags.set(MediaFlags::TRANSCODING, transcoding);
    }

    /// How a sink transcodes that has these routes, for a source that may send under the `known` numbers, of which the `remote` ones go to
    /// remote endpoints.
    pub(super) fn transcode(&self, routes: Vec<Route>, known: Vec<Known>, remote: Vec<u8>) -> Transcode {
        Transcode {
            chains: self.codecs.chains.handlers(&routes, &remote),
            remote,
            routes,
            silence: self.codecs.silence.clone(),
            no_suppress: self.codecs.no_suppress,
            gaps: self.codecs.gaps.clone().map(|filling| Gaps { filling, known }),
        }
    }

    fn source_policy(&self, media: MediaId) -> SourcePolicy {
        let call = &self.signalling;
        let party = call.party(call.media(media).party);
        let settings = party.dtmf.as_deref();
        SourcePolicy {
            dtmf_block: dtmf::mode_in_force(call.dtmf, settings),
            dtmf_delay: settings.is_some_and(|settings| settings.delay_ms != 0),
            detect_dtmf: party.flags.contains(PartyFlags::DETECT_DTMF),
            triggers: settings.is_some_and(|settings| settings.triggers.is_armed()),
        }
    }

    fn sink_policy(&self, media: MediaId) -> SinkPolicy {
        let call = &self.signalling;
        let sink = call.media(media);
        SinkPolicy {
            inject_dtmf: call.party(sink.party).flags.contains(PartyFlags::INJECT_DTMF),
            audio_player: sink.has(MediaFlags::AUDIO_PLAYER),
            echo: sink.has(MediaFlags::ECHO),
        }
    }
}
