//! From a parsed body to what the call remembers of it (sdp.md §3).

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use super::attribute::{Attribute, AttributeKind, AttributeValue, Group};
use super::candidate::{CandidateLine, MAX_CANDIDATES};
use super::codec::Codec;
use super::direction::Setup;
use super::fingerprint::Fingerprint;
use super::media_type::MediaType;
use super::model::{Media, Origin, Sdp, Session};
use super::stream::{
    Attributes, BundleGroups, Directions, ExtMap, Extracted, IceParams, RtcpEndpoint, SessionOrigin,
    SessionParams, StreamParams, is_trickle_placeholder,
};
use super::text::{Keeper, Text};
use super::token::number;
use super::transport::Transport;

/// Most header extensions of one section: there are no more ids.
const MAX_EXTMAPS: usize = 254;
/// Most `a=crypto` lines of one section; an offer of every suite has 12.
const MAX_CRYPTO: usize = 64;

/// Where a section's address comes from (sdp.md §3 rule 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressSource {
    /// Addresses in the SDP are trusted.
    #[default]
    Sdp,
    /// The address of `received from` counts instead; `None` if it is missing or no address.
    Received(Option<IpAddr>),
}

/// What a body is looked at with.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExtractOptions {
    /// The body is a trickle fragment: no addresses.
    pub fragment: bool,
    /// Trust in addresses.
    pub addresses: AddressSource,
    /// `OSRTP=accept-legacy` or `accept`: merge duplicate sections (sdp.md §11.3).
    pub accept_legacy_osrtp: bool,
    /// `ICE=force-relay`: BUNDLE groups are treated like other groups.
    pub force_relay: bool,
}

/// Why no stream can be made of a section. The message to the client is always [`ExtractError::REASON`]; the text is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Neither `c=` nor, if that is what counts, `received from`.
    #[error("No address info found for stream")]
    NoAddress,
    /// A format of an RTP section is no number up to 127.
    #[error("Invalid RTP payload types")]
    PayloadTypes,
}

impl ExtractError {
    /// The `error-reason` of the reply.
    pub const REASON: &'static str = "Incomplete SDP specification";
}

/// Turns a parsed body into what the call remembers.
///
/// # Errors
/// A section without an address, or with formats that are no payload types.
pub fn extract(sdp: &Sdp<'_>, options: &ExtractOptions) -> Result<Extracted, ExtractError> {
    let keeper = Keeper::new(sdp.body);
    let mut addresses = options.addresses;
    let mut streams: Vec<StreamParams> = Vec::new();
    for session in &sdp.sessions {
        let defaults = Items::of(&session.common.attributes);
        for media in &session.media {
            let section = Section { keeper: &keeper, session, defaults: &defaults, media, options };
            let stream = section.stream(&mut addresses)?;
            if options.accept_legacy_osrtp {
                push_merged(&mut streams, stream);
            } else {
                streams.push(stream);
            }
        }
    }
    for (index, stream) in (1u32..).zip(&mut streams) {
        stream.index = index;
    }
    Ok(Extracted { session: session_params(sdp, &keeper, options), streams })
}

/// What one level says, each item by its own rule for repeated lines: flags and lists add up, of the rest the first counts.
#[derive(Default)]
struct Items<'s, 'a> {
    rtcp: Option<super::attribute::RtcpAttribute>,
    rtcp_mux: bool,
    mid: Option<&'a [u8]>,
    label: Option<&'a [u8]>,
    ufrag: Option<&'a [u8]>,
    pwd: Option<&'a [u8]>,
    ice_options: Option<&'a [u8]>,
    ice_lite: bool,
    end_of_candidates: bool,
    crypto: Vec<&'s super::crypto::CryptoParams>,
    fingerprint: Option<&'s Fingerprint>,
    setup: Option<Setup>,
    tls_id: Option<&'a [u8]>,
    directions: Directions,
    feedback: bool,
    ptime: u32,
    maxptime: u32,
    extmaps: Vec<(u8, &'a [u8])>,
    extmap_allow_mixed: bool,
}

impl<'s, 'a> Items<'s, 'a> {
    fn of(attributes: &'s [Attribute<'a>]) -> Self {
        let mut items = Items::default();
        for attribute in attributes {
            items.add(attribute);
        }
        items
    }

    fn add(&mut self, attribute: &'s Attribute<'a>) {
        use AttributeValue as V;
        match &attribute.value {
            V::Text(text) => self.add_text(attribute.kind, text),
            V::Rtcp(rtcp) => self.rtcp = self.rtcp.or(Some(*rtcp)),
            V::RtcpFb(..) => self.feedback = true,
            // Gone through where they are needed.
            V::Group(_) | V::Candidate(_) | V::Rtpmap(_) | V::Fmtp(..) => {}
            V::Crypto(params) if self.crypto.len() < MAX_CRYPTO => self.crypto.push(params),
            V::Crypto(_) => {}
            V::Fingerprint(fingerprint) => self.fingerprint = self.fingerprint.or(Some(fingerprint)),
            V::Setup(setup) => self.setup = self.setup.or(Some(*setup)),
            V::Milliseconds(value) if attribute.kind == AttributeKind::Ptime => {
                set_first(&mut self.ptime, *value);
            }
            V::Milliseconds(value) => set_first(&mut self.maxptime, *value),
            V::Extmap(id, uri) if self.extmaps.len() < MAX_EXTMAPS => self.extmaps.push((*id, uri)),
            V::Extmap(..) => {}
        }
    }

    fn add_text(&mut self, kind: AttributeKind, text: &'a [u8]) {
        use AttributeKind as K;
        let field = match kind {
            K::Mid => &mut self.mid,
            K::Label => &mut self.label,
            K::IceUfrag => &mut self.ufrag,
            K::IcePwd => &mut self.pwd,
            K::IceOptions => &mut self.ice_options,
            K::TlsId => &mut self.tls_id,
            K::RtcpMux => return self.rtcp_mux = true,
            K::IceLite => return self.ice_lite = true,
            K::EndOfCandidates => return self.end_of_candidates = true,
            K::ExtmapAllowMixed => return self.extmap_allow_mixed = true,
            kind => return self.directions.insert(kind),
        };
        if field.is_none() {
            *field = Some(text);
        }
    }
}

fn set_first(field: &mut u32, value: u32) {
    if *field == 0 {
        *field = value;
    }
}

/// One section and what it is read with.
struct Section<'s, 'a> {
    keeper: &'s Keeper<'a>,
    session: &'s Session<'a>,
    defaults: &'s Items<'s, 'a>,
    media: &'s Media<'a>,
    options: &'s ExtractOptions,
}

impl<'a> Section<'_, 'a> {
    fn stream(&self, addresses: &mut AddressSource) -> Result<StreamParams, ExtractError> {
        let media = self.media;
        let items = Items::of(&media.common.attributes);
        let defaults = self.defaults;
        let rtp = self.rtp_endpoint(*addresses)?;
        let ice = self.ice(&items, rtp);
        if ice.is_some() {
            *addresses = AddressSource::Sdp;
        }
        let fingerprint = items.fingerprint.or(defaults.fingerprint);
        let has_keys = fingerprint.is_some() || !items.crypto.is_empty();
        let protocol = Transport::from_name(media.protocol).map(|protocol| with_keys(protocol, has_keys));
        let codecs = match protocol {
            Some(protocol) if protocol.is_rtp() && media.port != 0 => self.codecs()?,
            _ => Vec::new(),
        };
        let directions = items.directions.union(defaults.directions);
        let rtcp = self.rtcp_endpoint(&items, rtp, *addresses);
        let extmaps = if items.extmaps.is_empty() { &defaults.extmaps } else { &items.extmaps };
        Ok(StreamParams {
            index: 0,
            media_type: MediaType::from_name(media.media_type),
            media_type_text: self.keeper.text(media.media_type),
            protocol,
            protocol_text: self.keeper.text(media.protocol),
            formats: self.keeper.text(media.formats),
            port: media.port,
            port_count: media.port_count,
            rtp,
            rtcp,
            rtcp_mux: items.rtcp_mux || implies_mux(rtp, rtcp),
            direction: directions.effective(),
            directions,
            information: self.text_or_empty(media.common.information),
            bandwidth: media.common.bandwidth,
            codecs,
            rtcp_fb: items.feedback,
            ptime: items.ptime,
            maxptime: items.maxptime,
            mid: items.mid.map(|mid| self.keeper.text(mid)),
            label: items.label.map(|label| self.keeper.text(label)),
            ice,
            setup: items.setup.or(defaults.setup).unwrap_or_default(),
            fingerprint: fingerprint.map(|fingerprint| Box::new(fingerprint.clone())),
            tls_id: items.tls_id.or(defaults.tls_id).map(|id| self.keeper.text(id)),
            crypto: items.crypto.iter().map(|params| (*params).clone()).collect(),
            extmap_one_byte: !extmaps.is_empty() && !items.extmap_allow_mixed && !defaults.extmap_allow_mixed,
            extmaps: extmaps.iter().map(|(id, uri)| ExtMap { id: *id, uri: self.keeper.text(uri) }).collect(),
            legacy_osrtp: false,
            legacy_osrtp_reversed: false,
            attributes: Attributes::keep(self.keeper, media.common.attributes.iter()),
        })
    }

    fn text_or_empty(&self, text: Option<&[u8]>) -> Text {
        text.map_or(Text::EMPTY, |text| self.keeper.text(text))
    }

    fn address(&self, addresses: AddressSource) -> Option<IpAddr> {
        match addresses {
            AddressSource::Received(address) => address,
            AddressSource::Sdp => self.media.common.connection.or(self.session.common.connection),
        }
    }

    fn rtp_endpoint(&self, addresses: AddressSource) -> Result<Option<SocketAddr>, ExtractError> {
        if self.options.fragment {
            return Ok(None);
        }
        let address = self.address(addresses).ok_or(ExtractError::NoAddress)?;
        Ok(Some(SocketAddr::new(address, self.media.port)))
    }

    fn rtcp_endpoint(
        &self,
        items: &Items<'_, 'a>,
        rtp: Option<SocketAddr>,
        addresses: AddressSource,
    ) -> RtcpEndpoint {
        let (Some(rtp), Some(rtcp), 1) = (rtp, items.rtcp, self.media.port_count) else {
            return RtcpEndpoint::Implicit;
        };
        let trusted = addresses == AddressSource::Sdp;
        let address = rtcp
            .address
            .filter(|address| trusted && !address.is_unspecified())
            .or_else(|| self.address(addresses))
            .unwrap_or_else(|| rtp.ip());
        RtcpEndpoint::Explicit(SocketAddr::new(address, rtcp.port))
    }

    fn ice(&self, items: &Items<'_, 'a>, rtp: Option<SocketAddr>) -> Option<Box<IceParams>> {
        let defaults = self.defaults;
        let ufrag = items.ufrag.or(defaults.ufrag)?;
        let options = items.ice_options.or(defaults.ice_options);
        let has_option = |name: &[u8]| {
            options.is_some_and(|options| options.split(|&byte| byte == b' ').any(|word| word == name))
        };
        let trickle = match options {
            Some(_) => has_option(b"trickle"),
            None => rtp.is_some_and(is_trickle_placeholder),
        };
        let attributes = &self.media.common.attributes;
        let lines = || attributes.iter().filter_map(candidate_line);
        let mut candidates = Vec::with_capacity(lines().count().min(MAX_CANDIDATES));
        let mut usable =
            lines().filter_map(|line| line.usable_with(|foundation| self.keeper.text(foundation)));
        candidates.extend(usable.by_ref().take(MAX_CANDIDATES));
        Some(Box::new(IceParams {
            ufrag: self.keeper.text(ufrag),
            pwd: self.text_or_empty(items.pwd.or(defaults.pwd)),
            trickle,
            ice2: has_option(b"ice2"),
            lite: items.ice_lite || defaults.ice_lite,
            end_of_candidates: items.end_of_candidates || defaults.end_of_candidates,
            candidates: candidates.into(),
            more_candidates: usable.next().is_some(),
        }))
    }

    /// Each payload type once, at its first place: there are at most 128, however long the line is.
    fn codecs(&self) -> Result<Vec<Codec>, ExtractError> {
        let formats = self.media.formats;
        let formats = formats.strip_suffix(b" ").unwrap_or(formats);
        let words = || formats.split(|&byte| byte == b' ').filter(|_| !formats.is_empty());
        let mut codecs = Vec::with_capacity(words().take(128).count());
        let mut places: [Option<u8>; 128] = [None; 128];
        for word in words() {
            let payload_type = number::<u8>(word).ok_or(ExtractError::PayloadTypes)?;
            let place = places.get_mut(usize::from(payload_type)).ok_or(ExtractError::PayloadTypes)?;
            if place.is_none() {
                *place = u8::try_from(codecs.len()).ok();
                codecs.push(Codec::undefined(payload_type));
            }
        }
        for attribute in &self.media.common.attributes {
            match &attribute.value {
                AttributeValue::Rtpmap(map) => {
                    let Some(codec) = at(&places, map.payload_type, &mut codecs) else { continue };
                    codec.name = self.keeper.text(map.name);
                    codec.clock_rate = map.clock_rate;
                    codec.channels = map.channels;
                }
                AttributeValue::Fmtp(payload_type, text) => {
                    let Some(codec) = at(&places, *payload_type, &mut codecs) else { continue };
                    codec.fmtp = self.keeper.text(text);
                }
                AttributeValue::RtcpFb(Some(payload_type), text) => {
                    let Some(codec) = at(&places, *payload_type, &mut codecs) else { continue };
                    codec.rtcp_fb.push(self.keeper.text(text));
                }
                _ => {}
            }
        }
        Ok(codecs)
    }
}

/// The codec of a payload type, given the place of each.
fn at<'c>(places: &[Option<u8>; 128], payload_type: u8, codecs: &'c mut [Codec]) -> Option<&'c mut Codec> {
    let place = *places.get(usize::from(payload_type))?;
    codecs.get_mut(usize::from(place?))
}

fn candidate_line<'s, 'a>(attribute: &'s Attribute<'a>) -> Option<&'s CandidateLine<'a>> {
    match &attribute.value {
        AttributeValue::Candidate(line) => Some(line),
        _ => None,
    }
}

/// A plain protocol with keys is its OSRTP form (sdp.md §3 rule 7).
fn with_keys(protocol: Transport, has_keys: bool) -> Transport {
    if has_keys { protocol.to_osrtp().unwrap_or(protocol) } else { protocol }
}

fn implies_mux(rtp: Option<SocketAddr>, rtcp: RtcpEndpoint) -> bool {
    rtp.is_some_and(|rtp| rtcp.resolve(rtp) == rtp && !is_trickle_placeholder(rtp))
}

/// Adds a section unless it and the one before it are two forms of the same (sdp.md §11.3).
fn push_merged(streams: &mut Vec<StreamParams>, mut stream: StreamParams) {
    let Some(previous) = streams.last_mut() else { return streams.push(stream) };
    let (Some(before), Some(now)) = (previous.protocol, stream.protocol) else { return streams.push(stream) };
    if !before.is_rtp() || !now.is_rtp() || previous.media_type_text != stream.media_type_text {
        return streams.push(stream);
    }
    match (before.is_srtp(), now.is_srtp()) {
        (false, true) if stream.port != 0 => {
            stream.legacy_osrtp = true;
            *previous = stream;
        }
        (false, true) if previous.port != 0 => {}
        (true, false) if previous.port != 0 => previous.legacy_osrtp_reversed = true,
        _ => streams.push(stream),
    }
}

fn session_params(sdp: &Sdp<'_>, keeper: &Keeper<'_>, options: &ExtractOptions) -> SessionParams {
    let attributes = || sdp.sessions.iter().flat_map(|session| session.common.attributes.iter());
    let groups = || {
        attributes().filter_map(|attribute| match &attribute.value {
            AttributeValue::Group(group) => Some((attribute.text, group)),
            _ => None,
        })
    };
    let bundles = |group: &Group<'_>| group.is_bundle() && !options.force_relay;
    let mut params = SessionParams {
        origin: sdp
            .sessions
            .first()
            .and_then(|session| session.origin)
            .map(|origin| keep_origin(keeper, &origin)),
        attributes: Attributes::keep(keeper, attributes()),
        bundle: bundle_groups(keeper, groups().map(|(_, group)| group).filter(|group| bundles(group))),
        groups: groups().filter(|(_, group)| !bundles(group)).map(|(text, _)| keeper.text(text)).collect(),
        music_on_hold: attributes().any(|attribute| attribute.kind == AttributeKind::MusicOnHold),
        ..SessionParams::default()
    };
    if let Some(last) = sdp.sessions.last() {
        let text = |text: Option<&[u8]>| text.map_or(Text::EMPTY, |text| keeper.text(text));
        params.name = text(last.name);
        params.timing = text(last.timing);
        params.information = text(last.common.information);
        params.uri = text(last.uri);
        params.email = text(last.email);
        params.phone = text(last.phone);
        params.bandwidth = last.common.bandwidth;
    }
    params
}

fn keep_origin(keeper: &Keeper<'_>, origin: &Origin<'_>) -> SessionOrigin {
    SessionOrigin {
        username: keeper.text(origin.username),
        session_id: keeper.text(origin.session_id),
        version: origin.version,
        address_type: keeper.text(origin.address_type),
        address: keeper.text(origin.address),
    }
}

fn bundle_groups<'a>(keeper: &Keeper<'_>, groups: impl Iterator<Item = &'a Group<'a>>) -> BundleGroups {
    let mut taken: HashSet<&[u8]> = HashSet::new();
    let mut members = Vec::new();
    for group in groups {
        let Some(head) = group.members().next().filter(|head| !taken.contains(head)) else { continue };
        let head_text = keeper.text(head);
        for mid in group.members() {
            // One that is in another group already stays there.
            if taken.insert(mid) {
                members.push((keeper.text(mid), head_text.clone()));
            }
        }
    }
    BundleGroups { members }
}
