//! Calls: what a SIP proxy would say to the daemon while two or more phones talk.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::daemon::Daemon;
use crate::ng::{Client, Reply, Request};
use crate::phone::{Phone, PhoneBuilder};

/// One call at one daemon.
#[derive(Debug)]
pub struct Call<'d> {
    daemon: &'d Daemon,
    /// Its own, so that calls on several threads do not take each other's replies.
    client: Client,
    /// The call-id.
    pub id: String,
    /// The tags that took part in an answer; an offer to one of them carries it as to-tag.
    known: RefCell<HashSet<String>>,
}

static CALLS: AtomicU32 = AtomicU32::new(1);

impl<'d> Call<'d> {
    /// A call with an id of its own.
    #[must_use]
    pub fn new(daemon: &'d Daemon) -> Self {
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        Self {
            daemon,
            client: daemon.client(),
            id: format!("call-{number}@tests"),
            known: RefCell::default(),
        }
    }

    /// Two phones with one audio each.
    #[must_use]
    pub fn phones(&self) -> (Phone, Phone) {
        (self.phone(0, "alice").build(), self.phone(1, "bob").build())
    }

    /// The `number`-th phone, to be furnished.
    #[must_use]
    pub fn phone(&self, number: u8, tag: &str) -> PhoneBuilder {
        Phone::builder(self.daemon.network(), number, tag)
    }

    /// A request about this call.
    #[must_use]
    pub fn ask(&self, command: &str) -> Request {
        Request::new(command).set("call-id", &self.id)
    }

    /// The offer of `from` to `to`, not sent yet.
    #[must_use]
    pub fn offer_request(&self, from: &mut Phone, to: &Phone, options: &Request) -> Request {
        let mut request = self.ask("offer").set("from-tag", &from.tag).set("sdp", from.offer_sdp());
        if self.known.borrow().contains(&to.tag) {
            request = request.set("to-tag", &to.tag);
        }
        request.with(options)
    }

    /// `from` offers to `to`, who takes the rewritten SDP.
    #[track_caller]
    pub fn offer(&self, from: &mut Phone, to: &mut Phone) -> Reply {
        self.offer_with(from, to, &Request::empty())
    }

    /// As [`offer`](Self::offer), with options for the daemon.
    #[track_caller]
    pub fn offer_with(&self, from: &mut Phone, to: &mut Phone, options: &Request) -> Reply {
        let reply = self.client.request(&self.offer_request(from, to, options)).ok();
        to.takes(reply.sdp());
        reply
    }

    /// The answer of `from` to the offer of `to`, not sent yet.
    #[must_use]
    pub fn answer_request(&self, from: &mut Phone, to: &Phone, options: &Request) -> Request {
        let request = self.ask("answer").set("from-tag", &to.tag).set("to-tag", &from.tag);
        request.set("sdp", from.answer_sdp()).with(options)
    }

    /// `from` answers the offer of `to`, who takes the rewritten SDP.
    #[track_caller]
    pub fn answer(&self, from: &mut Phone, to: &mut Phone) -> Reply {
        self.answer_with(from, to, &Request::empty())
    }

    /// As [`answer`](Self::answer), with options for the daemon.
    #[track_caller]
    pub fn answer_with(&self, from: &mut Phone, to: &mut Phone, options: &Request) -> Reply {
        let reply = self.client.request(&self.answer_request(from, to, options)).ok();
        to.takes(reply.sdp());
        self.known.borrow_mut().extend([from.tag.clone(), to.tag.clone()]);
        reply
    }

    /// A call in which two phones talk to each other.
    #[must_use]
    #[track_caller]
    pub fn connected(daemon: &'d Daemon) -> (Self, Phone, Phone) {
        let call = Self::new(daemon);
        let (mut caller, mut callee) = call.phones();
        call.connects(&mut caller, &mut callee);
        (call, caller, callee)
    }

    /// `from` offers, `to` answers.
    #[track_caller]
    pub fn connects(&self, from: &mut Phone, to: &mut Phone) {
        self.offer(from, to);
        self.answer(to, from);
    }

    /// `phone` hangs up: the call is deleted at once.
    #[track_caller]
    pub fn hangs_up(&self, phone: &Phone) -> Reply {
        let request = self.ask("delete").set("from-tag", &phone.tag).set("delete-delay", 0);
        self.client.request(&request).ok()
    }

    /// What `query` says about the call.
    #[track_caller]
    pub fn query(&self) -> Reply {
        self.client.request(&self.ask("query")).ok()
    }

    /// Whether the daemon knows the call.
    #[track_caller]
    pub fn exists(&self) -> bool {
        let reply = self.client.request(&self.ask("query"));
        if reply.result() == "ok" {
            return true;
        }
        assert_eq!(reply.error(), "Unknown call-id");
        false
    }
}
