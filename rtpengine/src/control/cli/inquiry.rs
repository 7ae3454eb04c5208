//! Commands that need to see calls: what is asked of the shards, and the answer made of what they bring back.

use std::any::Any;

use rtpengine_common::log::lines::TagType;

use super::listing::{self, CallDetails, MediaDetails, PartyDetails, PortDetails, SessionRow};
use super::{CallAction, Sessions};
use crate::call::Call;
use crate::call::ctx::Now;
use crate::call::ids::{MediaId, Name, PartyId};
use crate::call::signalling::CallFlags;
use crate::flow::{Component, MediaPlane, Stream};
use crate::shard::survey::{Survey, Verdict};

/// What the shards are asked.
#[derive(Debug, Clone)]
enum Question {
    Rows(Sessions),
    Terminate(Sessions),
    SetForeign(bool),
    Debug(bool),
    Call(CallAction),
}

/// A command under way: one survey per shard, or one for one call.
#[derive(Debug, Clone)]
pub struct Inquiry {
    question: Question,
    call_id: Option<String>,
    now: Now,
}

impl Inquiry {
    /// `list sessions …`
    pub(super) fn list(which: Sessions, now: Now) -> Self {
        match which {
            Sessions::Call(id) => Self::one(id.clone(), Question::Rows(Sessions::Call(id)), now),
            which => Inquiry { question: Question::Rows(which), call_id: None, now },
        }
    }

    /// `terminate …`
    pub(super) fn terminate(which: Sessions, now: Now) -> Self {
        match which {
            Sessions::Call(id) => Self::one(id.clone(), Question::Terminate(Sessions::Call(id)), now),
            which => Inquiry { question: Question::Terminate(which), call_id: None, now },
        }
    }

    /// `active`, `standby`
    pub(super) fn set_foreign(foreign: bool, now: Now) -> Self {
        Inquiry { question: Question::SetForeign(foreign), call_id: None, now }
    }

    /// `debug <call-id>`
    pub(super) fn debug(call_id: String, on: bool, now: Now) -> Self {
        Self::one(call_id, Question::Debug(on), now)
    }

    /// `call <call-id> …`
    pub(super) fn call(call_id: String, action: CallAction, now: Now) -> Self {
        Self::one(call_id, Question::Call(action), now)
    }

    fn one(call_id: String, question: Question, now: Now) -> Self {
        Inquiry { question, call_id: Some(call_id), now }
    }

    /// The only call asked about; without it every shard is asked.
    pub fn only(&self) -> Option<Name> {
        self.call_id.as_deref().map(Name::from)
    }

    /// The survey for one shard.
    pub fn survey(&self) -> Box<dyn Survey> {
        Box::new(CallSurvey {
            question: self.question.clone(),
            now: self.now,
            rows: vec![],
            found: false,
            answer: None,
        })
    }

    /// The answer, from the surveys that came back; for an unknown call there is none.
    pub fn answer(&self, surveys: impl IntoIterator<Item = Box<dyn Survey>>) -> String {
        let mut whole = CallSurvey {
            question: self.question.clone(),
            now: self.now,
            rows: vec![],
            found: false,
            answer: None,
        };
        for survey in surveys {
            if let Ok(part) = survey.into_any().downcast::<CallSurvey>() {
                whole.rows.extend(part.rows);
                whole.found |= part.found;
                whole.answer = whole.answer.or(part.answer);
            }
        }
        let id = self.call_id.as_deref().unwrap_or_default();
        match &self.question {
            Question::Rows(Sessions::Call(_)) => whole.answer.unwrap_or_else(|| listing::call_not_found(id)),
            Question::Rows(which) => listing::sessions(which, &whole.rows),
            Question::Terminate(which) => listing::terminated(which, whole.found),
            Question::SetForeign(true) => listing::STANDBY.to_owned(),
            Question::SetForeign(false) => listing::ACTIVE.to_owned(),
            Question::Debug(on) => listing::debug(id, *on, whole.found),
            Question::Call(_) => whole.answer.unwrap_or_else(|| listing::no_such_call(id)),
        }
    }
}

#[derive(Debug)]
struct CallSurvey {
    question: Question,
    now: Now,
    rows: Vec<SessionRow>,
    /// The call was there.
    found: bool,
    /// What a question about one call got.
    answer: Option<String>,
}

impl Survey for CallSurvey {
    fn visit(&mut self, call: &mut Call, _now: Now) -> Verdict {
        self.found = true;
        match &self.question {
            Question::Rows(Sessions::Call(_)) => self.answer = Some(details(call, self.now).text()),
            Question::Rows(_) => self.rows.push(row(call)),
            Question::Terminate(which) => {
                let foreign = call.signalling.flags.contains(CallFlags::FOREIGN);
                let ends = match which {
                    Sessions::Own => !foreign,
                    Sessions::Foreign => foreign,
                    Sessions::All | Sessions::Recording | Sessions::Call(_) => true,
                };
                return if ends { Verdict::Terminate } else { Verdict::Keep };
            }
            Question::SetForeign(foreign) => call.signalling.flags.set(CallFlags::FOREIGN, *foreign),
            Question::Debug(on) => call.signalling.flags.set(CallFlags::DEBUG, *on),
            Question::Call(action) => {
                let (answer, verdict) = act(call, action, self.now);
                self.answer = Some(answer);
                return verdict;
            }
        }
        Verdict::Keep
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

fn act(call: &mut Call, action: &CallAction, now: Now) -> (String, Verdict) {
    let id = call.signalling.ids.first().map(ToString::to_string).unwrap_or_default();
    let answer = match action {
        CallAction::Info => details(call, now).text(),
        CallAction::Terminate => return (listing::call_terminated(&id), Verdict::Terminate),
        CallAction::Debug(on) => {
            call.signalling.flags.set(CallFlags::DEBUG, *on);
            listing::debug(&id, *on, true)
        }
        CallAction::PartyInfo(tag) => match call.signalling.by_tag(tag.as_bytes()) {
            Some(found) => party(call, found, now).text(),
            None => listing::no_such_tag(tag),
        },
        CallAction::PartyDelay { tag, delay_ms } => match call.signalling.by_tag(tag.as_bytes()) {
            Some(found) => {
                call.set_delay_buffer(found, *delay_ms);
                listing::delay_set(*delay_ms)
            }
            None => listing::no_such_tag(tag),
        },
        CallAction::PartyDetectDtmf { tag, on } => match call.signalling.by_tag(tag.as_bytes()) {
            Some(found) => {
                call.set_detect_dtmf(found, *on);
                listing::detect_dtmf_set(*on)
            }
            None => listing::no_such_tag(tag),
        },
    };
    (answer, Verdict::Keep)
}

fn row(call: &Call) -> SessionRow {
    let signalling = &call.signalling;
    SessionRow {
        call_id: signalling.ids.first().map(ToString::to_string).unwrap_or_default(),
        deleted: signalling.deletion.is_some(),
        created: signalling.created_us / 1_000_000,
        proxy: signalling.created_from.as_deref().unwrap_or_default().to_owned(),
        redis_database: -1,
        foreign: signalling.flags.contains(CallFlags::FOREIGN),
        recording: signalling.flags.contains(CallFlags::RECORDING),
    }
}

/// Everything the text protocol shows of a call.
pub fn details(call: &Call, now: Now) -> CallDetails {
    let signalling = &call.signalling;
    CallDetails {
        row: row(call),
        aliases: signalling.ids.iter().skip(1).map(ToString::to_string).collect(),
        tos: signalling.tos,
        last_signal: signalling.last_signal.0,
        last_redis_update: 0,
        parties: signalling.party_ids().map(|(id, _)| party(call, id, now)).collect(),
    }
}

fn party(call: &Call, id: PartyId, now: Now) -> PartyDetails {
    let signalling = &call.signalling;
    let party = signalling.party(id);
    let name = |name: &Option<Name>| name.as_ref().map(ToString::to_string).unwrap_or_default();
    let far_end = |media: MediaId| {
        let media = signalling.media(media);
        (name(&signalling.party(media.party).tag), media.index)
    };
    let age = (now.unix_us / 1_000_000).saturating_sub(party.created);
    PartyDetails {
        tag: name(&party.tag),
        // The party that made the call is the caller.
        tag_type: match (id.index(), &party.tag) {
            (0, _) => TagType::FromTag,
            (_, Some(_)) => TagType::ToTag,
            (_, None) => TagType::Unknown,
        },
        label: name(&party.label),
        branch: name(&party.branch),
        duration: std::time::Duration::from_secs(age),
        aliases: party.aliases.iter().map(ToString::to_string).collect(),
        subscribed_to: party
            .medias
            .iter()
            .flat_map(|m| signalling.edges_to(*m))
            .map(|e| far_end(e.source))
            .collect(),
        subscribers: party
            .medias
            .iter()
            .flat_map(|m| signalling.edges_from(*m))
            .map(|e| far_end(e.sink))
            .collect(),
        medias: party.medias.iter().map(|id| media(call, *id, now)).collect(),
    }
}

fn media(call: &Call, id: MediaId, now: Now) -> MediaDetails {
    let media = call.signalling.media(id);
    let plane = call.plane.media(id);
    let received = plane.and_then(MediaPlane::most_received);
    let codec = received.and_then(|payload_type| media.codecs.list.get(payload_type)).map(|entry| {
        let codec = &entry.codec;
        match codec.channels {
            0 | 1 => format!("{}/{}", codec.name, codec.clock),
            channels => format!("{}/{}/{channels}", codec.name, codec.clock),
        }
    });
    let ssrc =
        plane.and_then(|plane| plane.ssrc_in.by_recency().first().map(|entry| entry.ssrc())).unwrap_or(0);
    let streams = media.streams.iter().filter_map(|id| call.plane.stream(*id));
    MediaDetails {
        index: media.index,
        kind: String::from_utf8_lossy(&media.kind).into_owned(),
        protocol: media
            .protocol
            .as_ref()
            .map(|protocol| String::from_utf8_lossy(protocol.name()).into_owned()),
        codec,
        ports: streams.map(|stream| port(stream, ssrc, now)).collect(),
    }
}

fn port(stream: &Stream, ssrc: u32, now: Now) -> PortDetails {
    let counters = stream.counters_in();
    let age = now.instant.saturating_duration_since(stream.last_packet());
    PortDetails {
        local: stream.selected().map(|socket| socket.address),
        peer: stream.endpoint(),
        rtcp: stream.component() == Component::Rtcp,
        ssrc,
        packets: counters.packets,
        bytes: counters.bytes,
        errors: counters.errors,
        last_user: (now.unix_us / 1_000_000).saturating_sub(age.as_secs()),
        last_kernel: 0,
    }
}
