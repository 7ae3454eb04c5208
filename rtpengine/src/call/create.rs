//! `create` and `create answer`: an offer made from nothing, and its answer (ng-control.md §11.11, sdp.md §22).

use rtpengine_common::ng::{Flag, Ice, IceLite, MediaSpec, Reply, Request, present};
use rtpengine_common::sdp::{Extracted, MAX_MEDIA, MediaType, Text, Transport};
use smallvec::SmallVec;

use super::Call;
use super::bundle;
use super::codec_bridge;
use super::codecs;
use super::commands::{Body, read_sdp};
use super::convert;
use super::ctx::Ctx;
use super::error::Error;
use super::exchange;
use super::ice_params::{self, IceOptions};
use super::ids::{MediaId, PartyId};
use super::media::{Media, MediaFlags, Protocol};
use super::mux::{self, MuxOptions};
use super::sdes::SdesOptions;
use super::single::{Terms, random_tag};
use super::transport;
use crate::flow::Level;

impl Call {
    pub(super) fn create(
        &mut self,
        request: &Request,
        (id, name): (u16, &[u8]),
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        if request.medias.len() > MAX_MEDIA {
            ctx.log(Level::Error, format!("More than {MAX_MEDIA} media sections asked for"));
            return Err(Error::CreateSetUp);
        }
        let tag = request.from_tag().map_or_else(|| random_tag(ctx), |tag| tag.to_vec());
        let former = self.former(&tag);
        let party = self.party_with_tag(&tag, id, ctx);
        match self.create_offer(party, request, ctx) {
            Ok(sdp) => Ok(Reply::ok().with("call-id", name.to_vec()).with("from-tag", tag).with("sdp", sdp)),
            Err(error) => {
                self.restore(former, ctx);
                Err(error)
            }
        }
    }

    fn create_offer(
        &mut self,
        party: PartyId,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<Vec<u8>, Error> {
        let default = [MediaSpec::default()];
        let specs = if request.medias.is_empty() { &default[..] } else { &request.medias };
        let medias: Vec<MediaId> =
            (1..=specs.len()).map(|index| self.media_at(party, index, ctx.now)).collect();
        for (&media, spec) in medias.iter().zip(specs) {
            self.create_media(media, spec, request, ctx).map_err(|_| Error::CreateSetUp)?;
        }
        let sdp = self.rewrite(party, request, false, ctx).map_err(|_| Error::CreateFailed)?;
        if let Some(label) = present(&request.label) {
            self.signalling.set_label(party, label);
        }
        self.mark_printed(party);
        self.compile_around(&medias);
        Ok(sdp)
    }

    fn create_media(
        &mut self,
        id: MediaId,
        spec: &MediaSpec,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let media = self.signalling.media_mut(id);
        let kind = present(&spec.media_type).map_or(&b"audio"[..], |kind| kind.as_bytes());
        media.kind = Text::from(kind);
        media.media_type = MediaType::from_name(kind);
        let protocol = transport::wanted(request).unwrap_or(Transport::RtpAvp);
        media.protocol = Some(Protocol::Known(protocol));
        media.flags.insert(MediaFlags::SEND | MediaFlags::RECV);
        media.flags.remove(MediaFlags::REJECTED);
        media.ipv6 = convert::ipv6(request.address_family).or(media.ipv6).or(Some(false));
        if media.mid.is_none() && request.has(Flag::GenerateMid) {
            media.mid = Some(Text::from(media.index.to_string()));
        }
        created_codecs(media, spec, request, ctx);
        let one_port = created_transport(media, request, ctx);
        let settled = media.has(MediaFlags::RTCP_MUX) && one_port;
        let ports = if !media.is_rtp() || settled { 1 } else { 2 };
        self.open_own_ports(id, ports, request, ctx)
    }

    pub(super) fn create_answer(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let fragment = request.has(Flag::Fragment);
        let extracted = match read_sdp(request, fragment, ctx)? {
            Body::Looped => return Ok(Reply::ok()),
            Body::Extracted(extracted) => extracted,
        };
        let tag = request.from_tag().ok_or(Error::NoFromTag)?;
        if fragment {
            self.fragment(tag.as_bytes(), &extracted, ctx);
            return Ok(Reply::ok());
        }
        let party = self.signalling.by_tag(tag.as_bytes()).ok_or(Error::CreateTagNotFound)?;
        self.take_created_answer(party, &extracted, request, ctx)?;
        Ok(Reply::ok())
    }

    fn take_created_answer(
        &mut self,
        party: PartyId,
        extracted: &Extracted,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let mut used: SmallVec<[MediaId; 4]> = SmallVec::new();
        let sections: Vec<_> = extracted
            .streams
            .iter()
            .filter_map(|params| {
                let media = self.own_media(party, params, &used, false, ctx)?;
                used.push(media);
                Some((media, params))
            })
            .collect();
        if sections.is_empty() {
            return Err(Error::CreateAnswer);
        }
        let terms = Terms::new(request, true);
        let options = codec_bridge::options(request);
        self.take_party_items(party, extracted, request);
        self.take_names(party, request);
        for (id, params) in sections {
            self.take_own_answer(id, params, &terms, ctx);
            let media = self.signalling.media_mut(id);
            media.codecs.set_audio(params.media_type == MediaType::Audio);
            let times = &mut media.codecs.packet_time;
            times.maxptime = params.maxptime;
            if params.ptime != 0 && !times.overridden {
                times.ptime = params.ptime;
            }
            let report = codec_bridge::with_environment(&ctx.settings.codecs, |environment| {
                codec_bridge::with_section(params, |section| {
                    codecs::create_answer(&mut media.codecs, section, &options, environment)
                })
            });
            report.warnings.iter().for_each(|warning| ctx.warn(warning.to_string()));
        }
        bundle::unbundle(&mut self.signalling, party);
        self.apply_fragments(party, ctx);
        self.take_dtmf(party, request, ctx);
        self.renew_handlers(&used);
        self.compile_around(&used);
        Ok(())
    }
}

/// The codecs of the entry, else `codec` → `offer`, on top of what the party has.
fn created_codecs(media: &mut Media, spec: &MediaSpec, request: &Request, ctx: &mut Ctx<'_>) {
    media.codecs.set_audio(media.media_type == MediaType::Audio);
    let wanted: Vec<String> = spec.codecs.iter().map(|codec| codec.to_text().into_owned()).collect();
    let options = codec_bridge::options(request);
    let report = codec_bridge::with_environment(&ctx.settings.codecs, |environment| {
        codecs::create(&mut media.codecs, &wanted, &options, environment)
    });
    report.warnings.iter().for_each(|warning| ctx.warn(warning.to_string()));
}

/// Multiplexing, ICE and keys as an offer of our own has them. Whether the party has to multiplex.
fn created_transport(media: &mut Media, request: &Request, ctx: &mut Ctx<'_>) -> bool {
    // Offers are made from one side to the other; nobody is on the first.
    let mut nobody = Media::new(media.party, media.index);
    nobody.protocol.clone_from(&media.protocol);
    let mut mux = MuxOptions { accept: false, reject: false, ..MuxOptions::from(&request.rtcp_mux) };
    let had = media.has(MediaFlags::RTCP_MUX);
    nobody.flags.set(MediaFlags::RTCP_MUX, had);
    if media.is_rtp() {
        mux::offer(&mut nobody, media, &mut mux);
    }
    let mode = if request.ice == Ice::Force { Ice::Force } else { Ice::NotGiven };
    let lite = request.ice_lite.filter(|lite| *lite == IceLite::Forward);
    let trickle = request.has(Flag::TrickleIce);
    nobody.flags.set(MediaFlags::ICE, media.has(MediaFlags::ICE));
    ice_params::decide(
        &mut nobody,
        media,
        false,
        &IceOptions { mode, lite, trickle, ..IceOptions::default() },
    );
    if media.is_srtp() && !media.has(MediaFlags::PASSTHROUGH) {
        let sdes = SdesOptions::from_request(&request.sdes, false);
        exchange::offer_keys(&nobody, media, request, &sdes, ctx.random);
    } else {
        exchange::drop_keys(media);
    }
    mux.require
}
