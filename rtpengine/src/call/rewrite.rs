//! The SDP a party is shown: from the state of its medias to the rows of sdp.md §4 and §5.

use std::borrow::Cow;
use std::net::IpAddr;

use arrayvec::ArrayVec;
use rtpengine_common::ng::{Command, Flag, Request};
use rtpengine_common::sdp::out::{
    CodecOut, ConnectionRules, CopiedAttributes, DirectionOut, DtlsOut, Edits, IceOut, LegacyOsrtp,
    LocalCandidate, MediaAttributes, MediaBody, MediaHead, MediaOut, OriginDefaults, OriginRules, Passed,
    ProtocolOut, RtcpOut, SessionOut, connection_address, local_candidates, passthrough_preferences, print,
    select_origin,
};
use rtpengine_common::sdp::{
    Candidate, CandidateType, CryptoPrint, Direction, ExtMap, Fingerprint, FingerprintHash, MediaType, Setup,
    Text,
};

use super::Call;
use super::bundle;
use super::ctx::Ctx;
use super::dtls_params;
use super::error::Error;
use super::exchange::is_force_relay;
use super::ids::{LocalSocket, MediaId, PartyId};
use super::media::{Media, MediaFlags, Protocol};
use super::session::Emitted;
use super::settings::Settings;
use crate::flow::Level;
use crate::net::interfaces::Interfaces;

/// What the printed rows borrow from, beside the call.
struct Sheet<'a> {
    call: &'a Call,
    interfaces: &'a Interfaces,
    settings: &'a Settings,
    request: &'a Request,
    /// The body is an offer to the party: roles open, several keys.
    offer: bool,
}

/// Texts of one section that are made for printing.
#[derive(Default)]
struct Made<'a> {
    fmtp: Vec<Cow<'a, str>>,
    extmaps: Vec<&'a ExtMap>,
    fingerprint: Option<&'a Fingerprint>,
    tls_id: Option<ArrayVec<u8, 32>>,
}

impl Call {
    /// Prints the SDP for `party` and remembers what `o=` said.
    pub(super) fn rewrite(
        &mut self,
        party: PartyId,
        request: &Request,
        answer: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<Vec<u8>, Error> {
        if self.signalling.party(party).medias.is_empty() {
            ctx.log(Level::Error, "Need at least one media");
            return Err(Error::RewriteSdp);
        }
        let mut random = [0; 8];
        ctx.random.fill(&mut random);
        let sheet =
            Sheet { call: self, interfaces: ctx.interfaces, settings: ctx.settings, request, offer: !answer };
        // An offer or answer may take every section away; the other commands are about media (§4).
        let exchange = matches!(request.command, Command::Offer | Command::Answer);
        let medias = &self.signalling.party(party).medias;
        if !exchange && !medias.iter().any(|&id| sheet.stream_socket(id, 0).is_some()) {
            ctx.log(Level::Error, "No usable packet stream");
            return Err(Error::RewriteSdp);
        }
        let advertised = sheet.origin_address(party);
        let defaults =
            OriginDefaults { clock_us: ctx.now.unix_us, random: u64::from_ne_bytes(random), advertised };
        let replace = &request.replace;
        let rules = OriginRules {
            origin: replace.origin,
            origin_full: replace.origin_full,
            username: replace.username,
            sdp_version: replace.sdp_version,
            force_increment: replace.force_increment_sdp_version,
        };
        let state = sheet.call.signalling.party(party);
        let source = sheet.source_party(party);
        let source_origin = source
            .and_then(|id| sheet.call.signalling.party(id).session.as_ref())
            .and_then(|session| session.origin.as_ref());
        let origin =
            select_origin(source_origin, state.emitted.as_ref().map(|e| &e.origin), rules, &defaults);
        let mut printed = {
            let mut session = SessionOut::new(&origin, b"");
            sheet.session(&mut session, party, source);
            let made: Vec<Made<'_>> = state.medias.iter().map(|&id| sheet.made(id)).collect();
            let sections: Vec<MediaOut<'_>> =
                state.medias.iter().zip(&made).map(|(&id, made)| sheet.media(id, made)).collect();
            print(&session, &sections, &Edits::from(&request.sdp_attr))
        };
        let mut emitted = Emitted { origin, body: state.emitted.as_ref().and_then(|e| e.body.clone()) };
        if rules.counts_changes() {
            printed.count_version(&mut emitted.origin.version, &mut emitted.body);
        }
        self.signalling.party_mut(party).emitted = Some(Box::new(emitted));
        Ok(printed.body)
    }
}

impl<'a> Sheet<'a> {
    fn stream_socket(&self, id: MediaId, component: usize) -> Option<&'a LocalSocket> {
        let stream = *self.call.signalling.media(id).streams.get(component)?;
        self.call.plane.stream(stream)?.selected()
    }

    /// What the address of `o=` defaults to: that of the first usable section's interface, or of any.
    fn origin_address(&self, party: PartyId) -> IpAddr {
        let medias = &self.call.signalling.party(party).medias;
        let local = medias.iter().find_map(|&id| self.stream_socket(id, 0)).map(|socket| socket.local);
        let local = local.unwrap_or_else(|| self.interface_local(medias.first().copied()));
        self.interfaces.local(local).advertised
    }

    fn interface_local(&self, id: Option<MediaId>) -> super::ids::LocalId {
        let interface = id.and_then(|id| self.call.signalling.media(id).interface);
        let logical = self.interfaces.logical(interface.unwrap_or(super::ids::LogicalId(0)));
        logical.locals.first().copied().unwrap_or(super::ids::LocalId(0))
    }

    /// The party owning the first link found walking the sections.
    fn source_party(&self, party: PartyId) -> Option<PartyId> {
        let call = &self.call.signalling;
        call.party(party).medias.iter().find_map(|&id| self.source_of(id)).map(|id| call.media(id).party)
    }

    /// Whose section is shown. A publisher is answered by nobody, whoever it hears (§22).
    fn source_of(&self, id: MediaId) -> Option<MediaId> {
        self.call.signalling.source_of(id).filter(|_| self.request.command != Command::Publish)
    }

    /// Whether all sections that have a source have the same.
    fn has_single_source(&self, party: PartyId) -> bool {
        let call = &self.call.signalling;
        let mut sources = call
            .party(party)
            .medias
            .iter()
            .filter_map(|&id| self.source_of(id))
            .map(|id| call.media(id).party);
        let first = sources.next();
        sources.all(|source| Some(source) == first)
    }

    fn session(&self, out: &mut SessionOut<'a>, party: PartyId, source: Option<PartyId>) {
        let call = &self.call.signalling;
        let medias = &call.party(party).medias;
        let usable = medias.iter().copied().find(|&id| self.stream_socket(id, 0).is_some());
        out.first_media_type = usable.map(|id| call.media(id).media_type).unwrap_or_default();
        out.loop_id = self.request.has(Flag::LoopProtect).then_some(self.settings.instance_id.as_bytes());
        out.ice_lite = usable.is_some_and(|id| {
            call.media(id).has(MediaFlags::ICE) && call.media(id).has(MediaFlags::ICE_LITE_SELF)
        });
        // With force-relay the groups are the source's as well, like the sections (§4 row 10).
        let relay = is_force_relay(self.request);
        out.bundles = bundle::groups(call, source.filter(|_| relay).unwrap_or(party));
        if self.call.holds_music(party) {
            out.music_on_hold = self.settings.moh_attribute.as_deref().map(str::as_bytes);
        }
        let session = source.and_then(|id| call.party(id).session.as_ref());
        let Some(session) = session else {
            out.name = self.settings.software_id.as_bytes();
            return;
        };
        out.name = &session.name;
        out.information = &session.information;
        out.uri = &session.uri;
        out.email = &session.email;
        out.phone = &session.phone;
        out.timing = &session.timing;
        if self.request.command != Command::SubscribeRequest {
            out.bandwidth = session.bandwidth;
        }
        if relay {
            out.groups = session.groups.iter().map(Text::as_bytes).collect();
        }
        if self.has_single_source(party) {
            let attributes = &session.attributes;
            out.passthrough = if self.settings.moh_prevent_double {
                attributes.passthrough_with_hold().collect()
            } else {
                attributes.passthrough().collect()
            };
        }
    }

    fn made(&self, id: MediaId) -> Made<'a> {
        let media = self.call.signalling.media(id);
        let mut made = Made {
            fmtp: media
                .codecs
                .list
                .entries()
                .iter()
                .map(|entry| entry.printed().printed_fmtp().unwrap_or_default())
                .collect(),
            extmaps: media.extmaps.list.iter().map(|e| &e.map).collect(),
            ..Made::default()
        };
        if let Some(dtls) = &media.dtls
            && media.has(MediaFlags::DTLS)
        {
            let hash = dtls.hash.unwrap_or(FingerprintHash::Sha256);
            made.fingerprint = self.call.dtls.as_deref().map(|dtls| dtls.certificate().fingerprint(hash));
            made.tls_id = self
                .bundle_head(id)
                .dtls
                .as_ref()
                .and_then(|dtls| dtls.tls_id)
                .filter(|_| dtls_params::shows_tls_id(self.request))
                .map(|id| id.iter().flat_map(|byte| hex_pair(*byte)).collect());
        }
        made
    }

    /// The head of the bundle whose transport the section uses, else the section itself.
    fn bundle_head(&self, id: MediaId) -> &'a Media {
        self.call.signalling.media(self.head_id(id))
    }

    fn head_id(&self, id: MediaId) -> MediaId {
        let media = self.call.signalling.media(id);
        media.bundle.filter(|_| media.has(MediaFlags::BUNDLE_ONLY)).unwrap_or(id)
    }

    fn media<'m>(&self, id: MediaId, made: &'m Made<'a>) -> MediaOut<'m>
    where
        'a: 'm,
    {
        let call = &self.call.signalling;
        let media = call.media(id);
        let source = self.source_of(id).map(|source| call.media(source));
        let socket = self.stream_socket(id, 0);
        let copied = self.copied(media, source);
        let shown_source = copied.is_some_and(|kind| kind == Copied::FromSource);
        let no_codecs =
            media.is_rtp() && media.codecs.list.is_empty() && self.request.has(Flag::AllowNoCodecMedia);
        let inactive = if shown_source { false } else { socket.is_none() || no_codecs };
        let bundled = media.is_bundled(id) && media.has(MediaFlags::BUNDLE_ONLY) && self.offer;
        let own_port = socket.map_or(0, |socket| socket.address.port());
        let endpoint = source.and_then(Media::rtp).and_then(|s| self.call.plane.stream(s)?.advertised());
        let port = match (shown_source, endpoint) {
            (true, Some(endpoint)) => endpoint.port(),
            _ if inactive || (bundled && self.request.bundle.strict) => 0,
            _ => own_port,
        };
        let local = socket.map_or_else(|| self.interface_local(Some(id)), |socket| socket.local);
        let local = self.interfaces.local(local);
        let own_address = if inactive { local.address } else { local.advertised };
        let connection = connection_address(&ConnectionRules {
            media_address: self.request.media_address,
            advertised: match (shown_source, endpoint) {
                (true, Some(endpoint)) => endpoint.ip(),
                _ => own_address,
            },
            inactive,
            // A rejected section is not looked at for the mark.
            zero_address: !shown_source
                && !media.has(MediaFlags::REJECTED)
                && (self.is_zero(source, endpoint) || self.is_held_at_zero(media)),
            ice: media.has(MediaFlags::ICE) && !media.has(MediaFlags::PASSTHROUGH),
        });
        let head =
            MediaHead { mid: media.mid.as_deref(), label: media.label.as_deref(), bundle_only: bundled };
        let body = match copied {
            Some(_) => MediaBody::Copied(self.copied_attributes(id, media, source)),
            None if inactive => MediaBody::Inactive(head),
            None => MediaBody::Regenerated(head, Box::new(self.attributes(id, media, source, made))),
        };
        MediaOut {
            media_type: &media.kind,
            port,
            protocol: match &media.protocol {
                Some(Protocol::Known(transport)) => ProtocolOut::Known(*transport),
                Some(Protocol::Unknown(text)) => ProtocolOut::Unknown(text),
                None => ProtocolOut::Unknown(b"RTP/AVP"),
            },
            formats: &media.format,
            codecs: if media.has(MediaFlags::REJECTED) { Vec::new() } else { codecs(media, made) },
            information: source.map_or(&[][..], |s| &s.section.information),
            connection,
            bandwidth: source.map(|s| s.section.bandwidth).unwrap_or_default(),
            body,
            legacy_osrtp: self.legacy_osrtp(media),
        }
    }

    fn legacy_osrtp(&self, media: &Media) -> LegacyOsrtp {
        if media.has(MediaFlags::LEGACY_OSRTP) {
            LegacyOsrtp::BareBefore
        } else if media.has(MediaFlags::LEGACY_OSRTP_REVERSE) {
            LegacyOsrtp::BareAfter
        } else if self.offer && self.request.osrtp.offer_legacy {
            LegacyOsrtp::OfferBoth
        } else {
            LegacyOsrtp::None
        }
    }

    /// The zero-address mark (§7.1).
    fn is_zero(&self, source: Option<&Media>, endpoint: Option<std::net::SocketAddr>) -> bool {
        let Some(source) = source.filter(|_| !self.request.replace.zero_address) else { return false };
        let Some(endpoint) = endpoint else { return true };
        let trickles = source.has(MediaFlags::TRICKLE_ICE) && source.section.trickle_placeholder;
        endpoint.ip().is_unspecified() && !trickles
    }

    /// The section hears music on hold whose setting hides the address (players.md §7.3).
    fn is_held_at_zero(&self, media: &Media) -> bool {
        let party = media.party;
        let hears = || {
            let first = self.call.first_audio(party).map(|id| self.call.signalling.media(id).index);
            first == Some(media.index)
        };
        self.offer && self.call.heard_music(party).is_some_and(|music| music.zero_connection && hears())
    }

    fn copied(&self, media: &Media, source: Option<&Media>) -> Option<Copied> {
        let source = source?;
        if media.media_type == MediaType::Message
            || is_force_relay(self.request)
            || media.has(MediaFlags::PASSTHROUGH)
        {
            return Some(Copied::FromSource);
        }
        (!media.is_rtp() && !source.is_rtp()).then_some(Copied::Proxied)
    }

    fn copied_attributes(
        &self,
        id: MediaId,
        media: &Media,
        source: Option<&'a Media>,
    ) -> CopiedAttributes<'a> {
        let Some(source) = source else { return CopiedAttributes::default() };
        let relay = is_force_relay(self.request);
        let ice = source.has(MediaFlags::ICE);
        let candidates = if ice && media.media_type != MediaType::Message {
            let kind = if relay { CandidateType::Relay } else { CandidateType::Host };
            let preferences = if media.has(MediaFlags::PASSTHROUGH) {
                passthrough_preferences(&source.section.candidates, kind)
            } else {
                (kind.preference(), 0)
            };
            self.candidates(id, kind, preferences, false)
        } else {
            Vec::new()
        };
        CopiedAttributes {
            source_type: source.media_type,
            attributes: source.section.attributes.copied(relay).collect(),
            candidates,
            end_of_candidates: source.has(MediaFlags::END_OF_CANDIDATES),
        }
    }

    fn attributes<'m>(
        &self,
        id: MediaId,
        media: &'m Media,
        source: Option<&'m Media>,
        made: &'m Made<'a>,
    ) -> MediaAttributes<'m> {
        let request = self.request;
        let mux = media.has(MediaFlags::RTCP_MUX);
        let held = self.call.hold_direction(id).filter(|_| self.offer);
        let answers = matches!(request.command, Command::Publish | Command::Create) || !self.offer;
        let rtcp_socket = self.stream_socket(id, 1);
        let mux_only = mux && (answers || request.rtcp_mux.require || rtcp_socket.is_none());
        let rtp_port = self.stream_socket(id, 0).map(|s| (s.address.port(), s.local));
        let rtcp = if mux_only { rtp_port } else { rtcp_socket.map(|s| (s.address.port(), s.local)) };
        let rtcp = rtcp.filter(|_| !is_force_relay(request) || mux_only);
        let shown = rtcp.is_some();
        let rtcp = rtcp.filter(|_| !request.has(Flag::NoRtcpAttribute)).map(|(port, local)| RtcpOut {
            port,
            address: request
                .has(Flag::FullRtcpAttribute)
                .then(|| request.media_address.unwrap_or_else(|| self.interfaces.local(local).advertised)),
        });
        let crypto = media.is_srtp() && media.has(MediaFlags::SDES) && !media.has(MediaFlags::PASSTHROUGH);
        MediaAttributes {
            extmaps: made.extmaps.clone(),
            extmap_one_byte: media.has(MediaFlags::EXTMAP_SHORT),
            passed: match &media.t38 {
                Some(gateway) => Passed::T38(gateway.options.parameters.printed()),
                None => Passed::Source(
                    source.map_or(media.media_type, |s| s.media_type),
                    source.map(|s| s.section.attributes.passthrough().collect()).unwrap_or_default(),
                ),
            },
            direction: match source {
                _ if held.is_some() => DirectionOut::Generated(held.unwrap_or_default()),
                Some(source) if request.has(Flag::OriginalSendrecv) => {
                    DirectionOut::Original(source.section.directions)
                }
                _ => DirectionOut::Generated(Direction {
                    send: media.has(MediaFlags::SEND),
                    receive: media.has(MediaFlags::RECV),
                }),
            },
            rtcp,
            rtcp_mux: mux && shown,
            crypto: media
                .sdes
                .as_ref()
                .filter(|_| crypto)
                .map(|s| s.own.iter().collect())
                .unwrap_or_default(),
            crypto_print: CryptoPrint { pad: request.sdes.pad, lifetime: request.sdes.lifetime },
            dtls: made.fingerprint.filter(|_| !media.has(MediaFlags::PASSTHROUGH)).map(|fingerprint| {
                DtlsOut { setup: self.setup(media), fingerprint, tls_id: made.tls_id.as_deref() }
            }),
            ptime: media.codecs.packet_time.ptime,
            maxptime: media.codecs.packet_time.maxptime,
            ice: self.ice(id, media, mux_only),
        }
    }

    fn setup(&self, media: &Media) -> Setup {
        let (active, passive) = (media.has(MediaFlags::SETUP_ACTIVE), media.has(MediaFlags::SETUP_PASSIVE));
        match (active, passive) {
            _ if self.offer => Setup::ActPass,
            (true, true) => Setup::ActPass,
            (true, false) => Setup::Active,
            (false, true) => Setup::Passive,
            (false, false) => Setup::None,
        }
    }

    fn ice(&self, id: MediaId, media: &Media, mux_only: bool) -> Option<IceOut<'a>> {
        if !media.has(MediaFlags::ICE) || media.has(MediaFlags::PASSTHROUGH) {
            return None;
        }
        let ice = self.bundle_head(id).ice.as_ref()?;
        let relay = is_force_relay(self.request);
        let kind = if relay { CandidateType::Relay } else { CandidateType::Host };
        Some(IceOut {
            ufrag: &ice.ufrag,
            pwd: &ice.pwd,
            trickle: media.has(MediaFlags::TRICKLE_ICE),
            ice2: media.has(MediaFlags::ICE2),
            candidates: self.candidates(id, kind, (kind.preference(), 0), mux_only),
            remote_candidates: self.remote_candidates(id),
        })
    }

    /// In an offer where we control, the pairs that ICE settled on (§14.4).
    fn remote_candidates(&self, id: MediaId) -> Vec<(u32, IpAddr, u16)> {
        let settled = self.call.agents.completed(self.head_id(id));
        let Some(settled) = settled.filter(|settled| self.offer && settled.controlling) else {
            return Vec::new();
        };
        let pairs = settled.pairs.iter();
        pairs.map(|(component, _, remote)| (u32::from(*component), remote.ip(), remote.port())).collect()
    }

    fn candidates(
        &self,
        id: MediaId,
        kind: CandidateType,
        first: (u32, u32),
        mux_only: bool,
    ) -> Vec<Candidate> {
        let Some(map) = self.bundle_head(id).ports.current() else { return Vec::new() };
        // Once ICE has completed, only the selected address is left, with the number it has in the list.
        let settled = self.call.agents.completed(self.head_id(id));
        let settled = settled.and_then(|settled| {
            let (_, socket, _) = settled.pairs.first()?;
            map.sets.iter().position(|set| set.iter().any(|known| known.key == socket.key))
        });
        let sets = settled.map_or(&map.sets[..], |at| &map.sets[at..=at]);
        let (type_preference, number) = first;
        let first =
            (type_preference, number.wrapping_add(settled.map_or(0, |at| u32::try_from(at).unwrap_or(0))));
        let addresses: Vec<LocalCandidate> = sets
            .iter()
            .filter_map(|set| {
                let rtp = set.first()?;
                let local = self.interfaces.local(rtp.local);
                Some(LocalCandidate {
                    foundation: Text::from(&*local.foundation),
                    address: self.request.media_address.unwrap_or(local.advertised),
                    rtp_port: rtp.address.port(),
                    rtcp_port: set.get(1).filter(|_| !mux_only).map(|s| s.address.port()),
                })
            })
            .collect();
        local_candidates(&addresses, kind, first)
    }
}

/// Why a section's attributes are copied from its source (§5.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copied {
    /// Not proxied: port and address are the source's own.
    FromSource,
    /// Proxied without knowledge of the protocol.
    Proxied,
}

/// A byte as two hexadecimal digits.
pub(super) fn hex_pair(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

fn codecs<'m>(media: &'m Media, made: &'m Made<'_>) -> Vec<CodecOut<'m>> {
    let entries = media.codecs.list.entries().iter().zip(&made.fmtp);
    entries
        .map(|(entry, fmtp)| {
            let codec = entry.printed();
            CodecOut {
                payload_type: entry.answered_as.unwrap_or(entry.payload_type),
                name: codec.name.as_bytes(),
                clock_rate: codec.clock,
                channels: codec.channels,
                fmtp: Cow::Borrowed(fmtp.as_bytes()),
                rtcp_fb: codec.rtcp_fb.iter().map(|value| value.as_bytes()).collect(),
            }
        })
        .collect()
}
