//! Numbers, which each source writes by rules of its own (ng-control.md §3.3).

use crate::bencode::Value;
use crate::ng::Encoding;

/// Where a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the dictionary of the message.
    Message(Encoding),
    /// In a flags string or template.
    Flags,
}

/// The integer a value stands for, if any.
pub(crate) fn integer(value: &Value<'_>, source: Source) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Bytes(text) => match source {
            Source::Message(Encoding::Bencode) => complete_decimal(text),
            Source::Message(Encoding::Json) => c_prefix(text),
            Source::Flags => leading_decimal(text),
        },
        Value::List(_) | Value::Dict(_) | Value::Null => None,
    }
}

/// The whole text is a decimal number.
fn complete_decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// As far as `strtoll` with base 0 would read it; a text without any digit is no number.
fn c_prefix(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (negative, text) = sign(text);
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (16, text.get(2..)?),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    digits_prefix(digits, radix).map(|number| if negative { -number } else { number })
}

/// Leading decimal digits, if the number fits 32 bits.
fn leading_decimal(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(text);
    let number = digits_prefix(digits, 10).map(|number| if negative { -number } else { number })?;
    i32::try_from(number).is_ok().then_some(number)
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The digits at the beginning; too large a number stays at the largest.
fn digits_prefix(text: &[u8], radix: u32) -> Option<i64> {
    let mut digits = text.iter().map_while(|byte| char::from(*byte).to_digit(radix)).peekable();
    digits.peek()?;
    Some(digits.fold(0_i64, |number, digit| {
        number.saturating_mul(i64::from(radix)).saturating_add(i64::from(digit))
    }))
}

/// The nearest number of 32 bits.
pub(crate) fn clamp(number: i64) -> i32 {
    number.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// A number that is "not given" when negative.
pub(crate) fn not_negative(number: i64) -> Option<u32> {
    (number >= 0).then(|| u32::try_from(number).unwrap_or(u32::MAX))
}
