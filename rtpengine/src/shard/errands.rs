//! The daemon as a client of other instances (ng-control.md §1.6): the state of each exchange, without sockets or clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rtpengine_common::ng::client::{Cookies, datagram, payload_of};
use rtpengine_common::ng::{Dict, Encoding, Message};

/// How long a reply is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// `--ng-client-timeout`: for each attempt.
    pub timeout: Duration,
    /// `--ng-client-retries`: attempts, all with the same bytes.
    pub attempts: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: Duration::from_millis(50), attempts: 5 }
    }
}

/// The longest attempt, whatever is configured: what is added to a time stays one.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Exchange<T> {
    cookie: [u8; 16],
    to: SocketAddr,
    datagram: Vec<u8>,
    /// Attempts that are left.
    left: usize,
    /// When the present one is over.
    due: Instant,
    who: T,
}

/// Requests under way; `T` names each for whoever asked.
#[derive(Debug)]
pub struct Exchanges<T> {
    list: Vec<Exchange<T>>,
    cookies: Cookies,
    patience: Patience,
}

impl<T> Exchanges<T> {
    /// None yet.
    #[must_use]
    pub fn new(cookies: Cookies, patience: Patience) -> Self {
        let patience = Patience { timeout: patience.timeout.min(LONGEST), ..patience };
        Self { list: Vec::new(), cookies, patience }
    }

    /// Begins one; the datagram is to be sent now.
    pub fn begin(&mut self, to: SocketAddr, request: &Dict<'_>, who: T, now: Instant) -> Vec<u8> {
        let cookie = self.cookies.next_cookie();
        let datagram = datagram(&cookie, Encoding::Bencode, request);
        let left = self.patience.attempts.saturating_sub(1);
        let due = now + self.patience.timeout;
        self.list.push(Exchange { cookie, to, datagram: datagram.clone(), left, due, who });
        datagram
    }

    /// When there is something to do.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.list.iter().map(|exchange| exchange.due).min()
    }

    /// Sends again what was not answered in time; gives those back that were sent often enough.
    pub fn run(&mut self, now: Instant, mut send: impl FnMut(SocketAddr, &[u8])) -> Vec<T> {
        let timeout = self.patience.timeout;
        let late = self.list.extract_if(.., |exchange| {
            if exchange.due > now {
                return false;
            }
            if exchange.left == 0 {
                return true;
            }
            exchange.left -= 1;
            exchange.due = now + timeout;
            send(exchange.to, &exchange.datagram);
            false
        });
        late.map(|exchange| exchange.who).collect()
    }

    /// Takes a datagram: the exchange that it ends, with the reply, `None` if that is no dictionary. A reply has the cookie of the request
    /// and comes from where that went.
    pub fn take(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<(T, Option<Dict<'static>>)> {
        let is_it =
            |exchange: &Exchange<T>| exchange.to == from && payload_of(datagram, &exchange.cookie).is_some();
        let at = self.list.iter().position(is_it)?;
        let exchange = self.list.swap_remove(at);
        let payload = payload_of(datagram, &exchange.cookie)?;
        Some((exchange.who, Message::decode(payload).ok().map(|message| message.dict.into_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn exchanges() -> Exchanges<char> {
        Exchanges::new(Cookies::starting_at(1), Patience { timeout: 50 * MS, attempts: 3 })
    }

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    /// The same bytes each time, and an end.
    #[test]
    fn ng_1_6_attempts() {
        let (mut all, start) = (exchanges(), Instant::now());
        let request = Dict::new().with("command", "b").with("a", 0);
        let first = all.begin(address(1), &request, 'x', start);
        assert_eq!(first, b"9e3779b97f4a7c15 d7:command1:b1:ai0ee");
        assert_eq!(all.next(), Some(start + 50 * MS));
        let mut sent = Vec::new();
        let mut run = |all: &mut Exchanges<char>, ms| {
            all.run(start + ms * MS, |to, bytes| sent.push((to, bytes.to_vec(), ms)))
        };
        assert!(run(&mut all, 49).is_empty());
        assert!(run(&mut all, 50).is_empty());
        assert!(run(&mut all, 99).is_empty());
        assert!(run(&mut all, 100).is_empty());
        assert!(run(&mut all, 149).is_empty());
        assert_eq!(run(&mut all, 150), ['x']);
        assert_eq!(sent, [50, 100].map(|ms| (address(1), first.clone(), ms)));
        assert_eq!((all.next(), all.take(address(1), &first)), (None, None));
    }

    /// Only the identical cookie and a space in front, and only from there.
    #[test]
    fn ng_1_6_replies() {
        let (mut all, start) = (exchanges(), Instant::now());
        let [x, y] = ['x', 'y'].map(|who| all.begin(address(1), &Dict::new(), who, start));
        assert_ne!(x, y);
        let reply = |request: &[u8], text: &str| [&request[..16], text.as_bytes()].concat();
        assert_eq!(all.take(address(2), &reply(&x, " d1:ai1ee")), None);
        assert_eq!(all.take(address(1), &reply(&x, "d1:ai1ee")), None);
        assert_eq!(all.take(address(1), b"9e3779b97f4a7c16 d1:ai1ee"), None);
        assert_eq!(
            all.take(address(1), &reply(&y, " d1:ai1ee")),
            Some(('y', Some(Dict::new().with("a", 1))))
        );
        assert_eq!(all.take(address(1), &reply(&y, " d1:ai1ee")), None, "only once");
        assert_eq!(all.take(address(1), &reply(&x, " nonsense")), Some(('x', None)));
        assert_eq!(all.next(), None);
    }
}
