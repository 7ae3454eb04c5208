//! `play DTMF`: digits in the name of a party (players.md §6, codecs.md §18.5).

use rtpengine_common::codec::Supplemental;
use rtpengine_common::codec::dtmf::Digit;
use rtpengine_common::codec::stream::{Passing, Route};
use rtpengine_common::ng::{Reply, Request};
use rtpengine_common::sdp::MediaType;

use super::super::Call;
use super::super::codec_bridge;
use super::super::codecs::Entry;
use super::super::ctx::Ctx;
use super::super::edge::EdgeFlags;
use super::super::error::Error;
use super::super::ids::{MediaId, PartyId};
use crate::flow::Injection;

/// Shortest and longest digit or pause in ms.
const TONE_MS: std::ops::RangeInclusive<i32> = 100..=5000;
const DEFAULT_DURATION_MS: i32 = 250;
const DEFAULT_PAUSE_MS: i32 = 100;
/// Level in dB below full scale.
const DEFAULT_VOLUME: u8 = 8;
const MAX_VOLUME: u32 = 63;

impl Call {
    /// Puts a digit into what these parties send. Nothing is put in anywhere if one of them has no way for it.
    pub(in crate::call) fn play_dtmf(
        &mut self,
        request: &Request,
        parties: &[PartyId],
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        let digit = digit(request, ctx)?;
        let ways =
            parties.iter().map(|&party| self.dtmf_path(party, digit)).collect::<Result<Vec<_>, _>>()?;
        for way in ways {
            if !self.send_digit(&way) {
                ctx.warn("Too many DTMF events queued for injection");
            }
        }
        self.compile_all();
        Ok(Reply::ok())
    }

    /// Sends a digit on its way. `false`: too many wait.
    fn send_digit(&mut self, way: &Way) -> bool {
        let Injection { stream, edge, ssrc, payload_type, clock, frame, digit } = way.injection;
        match way.kind {
            Kind::Forwarded => {
                if let Some(edge) = self.signalling.edges.iter_mut().find(|e| e.id == edge) {
                    edge.flags.insert(EdgeFlags::DIGITS);
                }
                self.plane.inject(&way.injection).is_ok()
            }
            Kind::Transcoded { passing } => {
                let types = self.plane.stream(stream).and_then(|s| s.spec().payload_types.clone());
                let events = types.map_or(0, |types| types.events());
                let passing = passing.then_some(Passing { payload_type, clock, frame, events });
                self.plane.inject_transcoded((stream, edge, ssrc), digit, passing)
            }
        }
    }

    /// How a digit in the name of a party reaches whoever listens to it.
    fn dtmf_path(&self, party: PartyId, digit: Digit) -> Result<Way, Error> {
        let call = &self.signalling;
        let is_audio = |id: MediaId| call.media(id).media_type == MediaType::Audio;
        let media = call.party(party).medias.iter().copied().find(|&id| is_audio(id));
        let media = media.ok_or(Error::NoDtmfMedia)?;
        let mut sinks = call.edges_from(media).filter(|e| e.flags.is_plain());
        let edge = sinks.find(|e| is_audio(e.sink)).ok_or(Error::NoDtmfSink)?;
        let id = call.media(media).rtp().ok_or(Error::NoDtmfStream)?;
        let stream = self.plane.stream(id).filter(|stream| stream.selected().is_some());
        let stream = stream.ok_or(Error::NoDtmfStream)?;
        let plane = self.plane.media(stream.media()).ok_or(Error::NoDtmfStream)?;
        let ssrc = plane.ssrc_in.by_recency().first().map(|entry| entry.ssrc()).ok_or(Error::NoDtmfSsrc)?;
        let codecs = &call.media(media).codecs;
        let is_event = |number: u8| codec_bridge::telephone_events(codecs).any(|event| event == number);
        let used = plane.payload_types().iter().rev().filter(|count| !is_event(count.payload_type));
        let used = used.max_by_key(|count| count.packets).ok_or(Error::NoDtmfPayloadType)?;
        let entry = codecs.list.get(used.payload_type).ok_or(Error::NoDtmfHandler)?;
        let clock = entry.codec.clock;
        let of_clock =
            |e: &&Entry| e.codec.supplemental == Some(Supplemental::TelephoneEvent) && e.codec.clock == clock;
        let events = call.media(edge.sink).codecs.list.entries().iter().find(of_clock);
        let events = events.map(|entry| entry.payload_type);
        let routed = |route: &Route| route.input_payload_type == used.payload_type;
        let kind = match &edge.codecs.transcode {
            Some(transcode) if transcode.routes.iter().any(routed) => Kind::Transcoded { passing: false },
            Some(_) if events.is_some() => Kind::Transcoded { passing: true },
            None if events.is_some() => Kind::Forwarded,
            _ => return Err(Error::NoDtmfHandler),
        };
        if kind != Kind::Forwarded && !self.plane.has_transcoder(id, edge.id, ssrc) {
            return Err(Error::NoDtmfSsrcHandler);
        }
        let frame = clock / 1000 * codecs.packet_time_of(entry);
        let payload_type = events.unwrap_or_default();
        let injection = Injection { stream: id, edge: edge.id, ssrc, payload_type, clock, frame, digit };
        Ok(Way { injection, kind })
    }
}

/// How a digit reaches whoever listens.
#[derive(Clone, Copy, Debug)]
struct Way {
    injection: Injection,
    kind: Kind,
}

/// What the link does with the audio that the digit replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is forwarded as it is.
    Forwarded,
    /// It goes through a transcoder; `passing`: which only renumbers it.
    Transcoded { passing: bool },
}

/// The digit a request asks for. Times out of range are brought into it, with a warning.
fn digit(request: &Request, ctx: &mut Ctx<'_>) -> Result<Digit, Error> {
    let asked = &request.dtmf;
    let mut time = |name: &str, given: Option<i32>, default: i32| {
        let ms = given.filter(|ms| *ms != 0).unwrap_or(default);
        if !TONE_MS.contains(&ms) {
            ctx.warn(format!("Invalid value ({ms}) specified for '{name}'"));
        }
        ms.clamp(*TONE_MS.start(), *TONE_MS.end()).unsigned_abs()
    };
    let duration_ms = time("duration", asked.duration_ms, DEFAULT_DURATION_MS);
    let pause_ms = time("pause", asked.pause_ms, DEFAULT_PAUSE_MS);
    let volume = asked.volume.map(|volume| volume.unsigned_abs().min(MAX_VOLUME));
    let volume = volume.and_then(|volume| u8::try_from(volume).ok()).unwrap_or(DEFAULT_VOLUME);
    let event = asked.digit.ok_or(Error::CodeRange)?;
    Ok(Digit { event, volume, duration_ms, pause_ms })
}
