//! What a shard does with requests about its calls.

use super::calls::{CallSlot, Resident};
use super::core::{CALL_TICK, Shard, Timer};
use super::desk::Desk;
use super::message::Order;
use super::tally::{self, Contribution};
use crate::call::ctx::Ctx;
use crate::call::ids::Name;
use crate::call::{Call, Done, Fate, delete_not_found, unknown_call};
use rtpengine_common::ng::{ByteString, Command, Flag, Reply, Request};
use std::net::SocketAddr;

impl Shard {
    /// Whether an id leads to a call here.
    pub fn has_call(&self, id: &[u8]) -> bool {
        self.calls.find(id).is_some()
    }

    /// Carries a checked request out. `None`: the reply comes later.
    pub fn execute(&mut self, order: Order) -> Option<Reply> {
        let id = order.request.call_id().or_else(|| order.request.calls.first());
        if let Some(id) = id.filter(|_| announces(&order.request))
            && self.calls.find(id.as_bytes()).is_none()
        {
            self.create(id.as_bytes(), order.agent);
        }
        let ticket = order.ticket;
        self.ticket_at_work = Some(ticket);
        let parked = self.park(order);
        self.ticket_at_work = None;
        parked.err().and_then(|order| {
            let reply = self.carry_out_at_work(&order);
            self.hold(&order, reply)
        })
    }

    /// Carries a request out, noting which one it is.
    pub(super) fn carry_out_at_work(&mut self, order: &Order) -> Reply {
        self.ticket_at_work = Some(order.ticket);
        let reply = self.carry_out(order);
        self.ticket_at_work = None;
        reply
    }

    pub(super) fn carry_out(&mut self, order: &Order) -> Reply {
        let request = &*order.request;
        let id = request.call_id().or_else(|| request.calls.first());
        let Some(id) = id.map(ByteString::as_bytes) else {
            return Reply::from_error(&unknown_call(request.command));
        };
        let found = self.calls.find(id);
        let slot = match (found, creates(request.command)) {
            (Some(slot), _) => slot,
            (None, true) => self.create(id, order.agent),
            (None, false) if request.command == Command::Delete => return delete_not_found(request),
            (None, false) => return Reply::from_error(&unknown_call(request.command)),
        };
        if let Err(error) = self.gather(slot, request) {
            return Reply::from_error(&error);
        }
        let Some(Done { reply, fate }) = self.command(slot, request, id) else {
            return Reply::from_error(&unknown_call(request.command));
        };
        match fate {
            Fate::Keep => {
                self.run_errands(slot);
                self.lead_sockets(slot);
                if signals(request.command) {
                    self.pierce(slot);
                }
                self.poll_call(slot);
            }
            Fate::Destroy(reason) => self.end_call(slot, reason),
        }
        reply
    }

    fn create(&mut self, id: &[u8], agent: SocketAddr) -> CallSlot {
        let key = self.shared.call_key();
        let mut call = Box::new(Call::new(key, Name::from(id), self.now, self.settings.tos));
        call.plane.set_elsewhere(self.shared.elsewhere());
        call.signalling.created_from = Some(tally::agent_text(agent));
        let contribution = Contribution::enter(&self.stats, &call);
        let cpu = self.shared.socket_cpu();
        let resident = Resident { call, sockets: Vec::new(), cpu, contribution, parked: None };
        let slot = self.calls.insert(resident);
        self.wheel.set(self.now.instant + CALL_TICK, (slot, key, Timer::Tick));
        slot
    }

    fn command(&mut self, slot: CallSlot, request: &Request, id: &[u8]) -> Option<Done> {
        let resident = self.calls.get_mut(slot)?;
        self.at_work = Some(slot);
        let Resident { call, sockets, cpu, contribution, .. } = resident;
        let mut desk = Desk {
            interfaces: &self.shared.interfaces,
            pools: &self.shared.pools,
            readiness: &self.readiness,
            sockets: &mut self.sockets,
            stats: &self.stats,
            call: slot,
            open: sockets,
            cpu: *cpu,
        };
        let mut ctx = Ctx {
            now: self.now,
            ports: &mut desk,
            random: &mut self.dice,
            interfaces: &self.shared.interfaces,
            settings: &self.settings,
            log: &mut self.log,
        };
        let done = call.command(request, id, &mut ctx);
        call.newcomers = None;
        call.answer_questions(Vec::new());
        contribution.signalled(&self.stats, call);
        self.at_work = None;
        self.write_log(slot);
        Some(done)
    }
}

/// The commands that may tell the daemon where a peer is.
fn signals(command: Command) -> bool {
    matches!(
        command,
        Command::Offer
            | Command::Answer
            | Command::Publish
            | Command::SubscribeRequest
            | Command::SubscribeAnswer
            | Command::CreateAnswer
    )
}

/// A first offer that has something opened before it is carried out: the call is there to wait at.
fn announces(request: &Request) -> bool {
    request.command == Command::Offer
        && request.has(Flag::RecordingAnnouncement)
        && !request.play.source.is_empty()
}

/// The commands that make a call when its id is unknown (ng-control.md 10.1).
pub fn creates(command: Command) -> bool {
    matches!(command, Command::Offer | Command::Publish | Command::Create | Command::Transform)
}
