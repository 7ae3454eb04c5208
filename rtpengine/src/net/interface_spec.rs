//! The text of one `--interface` entry (media-plane.md 1.1) as plain data.

use thiserror::Error;

/// The name of an interface given without one.
pub const DEFAULT_NAME: &str = "default";

/// Where an entry was written: decides how an error names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The whole text of an `--interface` value.
    Option(String),
    /// The identifier of a configuration section (its name without the prefix).
    Section(String),
}

/// One configured interface entry, before names are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// Where it was written.
    pub origin: Origin,
    /// The logical name (`default` when none was written; `BASE:SUFFIX` for a member of a round-robin group).
    pub name: String,
    /// What the name stands for.
    pub target: Target,
}

/// What an interface entry says about its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Another name of a logical interface configured before.
    Alias(String),
    /// One or several local addresses.
    Address(AddressSpec),
}

/// The addresses and ports of one interface entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSpec {
    /// A literal, a system interface name, `any` or a host name.
    pub address: String,
    /// The literal or host name to print instead, if any.
    pub advertised: Option<String>,
    /// First port of the pool, checked to be 1..=65535 when the interfaces are built.
    pub port_min: i32,
    /// Last port of the pool, checked likewise.
    pub port_max: i32,
    /// Ports taken out of the pool.
    pub excluded: Vec<u16>,
}

/// Everything that can be wrong with the configured interfaces, with the texts of media-plane.md 1 and operations.md 4.4.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InterfaceError {
    /// An option value that cannot be understood or resolved.
    #[error("Invalid interface specification: '{0}'")]
    Specification(String),
    /// The same for a configuration section.
    #[error("Failed to parse interface information '{0}' from config file")]
    Section(String),
    /// No entry at all.
    #[error("Cannot start without any configured interfaces")]
    None,
    /// More local addresses than the daemon numbers.
    #[error("Too many configured interfaces")]
    TooMany,
    /// A bound of an interface's own port range.
    #[error("Invalid RTP port range for iface '{name}': {key} must be between 1 and 65535")]
    Port {
        /// Name or section identifier.
        name: String,
        /// `port-min` or `port-max`
        key: &'static str,
    },
    /// A range upside down.
    #[error(
        "Invalid RTP port range for iface '{name}': port min ({min}) must not be greater than port max ({max})"
    )]
    Range {
        /// Name or section identifier.
        name: String,
        /// The lower bound as configured.
        min: i32,
        /// The upper bound as configured.
        max: i32,
    },
}

impl Origin {
    /// The error for an entry that cannot be used.
    pub(super) fn invalid(&self) -> InterfaceError {
        match self {
            Self::Option(text) => InterfaceError::Specification(text.clone()),
            Self::Section(ident) => InterfaceError::Section(ident.clone()),
        }
    }
}

/// Reads one `--interface` value: `[NAME/]ADDR[!ADV]` or `NAME=OTHER`. The port range is the global one; sections bring their own.
pub fn parse(text: &str, port_min: i32, port_max: i32) -> Result<InterfaceSpec, InterfaceError> {
    let origin = Origin::Option(text.to_owned());
    let text = text.trim_start();
    let (name, rest) = match text.find(['/', '=']) {
        None => (DEFAULT_NAME, text),
        Some(at) => {
            let (name, rest) = (&text[..at], &text[at + 1..]);
            if name.is_empty() || rest.is_empty() {
                return Err(origin.invalid());
            }
            if text.as_bytes().get(at) == Some(&b'=') {
                let target = Target::Alias(rest.to_owned());
                return Ok(InterfaceSpec { origin, name: name.to_owned(), target });
            }
            (name, rest)
        }
    };
    let (address, advertised) = match rest.split_once('!') {
        None => (rest, None),
        Some((address, advertised)) => (address, Some(advertised)),
    };
    if address.is_empty() || advertised.is_some_and(str::is_empty) {
        return Err(origin.invalid());
    }
    let target = Target::Address(AddressSpec {
        address: address.to_owned(),
        advertised: advertised.map(str::to_owned),
        port_min,
        port_max,
        excluded: Vec::new(),
    });
    Ok(InterfaceSpec { origin, name: name.to_owned(), target })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> (String, String, Option<String>) {
        let spec = parse(text, 1, 2).unwrap();
        let Target::Address(address) = spec.target else { panic!("{text} is an alias") };
        (spec.name, address.address, address.advertised)
    }

    #[test]
    fn forms_of_the_grammar() {
        assert_eq!(address("192.0.2.1"), ("default".into(), "192.0.2.1".into(), None));
        assert_eq!(address(" int/2001:db8::1"), ("int".into(), "2001:db8::1".into(), None));
        assert_eq!(
            address("pub/10.0.0.1!203.0.113.9"),
            ("pub".into(), "10.0.0.1".into(), Some("203.0.113.9".into()))
        );
        assert_eq!(address("a:1/eth0").0, "a:1");
        let alias = parse("x=y/z", 1, 2).unwrap();
        assert_eq!((alias.name.as_str(), alias.target), ("x", Target::Alias("y/z".into())));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_understood_or_refused_by_its_name(text in ".{0,60}") {
            match parse(&text, 1, 2) {
                Ok(spec) => proptest::prop_assert!(!spec.name.is_empty()),
                Err(error) => {
                    proptest::prop_assert_eq!(error.to_string(), format!("Invalid interface specification: '{text}'"));
                }
            }
        }
    }

    #[test]
    fn broken_entries_name_their_text() {
        for text in ["", "/", "name/", "/1.2.3.4", "=b", "a=", "1.2.3.4!", "!1.2.3.4"] {
            let error = parse(text, 1, 2).unwrap_err();
            assert_eq!(error.to_string(), format!("Invalid interface specification: '{text}'"));
        }
    }
}
