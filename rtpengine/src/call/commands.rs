//! The commands offer, answer and delete, and what is checked before a call is looked up (ng-control.md §11.2, §11.4).

use rtpengine_common::ng::{AliasKey, Command, Flag, Reply, Request, present};
use rtpengine_common::sdp::{self, AddressSource, ExtractOptions, Extracted, ParseOptions};

use super::ctx::Ctx;
use super::delete::{Deletion, Target};
use super::error::Error;
use super::exchange::Exchange;
use super::ids::PartyId;
use super::select::{Selection, select};
use super::signalling::CallFlags;
use super::{Call, CloseReason, Done, Fate};
use crate::flow::Level;

/// The checks of a message that come before its call is looked up, in the order of ng-control.md §11.
///
/// # Errors
/// The first key that is missing.
pub fn check(request: &Request) -> Result<(), Error> {
    let has_sdp = request.sdp.is_some();
    let has_call = request.call_id().is_some();
    let has_from = request.from_tag().is_some();
    let has_to = request.to_tag().is_some();
    let need = |present: bool, error: Error| if present { Ok(()) } else { Err(error) };
    match request.command {
        Command::Offer | Command::Answer => {
            need(has_sdp, Error::NoSdp)?;
            need(has_call, Error::NoCallId)?;
            need(has_from, Error::NoFromTag)?;
            need(has_to || request.command == Command::Offer, Error::NoToTag)
        }
        Command::CreateAnswer => {
            need(has_sdp, Error::NoSdp)?;
            need(has_call, Error::NoCallId)?;
            need(has_from, Error::NoFromTag)
        }
        Command::Publish => need(has_sdp, Error::NoSdp),
        Command::InjectStart | Command::InjectStop => {
            need(has_call, Error::NoCallId)?;
            need(has_to, Error::NoToTag)?;
            need(present(&request.source_tag).is_some(), Error::NoSourceTag)
        }
        Command::Ping
        | Command::List
        | Command::Statistics
        | Command::Cli
        | Command::Create
        | Command::Transform
        | Command::Mesh => Ok(()),
        _ => need(has_call, Error::NoCallId),
    }
}

/// The error for a call-id that leads to no call, by command (ng-control.md §13 D).
#[must_use]
pub fn unknown_call(command: Command) -> Error {
    match command {
        Command::Answer
        | Command::Query
        | Command::StartRecording
        | Command::StopRecording
        | Command::PauseRecording => Error::UnknownCallId,
        Command::SubscribeRequest | Command::Connect | Command::InjectStart | Command::InjectStop => {
            Error::UnknownCallIds
        }
        Command::Mesh => Error::UnknownMeshIds,
        Command::CreateAnswer => Error::UnknownCreateId,
        Command::Delete => Error::DeleteNotFound,
        _ => Error::UnknownCallIdUpper,
    }
}

/// The answer to `delete` when nothing is found (ng-control.md §11.4).
#[must_use]
pub fn delete_not_found(request: &Request) -> Reply {
    let text = Error::DeleteNotFound.to_string();
    if request.has(Flag::Fatal) {
        return Reply::error(text);
    }
    let mut reply = Reply::ok();
    reply.warning(text);
    reply
}

/// The SDP of a request as the call sees it.
pub(super) enum Body {
    /// It went through this instance before: returned unchanged.
    Looped,
    /// Everything the call keeps.
    Extracted(Box<Extracted>),
}

/// For the log: of a media more candidates came than are kept (media-plane.md §11).
pub(super) const TOO_MANY_CANDIDATES: &str = "Maximum number of ICE candidates exceeded";

/// Parses the SDP of a request (sdp.md §2, §3, §20).
pub(super) fn read_sdp(request: &Request, fragment: bool, ctx: &mut Ctx<'_>) -> Result<Body, Error> {
    let body = request.sdp.as_ref().map_or(&[][..], |sdp| sdp.as_bytes());
    let options = ParseOptions {
        reject_invalid: ctx.settings.reject_invalid_sdp,
        fragment,
        music_on_hold: ctx.settings.moh_attribute.as_deref().map(str::as_bytes),
    };
    let parsed = sdp::parse(body, &options).map_err(|error| {
        ctx.log(Level::Error, error.to_string());
        Error::ParseSdp
    })?;
    for warning in &parsed.warnings {
        ctx.warn(warning.to_string());
    }
    if request.has(Flag::LoopProtect) && parsed.has_looped(ctx.settings.instance_id.as_bytes()) {
        ctx.log(Level::Info, "SDP went through this instance already, ignoring");
        return Ok(Body::Looped);
    }
    let options = ExtractOptions {
        fragment,
        addresses: if request.trust_address {
            AddressSource::Sdp
        } else {
            AddressSource::Received(request.received_from)
        },
        accept_legacy_osrtp: request.osrtp.accept_legacy,
        force_relay: super::exchange::is_force_relay(request),
    };
    let extracted = sdp::extract(&parsed, &options).map_err(|error| {
        ctx.log(Level::Error, error.to_string());
        Error::IncompleteSdp
    })?;
    let mut ice = extracted.streams.iter().filter_map(|stream| stream.ice.as_ref());
    if ice.any(|ice| ice.more_candidates) {
        ctx.warn(TOO_MANY_CANDIDATES);
    }
    Ok(Body::Extracted(Box::new(extracted)))
}

impl Call {
    /// An offer or an answer (sdp.md §23).
    pub(super) fn offer_answer(
        &mut self,
        request: &Request,
        call_id: u16,
        answer: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        let fragment = request.has(Flag::Fragment) && !answer;
        let extracted = match read_sdp(request, fragment, ctx)? {
            Body::Looped => {
                let sdp = request.sdp.as_ref().map(|sdp| sdp.to_vec()).unwrap_or_default();
                return Ok(Reply::ok().with("sdp", sdp));
            }
            Body::Extracted(extracted) => extracted,
        };
        if fragment {
            let tag = request.from_tag().map_or(&[][..], |tag| tag.as_bytes());
            self.fragment(tag, &extracted, ctx);
            return Ok(Reply::ok());
        }
        if !answer {
            self.check_music(request, &extracted, ctx)?;
        }
        let parties = self.parties_of(request, call_id, answer, &extracted, ctx)?;
        if ctx.settings.active_switchover {
            self.signalling.flags.remove(CallFlags::FOREIGN);
        }
        Exchange::new(self, ctx, request, parties, answer).run(&extracted)?;
        self.apply_fragments(parties.0, ctx);
        self.prepare_announcement(parties.0, request, ctx);
        self.record_as_asked(request, ctx);
        self.update_mixers(parties, request, answer, ctx);
        self.refresh_players(ctx);
        self.music_on_hold(parties, request, &extracted, answer, ctx)?;
        let sdp = self.rewrite(parties.1, request, answer, ctx)?;
        self.mark_printed(parties.1);
        Ok(Reply::ok().with("sdp", sdp))
    }

    fn parties_of(
        &mut self,
        request: &Request,
        call_id: u16,
        answer: bool,
        extracted: &Extracted,
        ctx: &mut Ctx<'_>,
    ) -> Result<(PartyId, PartyId), Error> {
        let tag =
            |tag: Option<&rtpengine_common::ng::ByteString>| tag.map(|t| t.to_vec()).unwrap_or_default();
        let (from, to) = (tag(request.from_tag()), tag(request.to_tag()));
        let (sender_tag, other_tag) = if answer { (&to, &from) } else { (&from, &to) };
        let key = alias_key(request, extracted);
        let alias = key.as_ref().and_then(|key| {
            self.signalling.party_ids().find(|(_, p)| p.alias_key.as_deref() == Some(key)).map(|(id, _)| id)
        });
        let selection = Selection {
            sender_tag,
            other_tag,
            branch: present(&request.via_branch).map_or(&[][..], |b| b.as_bytes()),
            answer,
            new_branch: request.has(Flag::NewBranch),
            provisional: request.has(Flag::Provisional),
            alias,
            call_id,
        };
        let (sender, receiver) =
            select(&mut self.signalling, &selection, ctx.now).ok_or(Error::InvalidDialogue)?;
        if let Some(key) = key {
            self.signalling.party_mut(sender).alias_key = Some(key.into());
        }
        Ok((sender, receiver))
    }

    /// `delete` (ng-control.md §10.7).
    pub(super) fn delete(&mut self, request: &Request, call_id: u16, ctx: &mut Ctx<'_>) -> Done {
        let bytes =
            |key: Option<&rtpengine_common::ng::ByteString>| key.map(|k| k.to_vec()).unwrap_or_default();
        let (from, to) = (bytes(request.from_tag()), bytes(request.delete_to_tag()));
        let branch = bytes(present(&request.via_branch));
        let target = Target { from_tag: &from, to_tag: &to, branch: &branch, call_id };
        let delay = Self::delete_delay(request, ctx.settings);
        let deletion = self.signalling.delete_marked(&target, delay, ctx.now);
        let whole = deletion == Deletion::Call;
        match &deletion {
            Deletion::NotFound => {}
            Deletion::Parties(gone) => self.end_players(gone, ctx),
            Deletion::Call => self.end_players(&self.living_parties(), ctx),
        }
        if let Deletion::Parties(gone) = &deletion
            && delay.is_zero()
        {
            for &party in gone {
                self.destroy_party(party, ctx.ports);
            }
        }
        if deletion == Deletion::NotFound {
            return Done { reply: delete_not_found(request), fate: Fate::Keep };
        }
        let mut reply = Reply::ok();
        if !request.has(Flag::Fast) {
            let only = if to.is_empty() { &from } else { &to };
            self.statistics(&mut reply, (!whole).then_some(only.as_slice()), ctx);
        }
        let fate = if whole && delay.is_zero() { Fate::Destroy(CloseReason::Regular) } else { Fate::Keep };
        Done { reply, fate }
    }

    /// The SDP for a party has been produced: from now on addresses are learned from its packets.
    pub(super) fn mark_printed(&mut self, party: PartyId) {
        use super::media::MediaFlags;
        for media in self.signalling.party(party).medias.clone() {
            if !self.signalling.media(media).has(MediaFlags::PRINTED) {
                self.signalling.media_mut(media).flags.insert(MediaFlags::PRINTED);
                self.compile(media);
            }
        }
    }
}

/// What identifies the sender beside its tag (ng-control.md §10.4).
fn alias_key(request: &Request, extracted: &Extracted) -> Option<Vec<u8>> {
    match request.alias_key {
        AliasKey::None => None,
        AliasKey::Sdp => request.sdp.as_ref().map(|sdp| sdp.to_vec()),
        AliasKey::Address => extracted
            .streams
            .first()
            .and_then(|s| s.rtp)
            .filter(|rtp| rtp.port() != 0)
            .map(|rtp| rtp.to_string().into_bytes()),
    }
}
