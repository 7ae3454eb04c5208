//! `transform`: this instance works as a transcoder for another one (ng-control.md §11.11, codecs.md §11.2).

use std::net::SocketAddr;

use rtpengine_common::ng::{
    AddressFamily, CodecSpec, Destination, Dict, MediaSpec, Reply, Request, Value, present,
};
use rtpengine_common::sdp::{MAX_MEDIA, MediaType, Text, Transport};

use super::Call;
use super::ctx::Ctx;
use super::error::Error;
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
        let mut destinations = Vec::with_capacity(request.medias.len());
        for spec in &request.medias {
            destinations.push(destination(spec).ok_or(Error::Transform)?);
            if let Some(pair) = spec.conversions.iter().find(|pair| !is_same(&pair.input, &pair.output)) {
                let codec = |spec: &CodecSpec| spec.codec.as_ref().map(|c| c.to_text().into_owned());
                let (input, output) = (codec(&pair.input), codec(&pair.output));
                let (input, output) = (input.unwrap_or_default(), output.unwrap_or_default());
                ctx.log(Level::Error, format!("Conversion from '{input}' to '{output}' is not supported"));
                return Err(Error::Transform);
            }
        }
        let tag = request.from_tag().map_or_else(|| random_tag(ctx), |tag| tag.to_vec());
        let party = self.party_with_tag(&tag, id, ctx);
        let mut list: Vec<Value<'static>> = Vec::with_capacity(destinations.len());
        for (at, (spec, to)) in request.medias.iter().zip(destinations).enumerate() {
            let media = self.media_at(party, at + 1, ctx.now);
            let bound = self.transform_media(media, spec, to, request, ctx).map_err(|_| Error::Transform)?;
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

    /// One port that sends back to its fixed peer what comes in.
    fn transform_media(
        &mut self,
        id: MediaId,
        spec: &MediaSpec,
        to: SocketAddr,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> Result<SocketAddr, Error> {
        let media = self.signalling.media_mut(id);
        let kind = present(&spec.media_type).map_or(&b"audio"[..], |kind| kind.as_bytes());
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
        self.open_own_ports(id, 1, request, ctx)?;
        let streams = self.signalling.media(id).streams.clone();
        for stream in streams {
            self.plane.fill(stream, to, Learning::Off, ctx.now);
        }
        self.compile(id);
        let first = self.signalling.media(id).rtp().and_then(|stream| self.plane.stream(stream));
        first.and_then(|stream| stream.selected()).map(|socket| socket.address).ok_or(Error::Transform)
    }
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

/// Nothing is to be done between the two.
fn is_same(input: &CodecSpec, output: &CodecSpec) -> bool {
    let name = |spec: &CodecSpec| spec.codec.as_ref().map(|codec| codec.as_bytes().to_ascii_lowercase());
    let channels = |spec: &CodecSpec| spec.channels.unwrap_or(1).max(1);
    name(input) == name(output)
        && input.payload_type == output.payload_type
        && input.clock_rate == output.clock_rate
        && channels(input) == channels(output)
        && present(&input.format) == present(&output.format)
}
