//! UDPTL (T.38 §9.1): datagrams that carry a numbered message and, against loss, former ones or their parity (`codecs.md` §§19.3, 19.4).

use std::collections::VecDeque;
use std::time::Duration;

use crate::codec::stream::{Sequencer, SequencerCounters, Stored};

/// Longest message, and longest entry of error correction: what a prefix of two octets can say.
pub const MAX_IFP: usize = 0x3fff;
/// More correction entries make a datagram invalid.
const MAX_ENTRIES: usize = 100;
/// Messages kept to restore others from: as far back as the sequencer looks.
const HISTORY: usize = 128;
/// Octets of FEC data kept: datagrams whose parity could not be used yet.
const PARITIES: usize = 16;

/// How datagrams are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Redundancy or FEC entries in a datagram; 0 is no error correction.
    pub entries: usize,
    /// FEC instead of redundancy, with this many packets for an entry.
    pub span: Option<usize>,
    /// Octets of a datagram at most; the message itself is sent in any case.
    pub max_datagram: usize,
}

/// Writes datagrams.
#[derive(Debug)]
pub struct Sender {
    settings: Settings,
    next: u16,
    /// Former messages, newest first.
    former: VecDeque<Box<[u8]>>,
    buffer: Vec<u8>,
}

impl Sender {
    /// Numbers count from 0.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let entries = settings.entries.min(MAX_ENTRIES);
        let span = settings.span.map(|span| span.clamp(1, HISTORY));
        Self {
            settings: Settings { entries, span, ..settings },
            next: 0,
            former: VecDeque::new(),
            buffer: Vec::new(),
        }
    }

    /// The datagram of the next message. An empty one is written as `no signal`; one of more than [`MAX_IFP`] octets goes out in fragments,
    /// without error correction.
    pub fn write(&mut self, ifp: &[u8]) -> &[u8] {
        let ifp = if ifp.is_empty() { &[0][..] } else { ifp };
        self.buffer.clear();
        self.buffer.extend(self.next.to_be_bytes());
        write_prefixed(&mut self.buffer, ifp);
        match self.settings.span {
            Some(span) => self.write_parity(span),
            None => self.write_former(),
        }
        self.next = self.next.wrapping_add(1);
        self.former.push_front(ifp.into());
        let kept = self.settings.entries * self.settings.span.unwrap_or(1);
        self.former.truncate(kept);
        &self.buffer
    }

    fn write_former(&mut self) {
        self.buffer.push(0x00);
        let count_at = self.buffer.len();
        self.buffer.push(0);
        let mut count = 0u8;
        for former in self.former.iter().take(self.settings.entries) {
            let prefix = if former.len() < 0x80 { 1 } else { 2 };
            let fits = self.buffer.len() + prefix + former.len() <= self.settings.max_datagram;
            if former.len() > MAX_IFP || !fits {
                break;
            }
            write_prefixed(&mut self.buffer, former);
            count += 1;
        }
        if let Some(octet) = self.buffer.get_mut(count_at) {
            *octet = count;
        }
    }

    fn write_parity(&mut self, span: usize) {
        let available = self.former.len();
        let entries = self.settings.entries.min(available);
        let span = available.checked_div(entries).unwrap_or(1).min(span).max(1);
        let start = self.buffer.len();
        self.buffer.extend([0x80, 0x01, octet(span), octet(entries)]);
        for entry in 0..entries {
            let parity = self.parity(entry, entries, span);
            if parity.len() > MAX_IFP || self.buffer.len() + 2 + parity.len() > self.settings.max_datagram {
                // Entries stand for fixed packets: with one of them missing the others mean nothing.
                self.buffer.truncate(start);
                self.buffer.extend([0x80, 0x01, octet(span), 0]);
                return;
            }
            write_prefixed(&mut self.buffer, &parity);
        }
    }

    /// The XOR of every `entries`-th of the last `entries * span` messages.
    fn parity(&self, entry: usize, entries: usize, span: usize) -> Vec<u8> {
        let mut parity = Vec::new();
        for step in 0..span {
            // Counted from the oldest of the window.
            let place = entries * span - 1 - (entry + step * entries);
            xor(&mut parity, self.former.get(place).map_or(&[][..], |message| message));
        }
        parity
    }
}

fn octet(n: usize) -> u8 {
    u8::try_from(n).unwrap_or(u8::MAX)
}

fn xor(into: &mut Vec<u8>, octets: &[u8]) {
    if into.len() < octets.len() {
        into.resize(octets.len(), 0);
    }
    into.iter_mut().zip(octets).for_each(|(a, b)| *a ^= b);
}

/// Octets with their length before them (X.691 §10.9): pieces of 16,384 first, as many as there are, then the rest.
fn write_prefixed(out: &mut Vec<u8>, mut octets: &[u8]) {
    while octets.len() > MAX_IFP {
        let pieces = (octets.len() >> 14).min(4);
        let (now, later) = octets.split_at(pieces << 14);
        out.push(0xc0 | octet(pieces));
        out.extend(now);
        octets = later;
    }
    let length = u16::try_from(octets.len()).unwrap_or(0);
    if length < 0x80 {
        out.push(octet(octets.len()));
    } else {
        out.extend((length | 0x8000).to_be_bytes());
    }
    out.extend(octets);
}

/// Why a datagram was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UdptlError {
    /// Shorter than the least there can be.
    #[error("too short")]
    Short,
    /// A length goes beyond the end.
    #[error("datagram is cut off")]
    Truncated,
    /// A message in fragments.
    #[error("fragmented message")]
    Fragmented,
    /// Unknown kind of error correction, or too much of it.
    #[error("invalid error correction")]
    Correction,
}

/// A datagram taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Number of the message.
    pub number: u16,
    /// The message.
    pub primary: &'a [u8],
    /// What it carries against loss.
    pub correction: Correction<'a>,
}

/// What a datagram carries against loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correction<'a> {
    /// Former messages, newest first.
    Former(Vec<&'a [u8]>),
    /// Parity of `span` messages each, interleaved.
    Parity {
        /// Messages of an entry.
        span: usize,
        /// The entries.
        entries: Vec<&'a [u8]>,
    },
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Result<u8, UdptlError> {
        let (&first, rest) = self.rest.split_first().ok_or(UdptlError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    fn length(&mut self) -> Result<usize, UdptlError> {
        let first = self.octet()?;
        match first {
            0..0x80 => Ok(usize::from(first)),
            0x80..0xc0 => Ok(usize::from(u16::from_be_bytes([first & 0x3f, self.octet()?]))),
            0xc0.. => Err(UdptlError::Fragmented),
        }
    }

    fn prefixed(&mut self) -> Result<&'a [u8], UdptlError> {
        let length = self.length()?;
        let (octets, rest) = self.rest.split_at_checked(length).ok_or(UdptlError::Truncated)?;
        self.rest = rest;
        Ok(octets)
    }

    fn entries(&mut self) -> Result<Vec<&'a [u8]>, UdptlError> {
        let count = self.length()?;
        if count > MAX_ENTRIES {
            return Err(UdptlError::Correction);
        }
        (0..count).map(|_| self.prefixed()).collect()
    }
}

impl<'a> Datagram<'a> {
    /// Takes a datagram apart. One that ends after the message has no error correction.
    ///
    /// # Errors
    /// If it is none, or its message comes in fragments.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, UdptlError> {
        let (Some((number, rest)), true) = (bytes.split_first_chunk(), bytes.len() >= 4) else {
            return Err(UdptlError::Short);
        };
        let mut reader = Reader { rest };
        let primary = reader.prefixed()?;
        let correction = if reader.rest.is_empty() {
            Correction::Former(Vec::new())
        } else if reader.octet()? & 0x80 == 0 {
            Correction::Former(reader.entries()?)
        } else {
            if reader.octet()? != 1 {
                return Err(UdptlError::Correction);
            }
            let span = usize::from(reader.octet()?);
            Correction::Parity { span, entries: reader.entries()? }
        };
        Ok(Self { number: u16::from_be_bytes(*number), primary, correction })
    }
}

/// Parity that may restore a message later, when others of its group have come.
#[derive(Debug)]
struct Parity {
    /// The messages it stands for.
    members: Vec<u16>,
    octets: Box<[u8]>,
}

/// Takes datagrams, puts their messages in order and restores what got lost.
#[derive(Default)]
pub struct Receiver {
    sequencer: Sequencer<Box<[u8]>>,
    /// What came or was restored, newest last.
    history: VecDeque<(u16, Box<[u8]>)>,
    parities: VecDeque<Parity>,
    restored: u64,
    started: bool,
}

impl Receiver {
    /// Takes a datagram that arrived at `at`; the messages then are to be asked for.
    ///
    /// # Errors
    /// If it is none, or its message comes in fragments. What it carries besides is not looked at then.
    pub fn push(&mut self, at: Duration, bytes: &[u8]) -> Result<Stored, UdptlError> {
        let datagram = Datagram::parse(bytes)?;
        if !std::mem::replace(&mut self.started, true) {
            self.sequencer.start(0);
        }
        let arrival = milliseconds(at);
        if !self.sequencer.is_waiting() {
            // No gap is open: the wait for a missing one begins now.
            self.sequencer.processed(arrival, None);
        }
        let stored = self.store(datagram.number, arrival, datagram.primary);
        if stored == Stored::Reset {
            self.history.clear();
            self.parities.clear();
            self.remember(datagram.number, datagram.primary);
        }
        match datagram.correction {
            Correction::Former(former) => {
                for (number, message) in (0..datagram.number).rev().chain((0..=u16::MAX).rev()).zip(former) {
                    self.restore(number, arrival, message);
                }
            }
            Correction::Parity { span, entries } => {
                self.take_parities(datagram.number, arrival, span, &entries);
            }
        }
        Ok(stored)
    }

    /// The next message in order, with its number: the next there is if a missing one was waited for long enough.
    pub fn pop(&mut self) -> Option<(u16, Box<[u8]>)> {
        self.sequencer.pop(1000)
    }

    /// Messages restored from others.
    #[must_use]
    pub fn restored(&self) -> u64 {
        self.restored
    }

    /// What the order was like.
    #[must_use]
    pub fn counters(&self) -> SequencerCounters {
        self.sequencer.counters()
    }

    fn store(&mut self, number: u16, arrival: u32, message: &[u8]) -> Stored {
        let stored = self.sequencer.push(number, arrival, message.into());
        if stored == Stored::Taken {
            self.remember(number, message);
        }
        stored
    }

    fn remember(&mut self, number: u16, message: &[u8]) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((number, message.into()));
    }

    fn known(&self, number: u16) -> Option<&[u8]> {
        self.history.iter().rev().find(|(n, _)| *n == number).map(|(_, message)| &**message)
    }

    /// Takes a message that another datagram brought, if it is missing.
    fn restore(&mut self, number: u16, arrival: u32, message: &[u8]) {
        if message.is_empty() || !self.sequencer.is_missing(number) {
            return;
        }
        self.restored += u64::from(self.store(number, arrival, message) == Stored::Taken);
    }

    fn take_parities(&mut self, number: u16, arrival: u32, span: usize, entries: &[&[u8]]) {
        let count = entries.len();
        if span == 0 || span.saturating_mul(count) > HISTORY {
            return;
        }
        for (entry, octets) in entries.iter().enumerate() {
            let back = |step: usize| u16::try_from(span * count - entry - step * count).unwrap_or(0);
            let members = (0..span).map(|step| number.wrapping_sub(back(step))).collect();
            if self.parities.len() == PARITIES {
                self.parities.pop_front();
            }
            self.parities.push_back(Parity { members, octets: (*octets).into() });
        }
        // One restored message may be what another group lacked: at most one round for each parity kept.
        for _ in 0..PARITIES {
            let Some((number, message)) = self.restorable() else { return };
            self.restore(number, arrival, &message);
        }
    }

    /// A missing message that is the only one missing of a parity's group, and what it was. Its length is that of the longest of the
    /// group, so there may be zeros behind it.
    fn restorable(&self) -> Option<(u16, Vec<u8>)> {
        self.parities.iter().find_map(|parity| {
            let mut missing = parity.members.iter().filter(|&&number| self.known(number).is_none());
            let (&number, None) = (missing.next()?, missing.next()) else { return None };
            if !self.sequencer.is_missing(number) {
                return None;
            }
            let mut message = parity.octets.to_vec();
            parity.members.iter().filter_map(|&n| self.known(n)).for_each(|octets| xor(&mut message, octets));
            (!message.is_empty()).then_some((number, message))
        })
    }
}

/// Milliseconds as a time stamp that wraps.
fn milliseconds(at: Duration) -> u32 {
    (at.as_millis() & u128::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(entries: usize, span: Option<usize>, max_datagram: usize) -> Sender {
        Sender::new(Settings { entries, span, max_datagram })
    }

    /// `codecs.md` §19.3(1) to (3).
    #[test]
    fn rule_19_3_redundancy() {
        let mut sender = sender(2, None, 1000);
        assert_eq!(sender.write(&[1, 1]), [0, 0, 2, 1, 1, 0, 0]);
        assert_eq!(sender.write(&[]), [0, 1, 1, 0, 0, 1, 2, 1, 1]);
        assert_eq!(sender.write(&[3]), [0, 2, 1, 3, 0, 2, 1, 0, 2, 1, 1]);
        assert_eq!(sender.write(&[4]), [0, 3, 1, 4, 0, 2, 1, 3, 1, 0]);
    }

    /// `codecs.md` §19.3(3): only as long as the whole fits.
    #[test]
    fn rule_19_3_3_limit() {
        let mut sender = sender(3, None, 20);
        for n in 0..4 {
            sender.write(&[n; 6]);
        }
        let written = sender.write(&[9; 4]);
        assert_eq!(written, [0, 4, 4, 9, 9, 9, 9, 0, 1, 6, 3, 3, 3, 3, 3, 3]);
        let long = vec![7; 300];
        let written = sender.write(&long);
        assert_eq!(
            (written.get(2..4), written.get(304..)),
            (Some(&[0x81, 0x2c][..]), Some(&[0, 1, 4, 9, 9, 9, 9][..2]).map(|_| &[0u8, 0][..])),
            "beyond the limit the message goes alone"
        );
    }

    /// `codecs.md` §19.3(2): fragments.
    #[test]
    fn rule_19_3_2_fragments() {
        let message = vec![5; 0x4000 * 2 + 3];
        let mut sender = sender(0, None, 1 << 20);
        let written = sender.write(&message).to_vec();
        assert_eq!(written.get(..3), Some(&[0, 0, 0xc2][..]));
        assert_eq!(written.get(3 + 0x8000), Some(&3));
        assert_eq!(written.len(), 3 + 0x8000 + 1 + 3 + 2);
        assert_eq!(Datagram::parse(&written), Err(UdptlError::Fragmented));
    }

    /// `codecs.md` §19.3(4).
    #[test]
    fn rule_19_3_4_fec() {
        let mut sender = sender(2, Some(3), 1000);
        let messages: Vec<Vec<u8>> = (0..9u8).map(|n| vec![1 << (n % 8); 1 + usize::from(n)]).collect();
        let written: Vec<Vec<u8>> = messages.iter().map(|m| sender.write(m).to_vec()).collect();
        let parity = |at: usize| match Datagram::parse(&written[at]).unwrap().correction {
            Correction::Parity { span, entries } => {
                (span, entries.iter().map(|entry| entry.to_vec()).collect::<Vec<_>>())
            }
            Correction::Former(_) => panic!("redundancy"),
        };
        let of = |numbers: &[usize]| {
            let mut parity = Vec::new();
            numbers.iter().for_each(|&n| xor(&mut parity, &messages[n]));
            parity
        };
        assert_eq!(parity(0), (1, vec![]));
        assert_eq!(parity(1), (1, vec![of(&[0])]));
        assert_eq!(parity(2), (1, vec![of(&[0]), of(&[1])]));
        assert_eq!(parity(3), (1, vec![of(&[1]), of(&[2])]));
        assert_eq!(parity(4), (2, vec![of(&[0, 2]), of(&[1, 3])]));
        assert_eq!(parity(8), (3, vec![of(&[2, 4, 6]), of(&[3, 5, 7])]));
    }

    /// Sends 200 messages with the losses given, and returns what arrived.
    fn over(settings: Settings, lost: impl Fn(u16) -> bool) -> (Vec<u16>, Receiver) {
        let (mut sender, mut receiver) = (Sender::new(settings), Receiver::default());
        let mut arrived = Vec::new();
        for number in 0..200u16 {
            let message = [number.to_be_bytes().as_slice(), &vec![1; usize::from(number % 7)]].concat();
            let datagram = sender.write(&message);
            if lost(number) {
                continue;
            }
            receiver.push(Duration::from_millis(u64::from(number) * 30), datagram).unwrap();
            while let Some((n, message)) = receiver.pop() {
                assert_eq!(message.get(..2), Some(&n.to_be_bytes()[..]));
                arrived.push(n);
            }
        }
        (arrived, receiver)
    }

    /// `codecs.md` §19.4(2): bursts as long as the redundancy reaches leave no gap.
    #[test]
    fn rule_19_4_redundancy_restores() {
        let settings = Settings { entries: 3, span: None, max_datagram: 512 };
        let (arrived, receiver) = over(settings, |n| n % 10 < 3);
        assert_eq!(arrived, (0..200).collect::<Vec<_>>());
        assert_eq!(receiver.restored(), 60);
        let (arrived, _) = over(settings, |n| (100..104).contains(&n));
        assert_eq!(arrived, (0..100).chain(101..200).collect::<Vec<_>>(), "one more than it reaches");
    }

    /// `codecs.md` §19.4(2): FEC restores bursts as long as its entries, and single losses of a group.
    #[test]
    fn rule_19_4_fec_restores() {
        let settings = Settings { entries: 3, span: Some(3), max_datagram: 512 };
        let (arrived, _) = over(settings, |n| n % 12 < 3 && n > 3);
        assert_eq!(arrived, (0..200).collect::<Vec<_>>());
        let (arrived, _) = over(Settings { entries: 1, ..settings }, |n| n % 10 == 5);
        assert_eq!(arrived, (0..200).collect::<Vec<_>>());
    }

    /// Without error correction a missing message is waited for 60 ms, then the others go on (`codecs.md` §§15(3), 19.4(3)).
    #[test]
    fn rule_19_4_3_gap() {
        let settings = Settings { entries: 0, span: None, max_datagram: 512 };
        let (arrived, receiver) = over(settings, |n| n == 50);
        assert_eq!(arrived, (0..50).chain(51..200).collect::<Vec<_>>());
        assert_eq!(receiver.counters().skips, 1);
    }

    /// `codecs.md` §19.4(1) and (2): what is refused.
    #[test]
    fn rule_19_4_bad_input() {
        let error = |bytes: &[u8]| Datagram::parse(bytes).map(|_| ()).unwrap_err();
        assert_eq!(error(&[]), UdptlError::Short);
        assert_eq!(error(&[0, 0, 0]), UdptlError::Short);
        assert_eq!(error(&[0, 0, 5, 1]), UdptlError::Truncated);
        assert_eq!(error(&[0, 0, 0xc1, 1]), UdptlError::Fragmented);
        assert_eq!(error(&[0, 0, 1, 0, 0, 101]), UdptlError::Correction);
        assert_eq!(error(&[0, 0, 1, 0, 0x80, 2, 1, 0]), UdptlError::Correction);
        assert_eq!(error(&[0, 0, 1, 0, 0x80, 1, 1, 1, 9]), UdptlError::Truncated);
        assert!(Datagram::parse(&[0, 0, 1, 6]).is_ok(), "nothing behind the message");
        let mut receiver = Receiver::default();
        receiver.push(Duration::ZERO, &[0, 9, 1, 0, 0x80, 1, 255, 2, 0, 0]).unwrap();
        assert!(receiver.parities.is_empty(), "a span beyond reason");
    }

    /// Numbers wrap, and a peer that begins anew elsewhere is followed.
    #[test]
    fn wrap_and_restart() {
        let mut receiver = Receiver::default();
        let at = Duration::ZERO;
        assert_eq!(receiver.push(at, &[0xff, 0x00, 1, 6, 0, 0]), Ok(Stored::Reset));
        assert_eq!(receiver.pop().map(|(n, _)| n), Some(0xff00));
        for n in 0xff01..=0xffffu16 {
            let [high, low] = n.to_be_bytes();
            receiver.push(at, &[high, low, 1, 6, 0, 0]).unwrap();
            assert_eq!(receiver.pop().map(|(n, _)| n), Some(n));
        }
        // 0 is lost and comes with 1; before it 65535 once more.
        receiver.push(at, &[0, 1, 1, 6, 0, 2, 1, 8, 1, 9]).unwrap();
        assert_eq!(receiver.pop(), Some((0, Box::from([8]))));
        assert_eq!(receiver.pop(), Some((1, Box::from([6]))));
        assert_eq!(receiver.pop(), None);
        assert_eq!(receiver.restored(), 1);
    }
}
