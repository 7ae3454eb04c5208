//! The lexical rules SDP values share (sdp.md §2.1): tokens parted by exactly one space, and numbers read leniently.

/// Splits at the first space: the token before it and what follows (`None` without a space).
pub(super) fn split_token(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    split_once(text, b' ').map_or((text, None), |(token, rest)| (token, Some(rest)))
}

/// Splits at the first `separator`, which is in neither part.
pub(super) fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Takes tokens off the front of a value.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Tokens { rest: Some(text) }
    }

    /// The next token if there is one that is not empty; two spaces in a row make an empty token, which is as good as none.
    pub(super) fn token(&mut self) -> Option<&'a [u8]> {
        let (token, rest) = split_token(self.rest?);
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// What has not been taken, without the space before it.
    pub(super) fn rest(&self) -> Option<&'a [u8]> {
        self.rest
    }
}

/// The number made of the digits at the front and what follows them; `None` without a digit. Saturates.
pub(super) fn leading_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let (number, rest) = text.split_at_checked(digits)?;
    let value = number
        .iter()
        .fold(0u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some((value, rest))
}

/// A lenient number: leading digits count, what follows is ignored. `None` without digits or if it does not fit.
pub(super) fn number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let (value, _) = leading_number(text)?;
    T::try_from(value).ok()
}

/// A number that must consist of digits only.
pub(super) fn whole_number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let (value, rest) = leading_number(text)?;
    if !rest.is_empty() {
        return None;
    }
    T::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_lenient_unless_whole() {
        assert_eq!(number::<u32>(b"12ab"), Some(12));
        assert_eq!(number::<u32>(b"x12"), None);
        assert_eq!(number::<u32>(b"4294967296"), None);
        assert_eq!(number::<u64>(b"99999999999999999999999"), Some(u64::MAX));
        assert_eq!(whole_number::<u32>(b"12ab"), None);
        assert_eq!(whole_number::<u32>(b"012"), Some(12));
    }

    #[test]
    fn a_double_space_makes_an_empty_token() {
        let mut tokens = Tokens::new(b"a  b");
        assert_eq!(tokens.token(), Some(b"a".as_slice()));
        assert_eq!(tokens.token(), None);
        assert_eq!(tokens.rest(), Some(b"b".as_slice()));
        assert_eq!(tokens.token(), Some(b"b".as_slice()));
        assert_eq!(tokens.rest(), None);
        assert_eq!(tokens.token(), None);
    }
}
