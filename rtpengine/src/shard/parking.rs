//! Requests that wait for media to be opened, and those that wait behind them (design: *ask, then change*).
//!
//! A request that needs something opened changes nothing before all of it is known; then it is carried out on the call as it is by then.
//! Later requests of the same call keep their order behind it; other calls and all packets go on.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::calls::CallSlot;
use super::core::Shard;
use super::message::{Order, ToShard};
use crate::call::ids::CallKey;
use crate::player::{Answer, OpenError, Source};
use rtpengine_common::ng::{ByteString, Reply};

/// How long a request waits for its media: clients have given up by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests of one call that may wait.
const MOST_WAITING: usize = 256;

/// How often a request may find that it needs something else meanwhile.
const ROUNDS: u8 = 3;

/// A request that waits, and what waits behind it.
#[derive(Debug)]
pub(super) struct Parked {
    /// The first one asked.
    orders: VecDeque<Order>,
    /// What was asked and is not known yet.
    open: Vec<Source>,
    answers: Vec<(Source, Answer)>,
    deadline: Instant,
    rounds: u8,
    /// Names the waiting: answers for an earlier one do not count.
    serial: u64,
    /// Nothing is to be opened: this reply waits for remote transcoders, and `orders` behind it.
    held: Option<(u64, Reply)>,
}

impl Shard {
    /// Takes a request over if it has to wait; gives it back if it can be carried out now.
    pub(super) fn park(&mut self, order: Order) -> Result<(), Order> {
        let id = order.request.call_id().or_else(|| order.request.calls.first());
        let Some(slot) = id.and_then(|id| self.calls.find(id.as_bytes())) else { return Err(order) };
        let Some(resident) = self.calls.get_mut(slot) else { return Err(order) };
        if let Some(parked) = &mut resident.parked {
            if parked.orders.len() < MOST_WAITING {
                parked.orders.push_back(order);
            } else {
                self.finish(order.ticket, Reply::error("Too many requests are waiting for media"), true);
            }
            return Ok(());
        }
        self.ask(slot, order, Vec::new(), 0)
    }

    /// Has opened what a request needs; `answers` are known already.
    fn ask(
        &mut self,
        slot: CallSlot,
        order: Order,
        answers: Vec<(Source, Answer)>,
        rounds: u8,
    ) -> Result<(), Order> {
        let Some(sources) = self.settings().sources.clone() else { return Err(order) };
        let Some(resident) = self.calls.get_mut(slot) else { return Err(order) };
        resident.call.answer_questions(answers);
        let mut open = resident.call.questions(&order.request);
        let mut answers = resident.call.take_answers();
        open.retain(|source| match sources.known(source) {
            Some(media) => {
                answers.push((source.clone(), Ok(media)));
                false
            }
            None => true,
        });
        if open.is_empty() || rounds >= ROUNDS {
            resident.call.answer_questions(answers);
            return Err(order);
        }
        let key = resident.call.key;
        self.parkings = self.parkings.wrapping_add(1);
        let serial = self.parkings;
        let asked = open.clone();
        resident.parked = Some(Box::new(Parked {
            orders: VecDeque::from([order]),
            open,
            answers,
            deadline: self.now.instant + PATIENCE,
            rounds: rounds + 1,
            serial,
            held: None,
        }));
        for source in asked {
            let mailbox = self.peers.get(usize::from(self.index)).cloned();
            let about = source.clone();
            sources.open(
                &source,
                Box::new(move |answer| {
                    let mut message = ToShard::Opened { slot, key, serial, source: about, answer };
                    let Some(mailbox) = mailbox else { return };
                    // A shard that does not take its mail for so long lets the request run into its deadline.
                    for _ in 0..1000 {
                        match mailbox.send(message) {
                            Ok(()) => return,
                            Err(returned) => message = returned,
                        }
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }),
            );
        }
        Ok(())
    }

    /// A side thread has opened something, or could not.
    pub(super) fn opened(
        &mut self,
        slot: CallSlot,
        key: CallKey,
        serial: u64,
        source: &Source,
        answer: Answer,
    ) {
        let parked = self.calls.get_keyed(slot, key).and_then(|resident| resident.parked.as_mut());
        let Some(parked) = parked.filter(|parked| parked.serial == serial) else { return };
        let Some(at) = parked.open.iter().position(|open| open == source) else { return };
        let source = parked.open.swap_remove(at);
        parked.answers.push((source, answer));
        if parked.open.is_empty() {
            self.resume(slot);
        }
    }

    /// Requests whose media was not opened in time go on without it.
    pub(super) fn check_patience(&mut self, slot: CallSlot) {
        // The parties a held reply waited for may have been deleted meanwhile.
        self.release_held(slot);
        let Some(resident) = self.calls.get_mut(slot) else { return };
        let Some(parked) = resident.parked.as_mut().filter(|parked| parked.deadline <= self.now.instant)
        else {
            return;
        };
        let late = |source| (source, Err(OpenError("not opened in time".into())));
        let open = std::mem::take(&mut parked.open);
        parked.answers.extend(open.into_iter().map(late));
        self.resume(slot);
    }

    /// Carries out a request that has waited, and those behind it.
    fn resume(&mut self, slot: CallSlot) {
        let Some(parked) = self.calls.get_mut(slot).and_then(|resident| resident.parked.take()) else {
            return;
        };
        if parked.held.is_some() {
            let orders = self.disband(Some(parked), true);
            return self.serve_all(orders);
        }
        let Parked { mut orders, answers, rounds, .. } = *parked;
        if let Some(first) = orders.pop_front()
            && let Err(first) = self.ask(slot, first, answers, rounds)
        {
            self.carry_out_parked(&first);
        }
        self.serve_all(orders);
    }

    fn carry_out_parked(&mut self, order: &Order) {
        let reply = self.carry_out_at_work(order);
        let Some(reply) = self.hold(order, reply) else { return };
        let id = order.request.call_id().or_else(|| order.request.calls.first());
        let live = id.map(ByteString::as_bytes).is_some_and(|id| self.has_call(id));
        self.finish(order.ticket, reply, live);
    }

    /// Keeps the reply of a request back for as long as remote transcoders of its call have not answered: what the client is told is in
    /// force then (codecs.md §11.2(5)).
    pub(super) fn hold(&mut self, order: &Order, reply: Reply) -> Option<Reply> {
        let id = order.request.call_id().or_else(|| order.request.calls.first());
        let slot = id.and_then(|id| self.calls.find(id.as_bytes()));
        let resident = slot.and_then(|slot| self.calls.get_mut(slot));
        let waiting = resident.filter(|call| call.parked.is_none() && call.call.awaits_remotes());
        let Some(resident) = waiting else { return Some(reply) };
        self.parkings = self.parkings.wrapping_add(1);
        resident.parked = Some(Box::new(Parked {
            orders: VecDeque::new(),
            open: Vec::new(),
            answers: Vec::new(),
            deadline: self.now.instant + PATIENCE,
            rounds: 0,
            serial: self.parkings,
            held: Some((order.ticket, reply)),
        }));
        None
    }

    /// Sends the reply that waits for remote transcoders if none of them is waited for any more.
    pub(super) fn release_held(&mut self, slot: CallSlot) {
        let Some(resident) = self.calls.get(slot).filter(|resident| !resident.call.awaits_remotes()) else {
            return;
        };
        if resident.parked.as_ref().is_some_and(|parked| parked.held.is_some()) {
            self.resume(slot);
        }
    }

    /// Ends a waiting: a reply that was held is sent; the requests are for whoever takes them over, and ask anew. `live`: the call is not
    /// over.
    pub(super) fn disband(&mut self, parked: Option<Box<Parked>>, live: bool) -> VecDeque<Order> {
        let Some(parked) = parked else { return VecDeque::new() };
        if let Some((ticket, reply)) = parked.held {
            self.finish(ticket, reply, live);
        }
        parked.orders
    }

    /// Serves requests in order.
    pub(super) fn serve_all(&mut self, orders: impl IntoIterator<Item = Order>) {
        for order in orders {
            self.serve(order);
        }
    }

    /// Requests whose call is not there any more, or has joined another one.
    pub(super) fn serve_orphans(&mut self) {
        if !self.orphans.is_empty() {
            let orphans = std::mem::take(&mut self.orphans);
            self.serve_all(orphans);
        }
    }
}
