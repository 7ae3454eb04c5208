//! Carries what calls ask of remote transcoders (`codecs.md` §11.2). The shard never waits: a request whose transforms are not answered is
//! done, and only its reply and the later requests of its call wait, for as long as the exchange takes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use rtpengine_common::ng::Dict;
use rtpengine_common::ng::client::Cookies;

use super::calls::CallSlot;
use super::core::Shard;
use super::errands::{Exchanges, Patience};
use super::run::REPLIES;
use crate::call::ids::CallKey;
use crate::call::remote::{Concluded, Errand, Grant};
use crate::flow::Level;
use crate::net::readiness::Readiness;
use crate::report::log;

/// Replies looked at in one turn.
const MOST_REPLIES: usize = 64;

/// More than any reply to a `transform` of one media has.
const LONGEST_REPLY: usize = 8192;

/// Who asked; nobody waits for the reply to a `delete`.
#[derive(Clone, Copy, Debug)]
struct Asker {
    to: SocketAddr,
    question: Option<(CallSlot, CallKey, u32)>,
}

/// What is under way to other instances.
#[derive(Debug)]
pub(super) struct Errands {
    exchanges: Exchanges<Asker>,
    /// By family; opened when they are first needed.
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Errands {
    pub(super) fn new(patience: Patience) -> Self {
        Self { exchanges: Exchanges::new(Cookies::new(), patience), v4: None, v6: None }
    }

    pub(super) fn next(&self) -> Option<std::time::Instant> {
        self.exchanges.next()
    }

    fn open(&mut self, to: SocketAddr, readiness: &Readiness) -> io::Result<()> {
        let (place, any) = match to {
            SocketAddr::V4(_) => (&mut self.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&mut self.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        if place.is_none() {
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            readiness.add_other(socket.as_fd(), REPLIES)?;
            *place = Some(socket);
        }
        Ok(())
    }
}

/// Sends; what does not go out is sent again with the next attempt, or is not answered.
fn send(v4: Option<&UdpSocket>, v6: Option<&UdpSocket>, to: SocketAddr, datagram: &[u8]) {
    let socket = if to.is_ipv4() { v4 } else { v6 };
    if let Some(Err(error)) = socket.map(|socket| socket.send_to(datagram, to))
        && error.kind() != io::ErrorKind::WouldBlock
    {
        log::core(Level::Warning, &format!("Sending to {to} failed: {error}"));
    }
}

impl Shard {
    /// Sends what a call wants to be sent.
    pub(super) fn run_errands(&mut self, slot: CallSlot) {
        let Some(resident) = self.calls.get_mut(slot) else { return };
        let (key, errands) = (resident.call.key, resident.call.take_errands());
        for errand in errands {
            self.send_errand(&errand, errand.number.map(|number| (slot, key, number)));
        }
    }

    /// Sends a request; without a question nobody waits for its reply.
    pub(super) fn send_errand(&mut self, errand: &Errand, question: Option<(CallSlot, CallKey, u32)>) {
        let to = errand.to;
        if let Err(error) = self.errands.open(to, &self.readiness) {
            log::core(Level::Error, &format!("No socket for requests to {to}: {error}"));
        }
        let Errands { exchanges, v4, v6 } = &mut self.errands;
        let datagram = exchanges.begin(to, &errand.request, Asker { to, question }, self.now.instant);
        send(v4.as_ref(), v6.as_ref(), to, &datagram);
    }

    /// Repeats what was not answered, or gives it up.
    pub(super) fn repeat_errands(&mut self) {
        if self.errands.next().is_none_or(|due| due > self.now.instant) {
            return;
        }
        let Errands { exchanges, v4, v6 } = &mut self.errands;
        let late = exchanges.run(self.now.instant, |to, datagram| {
            send(v4.as_ref(), v6.as_ref(), to, datagram);
        });
        late.into_iter().for_each(|asker| self.conclude(asker, Err("no reply".into())));
    }

    /// Replies are there.
    pub(super) fn take_replies(&mut self) {
        let mut buffer = [0; LONGEST_REPLY];
        for _ in 0..MOST_REPLIES {
            let sockets = [&self.errands.v4, &self.errands.v6];
            let mut received = sockets.into_iter().flatten().filter_map(|s| s.recv_from(&mut buffer).ok());
            let Some((length, from)) = received.next() else { return };
            drop(received);
            let datagram = buffer.get(..length).unwrap_or_default();
            if let Some((asker, reply)) = self.errands.exchanges.take(from, datagram) {
                self.conclude(asker, reply.ok_or_else(|| "the reply is no dictionary".into()));
            }
        }
    }

    fn conclude(&mut self, asker: Asker, reply: Result<Dict<'static>, String>) {
        let Some((slot, key, number)) = asker.question else { return };
        let grant = reply.and_then(|reply| Grant::read(&reply));
        let answer = grant.as_ref().map_err(Clone::clone);
        self.at_work = Some(slot);
        let resident = self.calls.get_keyed(slot, key);
        let concluded = resident.map(|resident| resident.call.conclude_remote(number, answer));
        self.at_work = None;
        match concluded.unwrap_or(Concluded::Unknown) {
            Concluded::Running => self.lead_sockets(slot),
            Concluded::Failed(socket, reason) => {
                self.close_socket(slot, socket);
                self.log_call(slot, Level::Error, &format!("{reason}; transcoding here"));
            }
            Concluded::Unknown => {
                // Nobody needs it any more: the remote side is not to keep it.
                if let Ok(grant) = &grant {
                    self.send_errand(&Errand::end(asker.to, grant), None);
                }
                return;
            }
        }
        self.release_held(slot);
    }
}
