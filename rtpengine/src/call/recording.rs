//! What clients say about recording and forwarding: kept on the call (ng-control.md §11.6, §11.7, recording.md §2).

use rtpengine_common::ng::{All, ByteString, Command, RecordCall, Reply, Request, StopRecording, present};

use super::Call;
use super::block::Selected;
use super::ctx::Ctx;
use super::error::Error;
use super::ids::PartyId;
use super::party::PartyFlags;
use super::signalling::CallFlags;
use crate::flow::Level;

/// Where a client wants the recording to go. Empty when a recording has ended (recording.md §2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingTarget {
    /// Output file.
    pub file: Option<ByteString>,
    /// Output directory.
    pub path: Option<ByteString>,
    /// Output name pattern.
    pub pattern: Option<ByteString>,
}

impl Call {
    /// `start`, `stop` and `pause recording`: always the whole call.
    pub(super) fn record(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Reply {
        let party = request.from_tag().and_then(|tag| {
            let party = self.signalling.by_tag(tag.as_bytes());
            if party.is_none() {
                ctx.warn(format!("Given from-tag {} not found", tag.to_text()));
            }
            party
        });
        self.take_metadata(party, request);
        match (request.command, request.recording.stop) {
            (Command::StartRecording, _) => self.start_recording(ctx),
            (Command::PauseRecording, _) | (_, StopRecording::Pause) => self.pause_recording(),
            (_, StopRecording::Discard) => self.stop_recording(true),
            _ => self.stop_recording(false),
        }
        Reply::ok()
    }

    /// What a digit string does (recording.md §9).
    pub(super) fn record_now(&mut self, command: Command, ctx: &mut Ctx<'_>) {
        match command {
            Command::StartRecording => self.start_recording(ctx),
            Command::PauseRecording => self.pause_recording(),
            _ => self.stop_recording(false),
        }
    }

    /// `record-call` and its flags in offer, answer and publish.
    pub(super) fn record_as_asked(&mut self, request: &Request, ctx: &mut Ctx<'_>) {
        match request.record_call() {
            Some(RecordCall::Start) if self.signalling.flags.contains(CallFlags::RECORDING_PAUSED) => {}
            Some(RecordCall::Start) => self.start_recording(ctx),
            Some(RecordCall::Stop) => self.stop_recording(false),
            Some(RecordCall::Discard) => self.stop_recording(true),
            None => {}
        }
    }

    /// Keeps metadata and target of a message, for the party as well if there is one. What is absent or empty stays.
    pub(super) fn take_metadata(&mut self, party: Option<PartyId>, request: &Request) {
        if let Some(metadata) = present(&request.metadata) {
            let metadata: Box<[u8]> = metadata.as_bytes().into();
            if let Some(party) = party {
                self.signalling.party_mut(party).metadata = Some(metadata.clone());
            }
            self.signalling.metadata = Some(metadata);
        }
        let wanted = &request.recording;
        for (given, kept) in [
            (&wanted.file, &mut self.signalling.recording.file),
            (&wanted.path, &mut self.signalling.recording.path),
            (&wanted.pattern, &mut self.signalling.recording.pattern),
        ] {
            if let Some(given) = present(given) {
                *kept = Some(given.clone());
            }
        }
    }

    fn start_recording(&mut self, ctx: &mut Ctx<'_>) {
        let flags = &mut self.signalling.flags;
        let begins = !flags.contains(CallFlags::RECORDING);
        flags.remove(CallFlags::RECORDING_PAUSED | CallFlags::DISCARD_RECORDING);
        flags.insert(CallFlags::RECORDING);
        self.set_up_recording(ctx);
        if begins {
            self.announce_recording(ctx);
        }
    }

    /// A recording that was not started stays off; packets of a paused one are not kept.
    fn pause_recording(&mut self) {
        let flags = &mut self.signalling.flags;
        if flags.contains(CallFlags::RECORDING) {
            flags.remove(CallFlags::RECORDING);
            flags.insert(CallFlags::RECORDING_PAUSED);
        }
    }

    fn stop_recording(&mut self, discard: bool) {
        let flags = &mut self.signalling.flags;
        flags.set(CallFlags::DISCARD_RECORDING, discard);
        flags.remove(CallFlags::RECORDING | CallFlags::RECORDING_PAUSED);
        self.end_recording();
    }

    /// A recording exists from now on, if there is a place for it.
    fn set_up_recording(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.settings.records {
            self.signalling.flags.insert(CallFlags::RECORDING_SET_UP);
        } else {
            ctx.log(Level::Error, "Call recording requested, but no spool directory configured");
        }
    }

    /// The recording goes when nothing needs it any more (recording.md §3.2).
    fn end_recording(&mut self) {
        let needed = CallFlags::RECORDING | CallFlags::RECORDING_PAUSED | CallFlags::FORWARDING;
        let call = &mut self.signalling;
        let forwards = call.parties.iter().any(|party| party.flags.contains(PartyFlags::FORWARDING));
        if !call.flags.intersects(needed) && !forwards {
            call.flags.remove(CallFlags::RECORDING_SET_UP);
            call.recording = RecordingTarget::default();
        }
    }

    /// `start` and `stop forwarding`.
    pub(super) fn forward(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        let selected = self.selected(request)?;
        let on = request.command == Command::StartForwarding;
        let party = match selected {
            Selected::Party(party) => {
                self.signalling.party_mut(party).flags.set(PartyFlags::FORWARDING, on);
                Some(party)
            }
            Selected::All | Selected::Call => {
                self.signalling.flags.set(CallFlags::FORWARDING, on);
                None
            }
        };
        if !on && request.all == All::All {
            for party in &mut self.signalling.parties {
                party.flags.remove(PartyFlags::FORWARDING);
            }
        }
        self.take_metadata(party, request);
        if on {
            self.set_up_recording(ctx);
        } else {
            self.end_recording();
        }
        Ok(Reply::ok())
    }
}
