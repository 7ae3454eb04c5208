//! The T.38 gateway in signalling (codecs.md §19.1, §19.2): one side of a pair of sections is image, the other audio.

use rtpengine_common::ng::{Request, T38};
use rtpengine_common::sdp::{MediaType, StreamParams, Text, Transport};
use rtpengine_common::t38::{ErrorCorrection, Options, Parameters};

use super::ctx::Random;
use super::ids::MediaId;
use super::media::{Media, MediaFlags, Protocol};
use super::signalling::Signalling;
use super::transport;

/// Whether this build has the gateway.
pub(super) const AVAILABLE: bool = cfg!(feature = "codec");

/// What an image section keeps of the gateway between it and an audio section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// What it was told to be, once and for all.
    pub options: Options,
    /// SSRC of its audio, not 0.
    pub ssrc: u32,
    /// Where its timestamps begin.
    pub timestamp: u32,
    /// Where its sequence numbers begin, unless media flowed before.
    pub sequence_number: u16,
}

/// The section is T.38 over UDPTL.
fn is_fax(params: &StreamParams) -> bool {
    params.media_type == MediaType::Image && params.protocol == Some(Transport::Udptl)
}

/// Type and protocol kind as a section has them fit what the media was.
fn fits(media: &Media, params: &StreamParams) -> bool {
    media.media_type == params.media_type && (is_fax(params) || params.media_type == MediaType::Audio)
}

/// Decides the types of both sides: what the message says, or with the gateway the other one for the receiver. Returns whether the gateway
/// was asked for and this build has none.
pub(super) fn arrange(
    sender: &mut Media,
    receiver: &mut Media,
    params: &StreamParams,
    request: &Request,
    answer: bool,
    random: &mut dyn Random,
) -> bool {
    let before = sender.t38.take().or_else(|| receiver.t38.take());
    let had = before.is_some();
    let kept = before.filter(|_| {
        !request.t38.stop && fits(sender, params) && receiver.media_type == other(params.media_type)
    });
    let options = if kept.is_none() && !answer { wanted(params, &request.t38) } else { None };
    let missing = options.is_some() && !AVAILABLE;
    let made = options.filter(|_| AVAILABLE).map(|options| Box::new(Gateway::new(options, random)));
    if made.is_some() || (had && kept.is_none()) {
        receiver.protocol = None;
    }
    let gateway = kept.or(made);
    set_type(sender, params.media_type, &params.media_type_text);
    if gateway.is_some() {
        let kind = other(params.media_type);
        set_type(receiver, kind, &Text::from(kind.name()));
    } else {
        set_type(receiver, params.media_type, &params.media_type_text);
    }
    for media in [&mut *sender, &mut *receiver] {
        if had || gateway.is_some() {
            media.flags.set(MediaFlags::GENERATOR, gateway.is_some());
        }
    }
    let image = if params.media_type == MediaType::Image { sender } else { receiver };
    image.t38 = gateway;
    missing
}

fn other(kind: MediaType) -> MediaType {
    if kind == MediaType::Image { MediaType::Audio } else { MediaType::Image }
}

fn set_type(media: &mut Media, kind: MediaType, text: &Text) {
    if media.kind != *text {
        media.kind = text.clone();
        media.media_type = kind;
    }
}

/// The options of a gateway that an offer asks for.
fn wanted(params: &StreamParams, flags: &T38) -> Option<Options> {
    if flags.stop {
        return None;
    }
    let mut parameters = if flags.decode && is_fax(params) {
        Parameters::from_sdp(params.attributes.t38())
    } else if flags.force
        && params.media_type == MediaType::Audio
        && params.protocol.is_some_and(Transport::is_rtp)
    {
        let error_correction = if flags.fec { ErrorCorrection::Fec } else { ErrorCorrection::Redundancy };
        Parameters { error_correction, ..Parameters::default() }
    } else {
        return None;
    };
    parameters.version = flags.version.unwrap_or(parameters.version);
    Some(Options {
        parameters,
        no_ecm: flags.no_ecm,
        no_v17: flags.no_v17,
        no_v27ter: flags.no_v27ter,
        no_v29: flags.no_v29,
        no_iaf: flags.no_iaf,
    })
}

impl Gateway {
    fn new(options: Options, random: &mut dyn Random) -> Self {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        let [a, b, c, d, e, f, g, h, i, j] = bytes;
        Self {
            options,
            ssrc: u32::from_be_bytes([a, b, c, d]).max(1),
            timestamp: u32::from_be_bytes([e, f, g, h]),
            sequence_number: u16::from_be_bytes([i, j]),
        }
    }
}

/// Protocols of both sides, after they were negotiated as if both were of one type (sdp.md §10.1 rule 5).
pub(super) fn settle(sender: &mut Media, receiver: &mut Media, request: &Request, answer: bool) {
    if receiver.t38.is_some() {
        receiver.protocol = Some(Protocol::Known(Transport::Udptl));
        receiver.format = Text::from("t38");
        receiver.extmaps = super::extmap::ExtMaps::default();
    } else if sender.t38.is_some() {
        let wanted = transport::wanted(request).filter(|wanted| wanted.is_rtp());
        let present = receiver.transport().filter(|present| present.is_rtp());
        let chosen = if answer { present } else { wanted.or(present) };
        receiver.protocol = Some(Protocol::Known(chosen.unwrap_or(Transport::RtpAvp)));
        if receiver.format.as_bytes() == b"t38" {
            receiver.format = Text::EMPTY;
        }
    }
}

impl Signalling {
    /// The audio section that an image section faces through the gateway, with what it keeps of it.
    pub(super) fn fax_audio(&self, image: MediaId) -> Option<(MediaId, &Gateway)> {
        let gateway = self.media(image).t38.as_deref()?;
        let audio =
            self.source_of(image).filter(|&audio| self.media(audio).media_type == MediaType::Audio)?;
        Some((audio, gateway))
    }

    /// Whether the gateway is between two medias.
    pub(super) fn is_fax_pair(&self, a: MediaId, b: MediaId) -> bool {
        [(a, b), (b, a)]
            .iter()
            .any(|&(image, audio)| self.fax_audio(image).is_some_and(|(id, _)| id == audio))
    }
}
