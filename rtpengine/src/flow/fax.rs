//! The T.38 gateway in the packet path (codecs.md §19.5, media-plane.md §16 rule 3): datagrams of an image stream become RTP of an
//! audio stream and the other way round.

use std::time::{Duration, Instant};

use rtpengine_common::codec::stream::InPacket;
use rtpengine_common::rtp::{RtpHeader, RtpPacket};
use rtpengine_common::t38::Options;
use rtpengine_common::t38::gateway::{AudioCodec, Gateway, Produced, RtpStart};

use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

use super::events::Notice;
use super::plane::{Plane, Turn};
use super::schedule::{Place, Purpose, Wake};

/// A gateway as signalling wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct FaxSpec {
    /// The stream with UDPTL.
    pub image: StreamId,
    /// The stream with RTP.
    pub audio: StreamId,
    /// What the gateway is told to be.
    pub options: Options,
    /// The audio codecs; the first is what the gateway speaks.
    pub codecs: Vec<AudioCodec>,
    /// SSRC of its audio.
    pub ssrc: u32,
    /// Where its audio begins, if no media flowed before.
    pub start: RtpStart,
    /// What it says is sent on to these sides.
    pub to_image: bool,
    /// See above.
    pub to_audio: bool,
}

/// A gateway at work, or waiting for its peers.
#[derive(Debug)]
pub(super) struct Fax {
    spec: FaxSpec,
    gateway: Option<Gateway>,
    epoch: Instant,
    /// The modem or the codec could not be opened: said once, and not tried again before the codecs change.
    failed: bool,
}

impl Fax {
    pub(super) fn shift(&mut self, streams: u32) {
        self.spec.image.0 += streams;
        self.spec.audio.0 += streams;
    }

    fn time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch)
    }
}

impl Plane {
    fn faxes(&self) -> &[Fax] {
        self.seldom.as_ref().map_or(&[], |seldom| &seldom.faxes)
    }

    fn faxes_mut(&mut self) -> &mut Vec<Fax> {
        &mut self.seldom.get_or_insert_default().faxes
    }

    /// Puts a gateway in force, or tells the present one between the same streams what has changed.
    pub fn set_fax(&mut self, spec: FaxSpec, now: Instant) {
        let image = spec.image;
        let Some(fax) = self.faxes_mut().iter_mut().find(|fax| fax.spec.image == image) else {
            self.faxes_mut().push(Fax { spec, gateway: None, epoch: now, failed: false });
            return self.start_fax_soon(image, now);
        };
        if fax.spec.ssrc != spec.ssrc || fax.spec.audio != spec.audio {
            *fax = Fax { spec, gateway: None, epoch: now, failed: false };
            return self.start_fax_soon(image, now);
        }
        if fax.spec.codecs != spec.codecs {
            fax.failed =
                fax.gateway.as_mut().is_some_and(|gateway| gateway.set_codecs(spec.codecs.clone()).is_err());
        }
        let waits = fax.gateway.is_none();
        fax.spec = spec;
        if waits {
            self.start_fax_soon(image, now);
        }
    }

    /// Ends the gateway of an image stream, if there is one.
    pub fn end_fax(&mut self, image: StreamId) {
        if let Some(seldom) = &mut self.seldom {
            seldom.faxes.retain(|fax| fax.spec.image != image);
        }
    }

    /// Nothing has come that could set a waiting gateway off; it looks itself.
    fn start_fax_soon(&mut self, image: StreamId, now: Instant) {
        self.wake_at(now, Wake { purpose: Purpose::Fax, place: Place::Stream(image) });
    }

    /// Gives a packet to the gateway of its stream, if the stream has one.
    pub(super) fn feed_fax<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, from: StreamId, bytes: &[u8]) {
        let of = |fax: &Fax| fax.spec.image == from || fax.spec.audio == from;
        let Some(at) = self.faxes().iter().position(of) else { return };
        self.start_fax(turn, at);
        let Some(fax) = self.faxes_mut().get_mut(at) else { return };
        let now = fax.time(turn.now.instant);
        let Some(gateway) = &mut fax.gateway else { return };
        let mut produced = Produced::default();
        if from == fax.spec.image {
            gateway.push_datagram(now, bytes, &mut produced);
        } else if let Ok(packet) = RtpPacket::parse(bytes) {
            let packet = InPacket {
                payload_type: packet.payload_type(),
                marker: packet.marker(),
                sequence_number: packet.sequence_number(),
                timestamp: packet.timestamp(),
                payload: packet.payload(),
            };
            // A payload that is none is a lost one.
            let _ = gateway.push_audio(now, &packet, &mut produced);
        }
        self.send_fax(turn, at, &produced);
    }

    /// A gateway has samples to make.
    pub fn run_fax<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, image: StreamId) {
        let Some(at) = self.faxes().iter().position(|fax| fax.spec.image == image) else { return };
        if self.start_fax(turn, at) {
            return;
        }
        let Some(fax) = self.faxes_mut().get_mut(at) else { return };
        let now = fax.time(turn.now.instant);
        let Some(gateway) = &mut fax.gateway else { return };
        if gateway.due() > now {
            // Somebody woke it twice; the other wake-up is still to come.
            return;
        }
        let mut produced = Produced::default();
        let _ = gateway.run(now, &mut produced);
        let due = fax.epoch + gateway.due();
        self.send_fax(turn, at, &produced);
        self.wake_at(due, Wake { purpose: Purpose::Fax, place: Place::Stream(image) });
    }

    /// Starts a waiting gateway when both streams have an endpoint and there is a codec (codecs.md §19.5 rule 2). Returns whether it
    /// was started now.
    fn start_fax<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, at: usize) -> bool {
        let Some(fax) = self.faxes().get(at).filter(|fax| fax.gateway.is_none() && !fax.failed) else {
            return false;
        };
        let (image, audio) = (fax.spec.image, fax.spec.audio);
        if fax.spec.codecs.is_empty() || self.route(image).is_none() {
            return false;
        }
        let Some(route) = self.route(audio) else { return false };
        let mut start = fax.spec.start;
        // Where media flowed before, its numbers go on (codecs.md §19.5 rule 1).
        let before =
            self.medias.get(route.media).and_then(|media| media.ssrc_out.by_recency().first().copied());
        if let Some(before) = before {
            start.sequence_number = (before.extended_sequence() as u16).wrapping_add(1);
        }
        let Some(fax) = self.faxes_mut().get_mut(at) else { return false };
        let now = fax.time(turn.now.instant);
        match Gateway::start(fax.spec.options, fax.spec.codecs.clone(), start, now) {
            Ok(gateway) => {
                let due = fax.epoch + gateway.due();
                fax.gateway = Some(gateway);
                self.wake_at(due, Wake { purpose: Purpose::Fax, place: Place::Stream(image) });
                true
            }
            Err(_) => {
                fax.failed = true;
                turn.events.push(turn.now.instant, audio, Notice::NoFaxGateway {});
                false
            }
        }
    }

    fn send_fax<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, at: usize, produced: &Produced) {
        let Some(fax) = self.faxes().get(at) else { return };
        let FaxSpec { image, audio, ssrc, to_image, to_audio, .. } = fax.spec;
        for packet in produced.audio.iter().filter(|_| to_audio) {
            let header = RtpHeader {
                marker: packet.marker,
                payload_type: packet.payload_type,
                sequence_number: packet.sequence_number,
                timestamp: packet.timestamp,
                ssrc,
            };
            self.send_media(turn, (None, audio), &header, None, &packet.payload);
        }
        if let Some(route) = self.route(image).filter(|_| to_image) {
            for datagram in &produced.datagrams {
                self.send(turn.out, image, route, datagram);
            }
        }
    }
}
