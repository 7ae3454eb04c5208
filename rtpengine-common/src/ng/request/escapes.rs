//! Escapes in list values: `--` is `=`, `..` is a blank (ng-control.md §3.4).

use crate::ng::ByteString;

/// The value with its escapes resolved, left to right.
pub(crate) fn unescape(value: &[u8]) -> ByteString {
    if !value.windows(2).any(|pair| replacement(pair[0], pair[1]).is_some()) {
        return value.into();
    }
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, tail @ ..] = rest {
        let replaced = tail.first().and_then(|second| replacement(*first, *second));
        plain.push(replaced.unwrap_or(*first));
        rest = if replaced.is_some() { tail.get(1..).unwrap_or_default() } else { tail };
    }
    plain.into()
}

fn replacement(first: u8, second: u8) -> Option<u8> {
    match (first, second) {
        (b'-', b'-') => Some(b'='),
        (b'.', b'.') => Some(b' '),
        _ => None,
    }
}
