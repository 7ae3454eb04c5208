//! `subscribe answer` and `unsubscribe` (ng-control.md §11.9).

use rtpengine_common::ng::{Flag, Reply, Request};
use rtpengine_common::sdp::{Extracted, StreamParams};
use smallvec::SmallVec;

use super::Call;
use super::bundle;
use super::codec_bridge;
use super::codecs::{self, MediaCodecs, NotAllCodecsAccepted};
use super::commands::{Body, read_sdp};
use super::ctx::Ctx;
use super::edge::EdgeFlags;
use super::error::Error;
use super::ids::{MediaId, PartyId};
use super::media::MediaFlags;
use super::single::Terms;

/// An answered section with the codec lists it leads to.
struct Answered<'p> {
    media: MediaId,
    params: &'p StreamParams,
    codecs: MediaCodecs,
}

impl Call {
    pub(super) fn subscribe_answer(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        if request.sdp.is_none() {
            return Err(Error::NoSdp);
        }
        let fragment = request.has(Flag::Fragment);
        let extracted = match read_sdp(request, fragment, ctx)? {
            Body::Looped => return Ok(Reply::ok()),
            Body::Extracted(extracted) => extracted,
        };
        let tag = request.to_tag().ok_or(Error::NoToTag)?;
        if fragment {
            self.fragment(tag.as_bytes(), &extracted, ctx);
            return Ok(Reply::ok());
        }
        let party = self.signalling.by_tag(tag.as_bytes()).ok_or(Error::ToTagNotFound)?;
        // Codecs decide whether the answer is accepted, so they come before anything changes.
        let sections = self.answered(party, &extracted, request, ctx)?;
        let terms = Terms::new(request, true);
        self.take_party_items(party, &extracted, request);
        self.take_names(party, request);
        for section in &sections {
            let id = section.media;
            self.take_own_answer(id, section.params, &terms, ctx);
            self.signalling.media_mut(id).codecs = section.codecs.clone();
            if !self.feeds_somebody(id) {
                self.signalling.media_mut(id).flags.remove(MediaFlags::RECV);
            }
        }
        bundle::unbundle(&mut self.signalling, party);
        self.apply_fragments(party, ctx);
        self.take_dtmf(party, request, ctx);
        let medias: Vec<MediaId> = sections.iter().map(|section| section.media).collect();
        self.renew_handlers(&medias);
        self.compile_around(&medias);
        Ok(Reply::ok())
    }

    fn answered<'p>(
        &mut self,
        party: PartyId,
        extracted: &'p Extracted,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<Vec<Answered<'p>>, Error> {
        let options = codec_bridge::options(request);
        let mut used: SmallVec<[MediaId; 4]> = SmallVec::new();
        let mut sections = Vec::with_capacity(extracted.streams.len());
        for params in &extracted.streams {
            let Some(media) = self.own_media(party, params, &used, false, ctx) else { continue };
            used.push(media);
            let mut codecs = self.signalling.media(media).codecs.clone();
            if let Some(source) = self.signalling.source_of(media) {
                let source = &self.signalling.media(source).codecs;
                let report = codec_bridge::with_environment(&ctx.settings.codecs, |environment| {
                    codec_bridge::with_section(params, |section| {
                        codecs::subscribe_answer(source, &mut codecs, section, &options, environment)
                    })
                });
                let report = report.map_err(|error: NotAllCodecsAccepted| {
                    ctx.warn(error.to_string());
                    Error::SubscribeAnswer
                })?;
                report.warnings.iter().for_each(|warning| ctx.warn(warning.to_string()));
            }
            if params.ptime != 0 && !codecs.packet_time.overridden {
                codecs.packet_time.ptime = params.ptime;
            }
            codecs.packet_time.maxptime = params.maxptime;
            sections.push(Answered { media, params, codecs });
        }
        Ok(sections)
    }

    pub(super) fn unsubscribe(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let tag = request.to_tag().ok_or(Error::NoToTag)?;
        let party = self.signalling.by_tag(tag.as_bytes()).ok_or(Error::ToTagNotFound)?;
        let source = request.from_tag().filter(|_| request.has(Flag::Directional));
        let Some(source) = source else {
            self.destroy_party(party, ctx.ports);
            return Ok(Reply::ok());
        };
        let source = self.signalling.by_tag(source.as_bytes()).ok_or(Error::FromTagNotFound)?;
        self.drop_subscriptions(source, party);
        if request.has(Flag::Bidirectional) {
            self.drop_subscriptions(party, source);
        }
        Ok(Reply::ok())
    }

    /// Removes what `subscriber` gets from `source`, together with the way back for RTCP; offer/answer links stay.
    pub(super) fn drop_subscriptions(&mut self, source: PartyId, subscriber: PartyId) {
        self.unlink(|from, to, flags| {
            let there = (from, to) == (source, subscriber);
            let mirror = (from, to) == (subscriber, source) && flags.contains(EdgeFlags::RTCP_ONLY);
            (there || mirror) && !flags.intersects(EdgeFlags::OFFER_ANSWER | EdgeFlags::INJECT)
        });
    }

    /// Removes the links that `gone` names by the parties at their ends, and puts the flows concerned in force.
    pub(super) fn unlink(&mut self, gone: impl Fn(PartyId, PartyId, EdgeFlags) -> bool) -> usize {
        let call = &mut self.signalling;
        let medias = &call.medias;
        let mut touched: Vec<MediaId> = Vec::new();
        let before = call.edges.len();
        call.edges.retain(|e| {
            let ends = (medias[e.source.index()].party, medias[e.sink.index()].party);
            let gone = gone(ends.0, ends.1, e.flags);
            if gone {
                touched.extend([e.source, e.sink]);
            }
            !gone
        });
        let removed = before - call.edges.len();
        self.compile_around(&touched);
        removed
    }
}
