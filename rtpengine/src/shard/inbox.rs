//! Messages into a loop: a bounded channel with a waker that is only used when the loop sleeps.

use crate::net::readiness::Waker;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// Messages an inbox holds: far more than the router hands over in one turn. The room for them is taken at start. A sender that finds it
/// full drops its message and says so; a client sends its request again.
pub const CAPACITY: usize = 1024;

#[derive(Debug)]
struct Bell {
    waker: Waker,
    /// Set by the loop before it sleeps; whoever clears it must wake.
    asleep: AtomicBool,
}

/// The loop's end.
#[derive(Debug)]
pub struct Inbox<T> {
    channel: Receiver<T>,
    bell: Arc<Bell>,
}

/// The other end, one for each sender.
#[derive(Debug)]
pub struct Mailbox<T> {
    channel: Sender<T>,
    bell: Arc<Bell>,
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { channel: self.channel.clone(), bell: Arc::clone(&self.bell) }
    }
}

/// Makes an inbox and its first mailbox.
pub fn inbox<T>() -> io::Result<(Mailbox<T>, Inbox<T>)> {
    let (sender, receiver) = bounded(CAPACITY);
    let bell = Arc::new(Bell { waker: Waker::new()?, asleep: AtomicBool::new(false) });
    Ok((Mailbox { channel: sender, bell: Arc::clone(&bell) }, Inbox { channel: receiver, bell }))
}

impl<T> Mailbox<T> {
    /// Hands a message over, or gives it back when the inbox is full or its loop has ended.
    pub fn send(&self, message: T) -> Result<(), T> {
        self.channel.try_send(message).map_err(|error| match error {
            TrySendError::Full(message) | TrySendError::Disconnected(message) => message,
        })?;
        // Pairs with the fence in `may_sleep`: either the loop sees the message or we see that it sleeps.
        fence(Ordering::SeqCst);
        if self.bell.asleep.load(Ordering::Relaxed) && self.bell.asleep.swap(false, Ordering::Relaxed) {
            self.bell.waker.wake();
        }
        Ok(())
    }

    /// A mailbox into the same loop for messages of another kind, which share the waker.
    pub fn companion<U>(&self) -> (Mailbox<U>, Inbox<U>) {
        let (sender, receiver) = bounded(CAPACITY);
        let bell = || Arc::clone(&self.bell);
        (Mailbox { channel: sender, bell: bell() }, Inbox { channel: receiver, bell: bell() })
    }
}

impl<T> Inbox<T> {
    /// The next message, if any.
    pub fn next(&self) -> Option<T> {
        self.channel.try_recv().ok()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }

    /// Announces a sleep. `false`: a message came meanwhile, do not sleep. After a sleep, call `awake`.
    pub fn may_sleep(&self) -> bool {
        self.bell.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.channel.is_empty() {
            return true;
        }
        self.bell.asleep.store(false, Ordering::Relaxed);
        false
    }

    /// Ends a sleep.
    pub fn awake(&self) {
        // Whoever cleared the flag has written to the waker, or is about to: then the next sleep ends at once, which does no harm.
        if !self.bell.asleep.swap(false, Ordering::Relaxed) {
            self.bell.waker.clear();
        }
    }
}

impl<T> AsRawFd for Inbox<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.bell.waker.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::readiness::sleep;
    use std::time::Duration;

    #[test]
    fn a_message_before_the_sleep_forbids_it() {
        let (mailbox, inbox) = inbox().unwrap();
        assert!(inbox.may_sleep());
        inbox.awake();
        mailbox.send(1).unwrap();
        assert!(!inbox.may_sleep());
        assert_eq!((inbox.next(), inbox.next()), (Some(1), None));
    }

    #[test]
    fn a_full_inbox_gives_the_message_back() {
        let (mailbox, inbox) = inbox().unwrap();
        for n in 0..CAPACITY {
            mailbox.send(n).unwrap();
        }
        assert_eq!(mailbox.send(7), Err(7));
        drop(inbox);
        assert_eq!(mailbox.send(8), Err(8));
    }

    #[test]
    fn no_wake_up_is_lost_between_threads() {
        let (mailbox, inbox) = inbox().unwrap();
        let total = 20_000;
        let sender = std::thread::spawn(move || {
            for n in 0..total {
                while mailbox.send(n).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let mut expected = 0;
        while expected < total {
            while let Some(n) = inbox.next() {
                assert_eq!(n, expected);
                expected += 1;
            }
            if expected < total && inbox.may_sleep() {
                // A lost wake-up would sleep here for good, since nothing else is sent.
                sleep(&[inbox.as_raw_fd()], Some(Duration::from_secs(30)));
                inbox.awake();
            }
        }
        sender.join().unwrap();
    }
}
