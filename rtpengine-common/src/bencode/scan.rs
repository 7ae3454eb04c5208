//! The framing scanner: finds where a bencode value ends in a stream that arrives in pieces.

use super::MAX_DEPTH;

/// What is known about the value after the bytes seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    Incomplete,
    /// The value ended; so many of the bytes given last belong to it.
    Complete(usize),
    /// The bytes are no bencode value and never will be (ng-control.md §1.3.3).
    Invalid,
}

/// A push parser that keeps its place between pieces: every byte is looked at once, however it arrives.
///
/// Stricter than the decoder: closing `e`s are needed, no leading zeros, no `-0`, no sign `+`, integers of at most 19
/// digits.
#[derive(Clone, Debug)]
pub struct Scanner {
    state: State,
    depth: usize,
    /// One bit per open container, innermost lowest: set = dictionary.
    dictionaries: u128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must begin: the outermost one, or the one of a dictionary key.
    Value,
    /// A value or the end of the list.
    Item,
    /// A key or the end of the dictionary.
    Key,
    /// In the decimal length of a string.
    Length {
        length: u64,
        digits: u8,
        key: bool,
    },
    /// In the bytes of a string.
    Bytes {
        left: u64,
        key: bool,
    },
    /// In an integer.
    Integer {
        digits: u8,
        negative: bool,
        zero: bool,
    },
    Complete,
    Invalid,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { state: State::Value, depth: 0, dictionaries: 0 }
    }
}

impl Scanner {
    /// A scanner before the first byte of a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream. After `Complete` or `Invalid` the scanner stays where it is.
    pub fn push(&mut self, bytes: &[u8]) -> Progress {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let State::Bytes { left, key } = self.state {
                let here = (bytes.len() - at) as u64;
                if left > here {
                    self.state = State::Bytes { left: left - here, key };
                    return Progress::Incomplete;
                }
                // At most the length of the slice, so it fits.
                at += left as usize;
                self.string_ended(key);
            } else if !matches!(self.state, State::Complete | State::Invalid) {
                self.step(byte);
                at += 1;
            }
            match self.state {
                State::Complete => return Progress::Complete(at),
                State::Invalid => return Progress::Invalid,
                State::Value | State::Item | State::Key => {}
                State::Length { .. } | State::Bytes { .. } | State::Integer { .. } => {}
            }
        }
        if self.state == State::Invalid { Progress::Invalid } else { Progress::Incomplete }
    }

    fn step(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::Key, b'0'..=b'9') => length_begins(byte, true),
            (State::Value | State::Item, b'0'..=b'9') => length_begins(byte, false),
            (State::Value | State::Item, b'i') => State::Integer { digits: 0, negative: false, zero: false },
            (State::Value | State::Item, b'l') => self.open(false),
            (State::Value | State::Item, b'd') => self.open(true),
            (State::Item | State::Key, b'e') => self.close(),
            (State::Length { length, digits, key }, _) => self.length(length, digits, key, byte),
            (State::Integer { digits, negative, zero }, _) => self.integer(digits, negative, zero, byte),
            _ => State::Invalid,
        };
    }

    fn open(&mut self, dictionary: bool) -> State {
        if self.depth == MAX_DEPTH {
            return State::Invalid;
        }
        self.depth += 1;
        self.dictionaries = self.dictionaries << 1 | u128::from(dictionary);
        if dictionary { State::Key } else { State::Item }
    }

    fn close(&mut self) -> State {
        self.depth -= 1;
        self.dictionaries >>= 1;
        self.value_ended()
    }

    /// What follows a complete value, by the container around it.
    fn value_ended(&self) -> State {
        match (self.depth, self.dictionaries & 1) {
            (0, _) => State::Complete,
            (_, 1) => State::Key,
            _ => State::Item,
        }
    }

    fn string_ended(&mut self, key: bool) {
        self.state = if key { State::Value } else { self.value_ended() };
    }

    fn length(&self, length: u64, digits: u8, key: bool, byte: u8) -> State {
        match byte {
            b'0'..=b'9' if digits < 18 && !(digits == 1 && length == 0) => {
                State::Length { length: length * 10 + u64::from(byte - b'0'), digits: digits + 1, key }
            }
            b':' if length > 0 => State::Bytes { left: length, key },
            b':' if key => State::Value,
            b':' => self.value_ended(),
            _ => State::Invalid,
        }
    }

    fn integer(&self, digits: u8, negative: bool, zero: bool, byte: u8) -> State {
        match byte {
            b'-' if digits == 0 && !negative => State::Integer { digits, negative: true, zero },
            b'0' if digits == 0 && !negative => State::Integer { digits: 1, negative, zero: true },
            b'0'..=b'9' if !zero && digits < 19 && (digits > 0 || byte != b'0') => {
                State::Integer { digits: digits + 1, negative, zero }
            }
            b'e' if digits > 0 => self.value_ended(),
            _ => State::Invalid,
        }
    }
}

fn length_begins(byte: u8, key: bool) -> State {
    State::Length { length: u64::from(byte - b'0'), digits: 1, key }
}
