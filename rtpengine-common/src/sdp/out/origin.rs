//! The `o=` and `s=` lines (sdp.md §6).

use std::net::IpAddr;

use crate::sdp::{AddressFamily, SessionOrigin, Text};

/// The `replace` options that shape the `o=` line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginRules {
    /// `origin`
    pub origin: bool,
    /// `origin-full`
    pub origin_full: bool,
    /// `username`
    pub username: bool,
    /// `SDP-version`
    pub sdp_version: bool,
    /// `force-increment-sdp-ver`
    pub force_increment: bool,
}

impl OriginRules {
    /// The version counts changes of the whole body, see [`super::Printed::count_version`].
    #[must_use]
    pub fn counts_changes(self) -> bool {
        self.sdp_version || self.origin_full
    }
}

/// What is there when neither the source nor an earlier body gives it.
#[derive(Clone, Copy, Debug)]
pub struct OriginDefaults {
    /// Time in microseconds.
    pub clock_us: u64,
    /// A random number.
    pub random: u64,
    /// Advertised address of the first usable section's local interface.
    pub advertised: IpAddr,
}

const NUMBER_MASK: u64 = 0x0fff_ffff;

/// The `o=` line for a receiver: `source` is that of the source party, `previous` the last one sent to this receiver. What comes out is to be
/// remembered as the next `previous`.
#[must_use]
pub fn select_origin(
    source: Option<&SessionOrigin>,
    previous: Option<&SessionOrigin>,
    rules: OriginRules,
    defaults: &OriginDefaults,
) -> SessionOrigin {
    let full = rules.origin_full;
    let username = pick(source, previous, full || rules.username, |origin| &origin.username);
    let session_id = pick(source, previous, full, |origin| &origin.session_id);
    let (address_type, address) = address(source, previous, full || rules.origin, defaults.advertised);
    SessionOrigin {
        username: username.unwrap_or(Text::constant(b"-")),
        session_id: session_id.unwrap_or_else(|| number(defaults.clock_us).to_string().into()),
        version: version(source, previous, rules).unwrap_or_else(|| number(defaults.random)),
        address_type,
        address,
    }
}

fn number(value: u64) -> u64 {
    (value & NUMBER_MASK) + 1
}

/// The first text that is not empty: the source's, then the previous one, or the other way round.
fn pick(
    source: Option<&SessionOrigin>,
    previous: Option<&SessionOrigin>,
    previous_first: bool,
    field: impl Fn(&SessionOrigin) -> &Text,
) -> Option<Text> {
    let order = if previous_first { [previous, source] } else { [source, previous] };
    order.into_iter().flatten().map(field).find(|text| !text.is_empty()).cloned()
}

fn version(
    source: Option<&SessionOrigin>,
    previous: Option<&SessionOrigin>,
    rules: OriginRules,
) -> Option<u64> {
    let last = previous.map(|origin| origin.version);
    let received = source.map(|origin| origin.version);
    if rules.force_increment {
        return last.map(|version| version.wrapping_add(1)).or(received);
    }
    if rules.counts_changes() { last.or(received) } else { received.or(last) }
}

fn address(
    source: Option<&SessionOrigin>,
    previous: Option<&SessionOrigin>,
    replace: bool,
    advertised: IpAddr,
) -> (Text, Text) {
    let source = source.filter(|_| !replace);
    if let Some(origin) = source.or(previous) {
        return (origin.address_type.clone(), origin.address.clone());
    }
    let family = Text::constant(AddressFamily::of(advertised).name().as_bytes());
    (family, advertised.to_string().into())
}

/// The software id of the `s=` line without a source: every byte that is no letter, digit or `-` becomes `-`.
#[must_use]
pub fn software_id(id: &str) -> String {
    let clean =
        |byte| if matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9') { char::from(byte) } else { '-' };
    id.bytes().map(clean).collect()
}

/// Remembers a received session name (sdp.md §6.2); with `keep` (`session-name` in `replace`) one that is known stays.
pub fn remember_session_name(known: &mut Text, received: &Text, keep: bool) {
    if received.is_empty() || (keep && !known.is_empty()) {
        return;
    }
    *known = received.clone();
}
