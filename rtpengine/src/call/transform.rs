//! `transform`: this instance works as a transcoder for another one (ng-control.md §11.11, codecs.md §11.2).

use std::net::SocketAddr;
use std::sync::Arc;

use rtpengine_common::ng::{AddressFamily, Destination, Dict, MediaSpec, Reply, Request, Value, present};
use rtpengine_common::sdp::{MAX_MEDIA, MediaType, Text, Transport};

use super::Call;
use super::codecs::MediaCodecs;
use super::conversion::Conversions;
use super::ctx::Ctx;
use super::error::Error;
use super::handling::known_numbers;
use super::ids::MediaId;
use super::media::{MediaFlags, Protocol};
use super::single::random_tag;
use crate::flow::{Learning, Level};

impl Call {
    pub(super) fn transform(
        &mut self,
        request: &Request,
        (id, name): (u16, &[u8]),
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        if present(&request.instance).is_some_and(|own| own.as_bytes() == ctx.settings.instance_id.as_bytes())
        {
            return Err(Error::TransformLoop);
        }
        if request.medias.is_empty() || request.medias.len() > MAX_MEDIA {
            ctx.log(Level::Error, format!("From 1 to {MAX_MEDIA} media sections can be transformed"));
            return Err(Error::Transform);
        }
        // Everything that can be known beforehand is checked before anything is made.
        let mut wanted = Vec::with_capacity(request.medias.len());
        for spec in &request.medias {
            let destination = destination(spec).ok_or(Error::Transform)?;
            let conversions =
                Conversions::new(&spec.conversions, kind(spec) == b"audio").map_err(|text| {
                    ctx.log(Level::Error, text);
                    Error::Transform
                })?;
            wanted.push((destination, conversions));
        }
        let tag = request.from_tag().map_or_else(|| random_tag(ctx), |tag| tag.to_vec());
        let former = self.former(&tag);
        let party = self.party_with_tag(&tag, id, ctx);
        let medias: Vec<MediaId> = (1..=wanted.len()).map(|at| self.media_at(party, at, ctx.now)).collect();
        for (&media, (spec, (to, _))) in medias.iter().zip(request.medias.iter().zip(&wanted)) {
            if self.transform_ports(media, kind(spec), *to, request, ctx).is_err() {
                self.restore(former, ctx);
                return Err(Error::Transform);
            }
        }
        let mut list: Vec<Value<'static>> = Vec::with_capacity(wanted.len());
        for (&media, (spec, (to, conversions))) in medias.iter().zip(request.medias.iter().zip(wanted)) {
            let bound = self.transform_media(media, to, conversions, ctx).ok_or(Error::Transform)?;
            let id = present(&spec.id).map_or_else(|| random_tag(ctx), |id| id.to_vec());
            let entry = Dict::new()
                .with("id", id)
                .with("family", if bound.is_ipv4() { "IP4" } else { "IP6" })
                .with("address", bound.ip().to_string())
                .with("port", i64::from(bound.port()));
            list.push(entry.into());
        }
        Ok(Reply::ok().with("call-id", name.to_vec()).with("from-tag", tag).with("media", list))
    }

    /// One port of the destination's family.
    fn transform_ports(
        &mut self,
        id: MediaId,
        kind: &[u8],
        to: SocketAddr,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Error> {
        let media = self.signalling.media_mut(id);
        media.kind = Text::from(kind);
        media.media_type = MediaType::from_name(kind);
        media.protocol = Some(Protocol::Known(Transport::RtpAvp));
        media.ipv6 = Some(to.is_ipv6());
        media.flags.insert(
            MediaFlags::SEND
                | MediaFlags::RECV
                | MediaFlags::RTCP_MUX
                | MediaFlags::ECHO
                | MediaFlags::ASYMMETRIC
                | MediaFlags::INITIALIZED,
        );
        self.open_own_ports(id, 1, request, ctx)
    }

    /// What comes in there goes to the fixed peer, converted. Returns the local address.
    fn transform_media(
        &mut self,
        id: MediaId,
        to: SocketAddr,
        conversions: Conversions,
        ctx: &mut Ctx<'_>,
    ) -> Option<SocketAddr> {
        let media = self.signalling.media_mut(id);
        media.codecs = MediaCodecs::new(media.media_type == MediaType::Audio);
        media.codecs.list = conversions.inputs.into_iter().collect();
        media.flags.set(MediaFlags::TRANSCODING, !conversions.routes.is_empty());
        let known = known_numbers(&media.codecs);
        let transcode = (!conversions.routes.is_empty()).then(|| self.transcode(conversions.routes, known));
        let media = self.signalling.media_mut(id);
        match transcode {
            Some(transcode) if media.transform.as_deref() == Some(&transcode) => {}
            transcode => media.transform = transcode.map(Arc::new),
        }
        let streams = media.streams.clone();
        for stream in streams {
            self.plane.fill(stream, to, Learning::Off, ctx.now);
        }
        self.compile(id);
        let first = self.signalling.media(id).rtp().and_then(|stream| self.plane.stream(stream));
        first.and_then(|stream| stream.selected()).map(|socket| socket.address)
    }
}

/// The type of a media, audio if none is given.
fn kind(spec: &MediaSpec) -> &[u8] {
    present(&spec.media_type).map_or(&b"audio"[..], |kind| kind.as_bytes())
}

/// A complete destination whose address is of the family it names.
fn destination(spec: &MediaSpec) -> Option<SocketAddr> {
    let Destination { family, address, port } = spec.destination.as_ref()?;
    let address = (*address)?;
    let fits = match family {
        Some(AddressFamily::Ip4) => address.is_ipv4(),
        Some(AddressFamily::Ip6) => address.is_ipv6(),
        None => true,
    };
    Some(SocketAddr::new(address, (*port)?)).filter(|_| fits)
}
