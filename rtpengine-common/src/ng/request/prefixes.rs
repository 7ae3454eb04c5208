//! Flags that carry a value behind a prefix (ng-control.md §7.1). The rest of the string is one value.

use super::escapes::unescape;
use super::parser::Parser;
use super::structures;
use super::words::{BUNDLE, ENDPOINT_LEARNING, OSRTP, REPLACE, RTCP_MUX, SDES, T38, same};
use crate::ng::Command;

/// A prefix and what the rest means.
pub(crate) struct Prefix {
    /// The spellings of the prefix, with the last hyphen.
    pub(crate) prefixes: &'static [&'static str],
    /// Only in `offer`, `subscribe request`, `publish`.
    pub(crate) offers_only: bool,
    /// The key it equals, for the manual.
    pub(crate) equals: &'static str,
    /// Takes the value.
    pub(crate) apply: fn(&mut Parser<'_>, &[u8]),
}

impl Prefix {
    /// What follows the prefix in this flag, if it is this form and the command knows it.
    pub(crate) fn rest<'v>(&self, flag: &'v [u8], command: Command) -> Option<&'v [u8]> {
        if self.offers_only && !command.offers() {
            return None;
        }
        self.prefixes.iter().find_map(|prefix| {
            let (start, rest) = flag.split_at_checked(prefix.len())?;
            (same(prefix.as_bytes(), start) && !rest.is_empty()).then_some(rest)
        })
    }
}

const fn prefix(
    prefixes: &'static [&'static str],
    equals: &'static str,
    apply: fn(&mut Parser<'_>, &[u8]),
) -> Prefix {
    Prefix { prefixes, offers_only: false, equals, apply }
}

const fn offers_only(mut prefix: Prefix) -> Prefix {
    prefix.offers_only = true;
    prefix
}

/// The prefix forms. A prefix that begins with another one stands before it.
pub(crate) static PREFIXES: &[Prefix] = &[
    prefix(&["replace-"], "`replace` = [X]", |p, x| p.word(&REPLACE, x)),
    prefix(&["rtcp-mux-"], "`rtcp-mux` = [X]", |p, x| p.word(&RTCP_MUX, x)),
    prefix(&["BUNDLE-"], "`bundle` = [X]", |p, x| p.word(&BUNDLE, x)),
    prefix(&["OSRTP-"], "`OSRTP` = [X]", |p, x| p.word(&OSRTP, x)),
    prefix(&["SDES-"], "`SDES` = [X]", |p, x| p.word(&SDES, x)),
    prefix(&["endpoint-learning-"], "`endpoint-learning` = X", |p, x| p.word(&ENDPOINT_LEARNING, x)),
    prefix(&["from-tags-"], "`from-tags` = [X]", |p, x| p.request.from_tags.push(unescape(x))),
    prefix(&["codec-strip-"], "`codec` → `strip` = [X]", |p, x| p.request.codecs.strip.push(unescape(x))),
    prefix(&["codec-offer-"], "`codec` → `offer` = [X]", |p, x| p.request.codecs.offer.push(unescape(x))),
    prefix(&["codec-except-"], "`codec` → `except` = [X]", |p, x| {
        p.request.codecs.except.push(unescape(x));
    }),
    prefix(&["codec-ignore-"], "`codec` → `ignore` = [X]", |p, x| {
        p.request.codecs.ignore.push(unescape(x));
    }),
    prefix(&["codec-accept-"], "`codec` → `accept` = [X]", |p, x| {
        p.request.codecs.accept.push(unescape(x));
    }),
    prefix(&["codec-consume-"], "`codec` → `consume` = [X]", |p, x| {
        p.request.codecs.consume.push(unescape(x));
    }),
    prefix(&["codec-set-"], "`codec` → `set` = [X]", |p, x| p.request.codecs.set.push(unescape(x))),
    offers_only(prefix(&["transcode-", "codec-transcode-"], "`codec` → `transcode` = [X]", |p, x| {
        p.request.codecs.transcode.push(unescape(x));
    })),
    offers_only(prefix(&["codec-mask-"], "`codec` → `mask` = [X]", |p, x| {
        p.request.codecs.mask.push(unescape(x));
    })),
    offers_only(prefix(&["T38-", "T.38-"], "`T.38` = [X]", |p, x| p.word(&T38, x))),
    prefix(&["sdp-attr-add-"], "`sdp-attr` → LEVEL → `add` = [X], written LEVEL-X", |p, x| {
        structures::attribute_flag(p, "add", x);
    }),
    prefix(&["sdp-attr-remove-"], "`sdp-attr` → LEVEL → `remove` = [X], written LEVEL-X", |p, x| {
        structures::attribute_flag(p, "remove", x);
    }),
    prefix(
        &["sdp-attr-substitute-"],
        "`sdp-attr` → LEVEL → `substitute` = [[X Y]], written LEVEL-X>Y",
        |p, x| {
            structures::attribute_flag(p, "substitute", x);
        },
    ),
];
