//! Comparing digits with a digit string, one by one (`codecs.md` §18.8(1)).

/// The digits that are looked for, and how many of them have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    digits: Box<[u8]>,
    /// For each number of matched digits: the longest proper beginning that is their end too.
    fallbacks: Box<[usize]>,
    matched: usize,
}

impl Matcher {
    /// Looks for the signs of a string (`0`-`9`, `*`, `#`, `A`-`D`). `None`: it is empty.
    #[must_use]
    pub fn new(digits: &[u8]) -> Option<Self> {
        let digits: Box<[u8]> = digits.iter().map(u8::to_ascii_uppercase).collect();
        let fallbacks = fallbacks(&digits);
        (!digits.is_empty()).then_some(Self { digits, fallbacks, matched: 0 })
    }

    /// The string.
    #[must_use]
    pub fn digits(&self) -> &[u8] {
        &self.digits
    }

    /// A digit came. `true`: it completes the string, and the comparison begins anew.
    pub fn digit(&mut self, sign: u8) -> bool {
        // Falls back to the longest beginning that the digits so far end with.
        while self.digits.get(self.matched) != Some(&sign) {
            if self.matched == 0 {
                return false;
            }
            self.matched = self.fallbacks.get(self.matched).copied().unwrap_or(0);
        }
        self.matched += 1;
        let complete = self.matched == self.digits.len();
        if complete {
            self.matched = 0;
        }
        complete
    }

    /// Begins anew: too much time has passed.
    pub fn restart(&mut self) {
        self.matched = 0;
    }
}

/// The failure function of Knuth, Morris and Pratt, by number of matched digits.
fn fallbacks(digits: &[u8]) -> Box<[usize]> {
    let mut table = vec![0; digits.len() + 1];
    let mut length = 0;
    for at in 1..digits.len() {
        while length > 0 && digits[at] != digits[length] {
            length = table[length];
        }
        length += usize::from(digits[at] == digits[length]);
        table[at + 1] = length;
    }
    table.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hits(digits: &str, heard: &str) -> Vec<usize> {
        let mut matcher = Matcher::new(digits.as_bytes()).unwrap();
        heard.bytes().enumerate().filter(|&(_, sign)| matcher.digit(sign)).map(|(at, _)| at).collect()
    }

    /// `codecs.md` §18.8(1).
    #[test]
    fn rule_18_8_1() {
        assert_eq!(hits("123", "123"), [2]);
        assert_eq!(hits("123", "12123"), [4], "a digit equal to the first is a new start");
        assert_eq!(hits("1213", "121213"), [5], "back to a repeated prefix");
        assert_eq!(hits("11", "1111"), [1, 3], "anew after each hit");
        assert_eq!(hits("*#a", "*#A"), [2]);
        assert_eq!(hits("12", "1x2"), [0usize; 0]);
        assert_eq!(Matcher::new(b""), None);
        let mut matcher = Matcher::new(b"12").unwrap();
        assert!(!matcher.digit(b'1'));
        matcher.restart();
        assert!(!matcher.digit(b'2'));
    }

    proptest! {
        /// The first hit is where the string is first contained.
        #[test]
        fn finds_what_is_there(digits in "[12]{1,5}", heard in "[12]{0,40}") {
            let first = heard.find(&digits).map(|at| at + digits.len() - 1);
            prop_assert_eq!(hits(&digits, &heard).first().copied(), first);
        }
    }
}
