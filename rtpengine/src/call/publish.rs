//! `publish`: a party sends media that nobody has to hear yet (ng-control.md §11.9, sdp.md §22).

use rtpengine_common::ng::{Flag, Reply, Request};
use rtpengine_common::sdp::{Extracted, MediaType, StreamParams};
use smallvec::SmallVec;

use super::Call;
use super::bundle;
use super::codec_bridge;
use super::codecs;
use super::commands::{Body, read_sdp};
use super::ctx::Ctx;
use super::error::Error;
use super::ids::{MediaId, PartyId};
use super::media::MediaFlags;
use super::single::{Terms, random_tag};
use crate::flow::Level;

impl Call {
    pub(super) fn publish(
        &mut self,
        request: &Request,
        (id, name): (u16, &[u8]),
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        let tag = request.from_tag().map_or_else(|| random_tag(ctx), |tag| tag.to_vec());
        let reply = Reply::ok().with("call-id", name.to_vec()).with("from-tag", tag.clone());
        let fragment = request.has(Flag::Fragment);
        let extracted = match read_sdp(request, fragment, ctx)? {
            Body::Looped => {
                let sdp = request.sdp.as_ref().map(|sdp| sdp.to_vec()).unwrap_or_default();
                return Ok(reply.with("sdp", sdp));
            }
            Body::Extracted(extracted) => extracted,
        };
        if fragment {
            self.fragment(&tag, &extracted, ctx);
            return Ok(Reply::ok());
        }
        let former = self.former(&tag);
        let party = self.party_with_tag(&tag, id, ctx);
        let medias = self.take_published(party, &extracted, request, ctx);
        let Ok(sdp) = self.rewrite(party, request, true, ctx) else {
            self.restore(former, ctx);
            return Err(Error::CreateSdp);
        };
        self.signalled(ctx.now);
        self.take_names(party, request);
        for &media in &medias {
            self.set_sdes_keys(media, ctx);
        }
        self.take_dtmf(party, request, ctx);
        self.renew_handlers(&medias);
        self.compile_around(&medias);
        self.apply_fragments(party, ctx);
        self.record_as_asked(request, ctx);
        self.mark_printed(party);
        Ok(reply.with("sdp", sdp))
    }

    /// Takes the publisher's SDP over, for an answer from nobody. Returns the medias it is about; what the flows make of it comes afterwards.
    fn take_published(
        &mut self,
        party: PartyId,
        extracted: &Extracted,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> SmallVec<[MediaId; 4]> {
        self.take_call_flags(request, ctx);
        let terms = Terms::new(request, false);
        let mut sections: SmallVec<[(MediaId, &StreamParams); 4]> = SmallVec::new();
        let mut used: SmallVec<[MediaId; 4]> = SmallVec::new();
        for params in &extracted.streams {
            let Some(media) = self.own_media(party, params, &used, true, ctx) else { continue };
            used.push(media);
            self.take_own(media, params, &terms, ctx);
            self.published_direction(media, request);
            if params.port != 0 {
                self.answer_own_keys(media, &terms, ctx);
                self.published_codecs(media, params, request, ctx);
            }
            sections.push((media, params));
        }
        self.take_party_items(party, extracted, request);
        bundle::unbundle(&mut self.signalling, party);
        for (media, params) in sections {
            self.published_ports(media, params, request, ctx);
        }
        used
    }

    /// §8.6: the publisher hears nothing, unless it publishes in both directions.
    fn published_direction(&mut self, id: MediaId, request: &Request) {
        if !request.has(Flag::Bidirectional) {
            self.signalling.media_mut(id).flags.remove(MediaFlags::SEND);
        }
    }

    fn published_codecs(&mut self, id: MediaId, params: &StreamParams, request: &Request, ctx: &mut Ctx<'_>) {
        let media = self.signalling.media_mut(id);
        media.codecs.set_audio(params.media_type == MediaType::Audio);
        let times = &mut media.codecs.packet_time;
        times.maxptime = params.maxptime;
        if params.ptime != 0 {
            times.ptime = params.ptime;
        }
        if !media.is_rtp() {
            return;
        }
        let mut options = codec_bridge::options(request);
        if !codec_bridge::transcodes() {
            options.accept.push("any".into());
        }
        let result = codec_bridge::with_environment(&ctx.settings.codecs, |environment| {
            codec_bridge::with_section(params, |section| {
                codecs::publish(&mut media.codecs, section, &options, environment)
            })
        });
        match result {
            Ok(report) => report.warnings.iter().for_each(|warning| ctx.warn(warning.to_string())),
            Err(error) => {
                media.flags.insert(MediaFlags::REJECTED);
                ctx.log(Level::Error, error.to_string());
            }
        }
    }

    /// A section without usable codecs or ports is shown as rejected; the others go on (§11.9: only logged).
    fn published_ports(&mut self, id: MediaId, params: &StreamParams, request: &Request, ctx: &mut Ctx<'_>) {
        if self.signalling.media(id).has(MediaFlags::REJECTED) {
            self.disable(id);
            return;
        }
        self.own_credentials(id, params, false, ctx);
        let all = usize::from(params.ports_wanted());
        let media = self.signalling.media(id);
        let settled = media.is_rtp() && media.has(MediaFlags::RTCP_MUX) && all == 2;
        if self.open_own_ports(id, if settled { 1 } else { all }, request, ctx).is_err() {
            self.disable(id);
            return;
        }
        self.fill(id, params, request, ctx.now);
    }
}
