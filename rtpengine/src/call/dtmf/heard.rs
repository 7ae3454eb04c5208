//! Digits that were seen: what they trigger, and what is told of them (codecs.md §18.6, §18.8).

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use rtpengine_common::bencode;
use rtpengine_common::codec::dtmf::{Seen, sign};
use rtpengine_common::codec::stream::SeenEvent;
use rtpengine_common::log::lines::{DtmfEvent, dtmf_duration_ms};
use rtpengine_common::ng::{Command, Dict, Value};

use super::super::Call;
use super::super::codecs::DtmfBlock;
use super::super::ctx::Ctx;
use super::super::ids::{Name, PartyId, StreamId};
use super::super::party::PartyFlags;
use super::super::signalling::CallFlags;
use super::triggers::{Action, TriggerKind};
use crate::flow::{DtmfNotice, Place, Purpose, Wake};

/// One digit, over now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtmfReport {
    /// Who gets a datagram.
    pub destination: Option<SocketAddr>,
    callid: String,
    source_tag: String,
    source_label: Option<String>,
    tags: Vec<String>,
    /// Unix seconds.
    timestamp: u64,
    source_ip: Option<IpAddr>,
    event: u8,
    duration_ms: u32,
    volume: u8,
}

impl DtmfReport {
    /// The JSON text.
    #[must_use]
    pub fn line(&self) -> String {
        DtmfEvent {
            callid: &self.callid,
            source_tag: &self.source_tag,
            source_label: self.source_label.as_deref().unwrap_or_default(),
            tags: self.tags.iter().map(String::as_str).collect(),
            kind: "DTMF",
            timestamp: self.timestamp,
            source_ip: self.source_ip(),
            event: self.event,
            duration: self.duration_ms,
            volume: self.volume,
        }
        .line()
    }

    /// What connected ng clients get (ng-control.md §1.7).
    #[must_use]
    pub fn notification(&self) -> Vec<u8> {
        let text = |text: &str| Value::from(text.as_bytes().to_vec());
        let mut data = Dict::new();
        data.push("tags", self.tags.iter().map(|tag| text(tag)).collect::<Vec<_>>());
        data.push("callid", text(&self.callid));
        data.push("source_tag", text(&self.source_tag));
        if let Some(label) = &self.source_label {
            data.push("source_label", text(label));
        }
        data.push("type", "DTMF");
        data.push("source_ip", text(&self.source_ip()));
        data.push("timestamp", self.timestamp);
        data.push("event", i64::from(self.event));
        data.push("duration", i64::from(self.duration_ms));
        data.push("volume", i64::from(self.volume));
        let mut bytes = Vec::new();
        bencode::encode(&Dict::new().with("notify", "onDTMF").with("data", data).into(), &mut bytes);
        bytes
    }

    fn source_ip(&self) -> String {
        self.source_ip.map(|address| address.to_string()).unwrap_or_default()
    }
}

impl Call {
    /// Takes the digits that were seen since the last call: they may trigger something, and those that are over are to be told.
    pub fn hear_dtmf(&mut self, ctx: &mut Ctx<'_>) -> Vec<DtmfReport> {
        let mut reports = Vec::new();
        self.note_converted_tones();
        for notice in self.plane.take_dtmf() {
            let Some(party) = self.party_of(notice.stream) else { continue };
            match notice.seen {
                Seen::Started { event, timestamp, .. } => {
                    let sign = sign(event).unwrap_or_default();
                    self.dialled(party, sign, timestamp, notice.clock, ctx);
                }
                Seen::Ended { timestamp, duration, .. } => {
                    if let Some(settings) = &mut self.signalling.party_mut(party).dtmf {
                        settings.triggers.ended(timestamp.wrapping_add(duration.into()));
                    }
                    reports.extend(self.report(party, &notice, ctx));
                }
            }
        }
        reports
    }

    /// Tones that a link made events of. Where the source is listened to they are known already; of several links the first tells.
    fn note_converted_tones(&mut self) {
        for digit in self.plane.take_digits() {
            let Some(stream) = self.plane.stream(digit.stream) else { continue };
            let spec = stream.spec();
            let listened = spec.dtmf.as_ref().is_some_and(|dtmf| !dtmf.listen.is_empty());
            let first = spec.rtp.iter().find(|sink| sink.transcode.is_some()).and_then(|sink| sink.edge);
            if listened || first != digit.edge {
                continue;
            }
            let SeenEvent { event, volume, duration, clock } = digit.event;
            let seen = Seen::Ended { event, volume, timestamp: 0, duration };
            self.plane.note_dtmf(DtmfNotice {
                stream: digit.stream,
                from: None,
                clock,
                seen,
                injected: false,
            });
        }
    }

    fn party_of(&self, stream: StreamId) -> Option<PartyId> {
        let media = self.plane.stream(stream)?.media();
        self.signalling.medias.get(media.index()).map(|media| media.party)
    }

    /// A party began a digit.
    fn dialled(&mut self, party: PartyId, sign: u8, timestamp: u32, clock: u32, ctx: &mut Ctx<'_>) {
        let delay = ctx.settings.dtmf.digit_delay;
        let now = ctx.now.instant;
        let settings = self.signalling.party_mut(party).dtmf.as_mut().filter(|s| s.triggers.is_armed());
        match settings.and_then(|s| s.triggers.digit(sign, timestamp, clock, delay, now)) {
            Some(Action::Mode(mode)) => self.switch_dtmf(party, mode),
            Some(Action::Record(kind)) => self.record_by_code(kind, ctx),
            None => {}
        }
    }

    /// Another mode is in force for a party.
    fn switch_dtmf(&mut self, party: PartyId, mode: DtmfBlock) {
        let state = self.signalling.party_mut(party);
        let settings = state.dtmf.get_or_insert_default();
        settings.mode = mode;
        if let Some(until) = settings.triggers.until() {
            self.plane.wake_at(until, Wake { purpose: Purpose::Dtmf, place: Place::Party(party) });
        }
        self.rebuild_party(party);
    }

    /// Modes that end by themselves do so.
    pub(in crate::call) fn expire_dtmf(&mut self, now: Instant) {
        for at in 0..self.signalling.parties.len() {
            let party = PartyId::at(at);
            let settings = self.signalling.party_mut(party).dtmf.as_mut();
            if let Some(mode) = settings.and_then(|settings| settings.triggers.expire(now)) {
                self.switch_dtmf(party, mode);
            }
        }
    }

    fn record_by_code(&mut self, kind: TriggerKind, ctx: &mut Ctx<'_>) {
        let flags = self.signalling.flags;
        let (exists, on) =
            (flags.contains(CallFlags::RECORDING_SET_UP), flags.contains(CallFlags::RECORDING));
        let command = match kind {
            TriggerKind::StopRecording => Command::StopRecording,
            TriggerKind::StartStopRecording if exists => Command::StopRecording,
            TriggerKind::PauseRecording => Command::PauseRecording,
            TriggerKind::PauseResumeRecording if !exists => return,
            TriggerKind::PauseResumeRecording | TriggerKind::StartPauseResumeRecording if on => {
                Command::PauseRecording
            }
            TriggerKind::Block | TriggerKind::Unblock => return,
            TriggerKind::StartRecording
            | TriggerKind::StartStopRecording
            | TriggerKind::PauseResumeRecording
            | TriggerKind::StartPauseResumeRecording => Command::StartRecording,
        };
        self.record_now(command, ctx);
    }

    fn report(&self, party: PartyId, notice: &DtmfNotice, ctx: &Ctx<'_>) -> Option<DtmfReport> {
        let Seen::Ended { event, volume, duration, .. } = notice.seen else { return None };
        let options = &ctx.settings.dtmf;
        let destination = self.signalling.dtmf_log.or(options.destination);
        let wanted = destination.is_some() || options.is_logged();
        if !wanted || (notice.injected && !options.log_injects) {
            return None;
        }
        let text = |name: &Name| String::from_utf8_lossy(name.as_bytes()).into_owned();
        let call = &self.signalling;
        let source = call.party(party);
        let living = call.parties.iter().filter(|party| !party.flags.contains(PartyFlags::DELETED));
        let endpoint = || self.plane.stream(notice.stream).and_then(crate::flow::Stream::endpoint);
        Some(DtmfReport {
            destination,
            callid: call.ids.get(usize::from(source.call_id)).map(text).unwrap_or_default(),
            source_tag: source.tag.as_ref().map(text).unwrap_or_default(),
            source_label: source.label.as_ref().map(text),
            tags: living.filter_map(|party| party.tag.as_ref()).map(text).collect(),
            timestamp: ctx.now.unix_s(),
            source_ip: notice.from.or_else(endpoint).map(|address| address.ip()),
            event,
            duration_ms: dtmf_duration_ms(duration.into(), notice.clock),
            volume,
        })
    }
}
