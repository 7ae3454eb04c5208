//! Command lines (operations.md §6): over TCP, HTTP and the ng command `cli`.

use super::{Router, Running};
use crate::control::cli::{Console, House, Inquiry, Step};
use crate::control::listeners::Target;
use crate::flow::Level;
use crate::player::{MediaCommand, Stores};
use crate::report::counters::{Counter, Totals};
use crate::report::log;
use crate::shard::Shard;
use crate::shard::inbox::Mailbox;
use crate::shard::message::{FromShard, ToShard};
use crate::shard::survey::Survey;
use rtpengine_common::ng::Reply;
use std::sync::Arc;
use std::time::Duration;

/// Commands that may wait for shards at the same time.
const MOST_WAITING: usize = 64;

/// When not every shard could be asked: half an answer would look like a whole one.
const BUSY: &str = "Busy: not every media thread could be asked; try again\n";

/// Where an answer goes.
#[derive(Debug)]
pub(super) enum Asker {
    /// Plain text, then the connection ends.
    Text(Target),
    /// The reply of an ng request.
    Request(Running),
}

/// A command that waits for shards.
#[derive(Debug)]
pub(super) struct Waiting {
    inquiry: Inquiry,
    asker: Asker,
    /// Shards still to answer.
    left: usize,
    /// Not every shard was asked.
    incomplete: bool,
    surveys: Vec<Box<dyn Survey>>,
}

impl Router {
    /// Lets command lines be carried out.
    #[must_use]
    pub fn with_console(mut self, console: Console) -> Self {
        self.console = Some(console);
        self
    }

    /// Carries out a line of the text protocol.
    pub(super) fn command_line(&mut self, shard: &mut Shard, line: &[u8], target: &Target) {
        let line = String::from_utf8_lossy(line);
        log::control(Level::Info, || format!("Got CLI command: {line}"));
        self.run_line(shard, &line, Asker::Text(target.clone()));
    }

    /// Carries out a line, wherever it came from.
    pub(super) fn run_line(&mut self, shard: &mut Shard, line: &str, asker: Asker) {
        let Some(mut console) = self.console.take() else { return };
        let totals = Totals::of(self.stats.iter().map(|block| &**block));
        let step = console.run(
            line,
            &House {
                now: shard.now(),
                shared: &self.shared,
                state: &self.state,
                totals: &totals,
                metrics: &|| self.metrics(),
                set_control_tos: &|tos| self.listeners.set_tos(tos),
            },
        );
        self.console = Some(console);
        match step {
            Step::Answer(text) => self.tell(asker, &text),
            Step::Ask(inquiry) => self.inquire(shard, inquiry, asker),
            Step::Media(command) => self.command_media(command, asker),
        }
    }

    /// Lets command lines work on media held in memory.
    #[must_use]
    pub fn with_media(mut self, stores: Arc<dyn Stores>, mailbox: Mailbox<FromShard>) -> Self {
        self.media = Some((stores, mailbox));
        self
    }

    /// What takes long is done by a side thread; until then the asker waits.
    fn command_media(&mut self, command: MediaCommand, asker: Asker) {
        let Some((stores, mailbox)) = &self.media else {
            let answer = command.answer_without_stores();
            return self.tell(asker, &answer);
        };
        if command.is_quick() {
            let answer = stores.carry_out(&command);
            return self.tell(asker, &answer);
        }
        if self.loading.len() >= MOST_WAITING {
            return self.tell(asker, BUSY);
        }
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let mailbox = mailbox.clone();
        let tell = move |text| {
            let mut message = FromShard::Told { ticket, text };
            // The router takes its mail in every turn; one that does not has ended.
            for _ in 0..1000 {
                match mailbox.send(message) {
                    Ok(()) => return,
                    Err(returned) => message = returned,
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        self.loading.insert(ticket, asker);
        stores.carry_out_later(command, Box::new(tell));
    }

    /// A side thread has done what a command line wanted.
    pub(super) fn told(&mut self, ticket: u64, text: &str) {
        if let Some(asker) = self.loading.remove(&ticket) {
            self.tell(asker, text);
        }
    }

    fn inquire(&mut self, shard: &mut Shard, inquiry: Inquiry, asker: Asker) {
        if self.waiting.len() >= MOST_WAITING {
            return self.tell(asker, BUSY);
        }
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let only = inquiry.only();
        let shards = match &only {
            None => 0..self.shards.len(),
            Some(id) => match self.directory.find(id.as_bytes()) {
                Some(at) => usize::from(at)..usize::from(at) + 1,
                None => 0..0,
            },
        };
        let mut waiting = Waiting { inquiry, asker, left: 0, incomplete: false, surveys: vec![] };
        for mailbox in shards.filter_map(|at| self.shards.get(at)) {
            let survey = waiting.inquiry.survey();
            if mailbox.send(ToShard::Survey { ticket, only: only.clone(), survey }).is_ok() {
                waiting.left += 1;
            } else {
                shard.stats().count(Counter::InboxFull, 1);
                waiting.incomplete = true;
            }
        }
        if waiting.left == 0 {
            return self.conclude(waiting);
        }
        self.waiting.insert(ticket, waiting);
    }

    /// A shard has seen its calls.
    pub(super) fn surveyed(&mut self, ticket: u64, survey: Box<dyn Survey>) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        waiting.surveys.push(survey);
        waiting.left = waiting.left.saturating_sub(1);
        if waiting.left == 0
            && let Some(waiting) = self.waiting.remove(&ticket)
        {
            self.conclude(waiting);
        }
    }

    fn conclude(&mut self, waiting: Waiting) {
        let Waiting { inquiry, asker, incomplete, surveys, .. } = waiting;
        let text = if incomplete { BUSY.to_owned() } else { inquiry.answer(surveys) };
        self.tell(asker, &text);
    }

    fn tell(&mut self, asker: Asker, text: &str) {
        match asker {
            Asker::Text(target) => {
                self.listeners.send(&target, text.as_bytes());
                self.listeners.finish(&target);
            }
            Asker::Request(running) => {
                self.finish(&running, &Reply::ok().with("response", text.to_owned()));
            }
        }
    }
}
