//! Numbers as the historic program reads them: a prefix of the text, with `strtol` and `strtod` in base 10.

/// Why a text gives no number; the words of operations.md §6.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberError {
    /// No digits at its beginning.
    NoDigits,
    /// More than fits.
    Range,
}

/// `errno` after a number that does not fit.
const ERANGE: i32 = 34;

impl NumberError {
    /// The end of the message.
    pub(super) fn text(self) -> String {
        match self {
            NumberError::NoDigits => "no digits found".to_owned(),
            NumberError::Range => format!("errno={ERANGE}"),
        }
    }
}

/// An integer at the beginning of a text; what follows is ignored.
pub(super) fn integer(text: &str) -> Result<i64, NumberError> {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(NumberError::NoDigits);
    }
    text.get(..sign + digits).and_then(|number| number.parse().ok()).ok_or(NumberError::Range)
}

/// An unsigned integer at the beginning of a text.
pub(super) fn unsigned(text: &str) -> Result<u64, NumberError> {
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(NumberError::NoDigits);
    }
    text.get(..digits).and_then(|number| number.parse().ok()).ok_or(NumberError::Range)
}

/// A decimal fraction at the beginning of a text.
pub(super) fn float(text: &str) -> Result<f64, NumberError> {
    let text = text.trim_start();
    let length =
        text.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+')).count();
    // The longest prefix that is a number.
    let prefixes = (1..=length).rev().filter_map(|end| text.get(..end));
    let number =
        prefixes.filter_map(|prefix| prefix.parse::<f64>().ok()).next().ok_or(NumberError::NoDigits)?;
    if number.is_finite() { Ok(number) } else { Err(NumberError::Range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_count() {
        assert_eq!(integer("-5x"), Ok(-5));
        assert_eq!(integer("x"), Err(NumberError::NoDigits));
        assert_eq!(integer("-"), Err(NumberError::NoDigits));
        assert_eq!(integer("99999999999999999999"), Err(NumberError::Range));
        assert_eq!(unsigned("12abc"), Ok(12));
        assert_eq!(unsigned("-1"), Err(NumberError::NoDigits));
        assert_eq!(float("1.5.2"), Ok(1.5));
        assert_eq!(float("-2,5"), Ok(-2.0));
        assert_eq!(float("inf"), Err(NumberError::NoDigits));
        assert_eq!(float(&"9".repeat(400)), Err(NumberError::Range));
    }
}
