//! The text of local interfaces: option form and configuration sections (spec/media-plane.md §1.1, operations.md
//! §4.4). Addresses stay texts here; `net::interfaces` turns system interfaces, `any` and host names into addresses.

use std::net::IpAddr;

use rtpengine_common::config::{Entry, Group, KeyFile};
use rtpengine_common::options::OptionError;

/// One entry: a local address or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceSpec {
    /// `[NAME/]ADDR[!ADV]`
    Address(InterfaceAddress),
    /// `ALIAS=NAME`
    Alias {
        /// The new name.
        alias: String,
        /// The interface it stands for.
        of: String,
    },
}

/// A local address of a logical interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Logical name, `default` unless given; `BASE:SUFFIX` makes a member of the round-robin group BASE.
    pub name: String,
    /// IPv4, IPv6, system interface, `any` or host name.
    pub address: String,
    /// Address or host name printed in SDP instead.
    pub advertised: Option<String>,
    /// Lowest and highest port, when the section gives an own range.
    pub ports: Option<(u16, u16)>,
    /// Ports never used.
    pub exclude_ports: Vec<u16>,
    /// What error messages quote.
    pub source: Source,
}

/// Where an interface was configured: decides the words of an error found while resolving it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An element of `--interface`, as written.
    Option(String),
    /// A section of the configuration file, its name without the prefix.
    Section(String),
}

impl Source {
    /// The error for an address that cannot be used.
    pub fn error(&self) -> OptionError {
        OptionError::invalid(match self {
            Source::Option(text) => format!("Invalid interface specification: '{text}'"),
            Source::Section(ident) => {
                format!("Failed to parse interface information '{ident}' from config file")
            }
        })
    }
}

const DEFAULT_NAME: &str = "default";
/// The first of these keys that is present counts.
const ADVERTISED_KEYS: &[&str] =
    &["advertised", "advertised address", "advertised-address", "advertised_address"];

/// Parses one element of `--interface`.
pub fn parse(text: &str) -> Result<InterfaceSpec, OptionError> {
    let source = Source::Option(text.to_owned());
    let spec = text.trim();
    let separator = spec.find(['/', '=']);
    let (name, rest) = match separator {
        Some(at) if spec.as_bytes().get(at) == Some(&b'=') => {
            let (alias, of) = (&spec[..at], &spec[at + 1..]);
            if alias.is_empty() || of.is_empty() {
                return Err(source.error());
            }
            return Ok(InterfaceSpec::Alias { alias: alias.to_owned(), of: of.to_owned() });
        }
        Some(at) => (&spec[..at], &spec[at + 1..]),
        None => (DEFAULT_NAME, spec),
    };
    let (address, advertised) = match rest.split_once('!') {
        Some((address, advertised)) => (address, Some(advertised)),
        None => (rest, None),
    };
    if name.is_empty() || !usable(address) || !advertised.is_none_or(usable) {
        return Err(source.error());
    }
    Ok(InterfaceSpec::Address(InterfaceAddress {
        name: name.to_owned(),
        address: address.to_owned(),
        advertised: advertised.map(str::to_owned),
        ports: None,
        exclude_ports: vec![],
        source,
    }))
}

/// Not empty and not the unspecified address.
fn usable(address: &str) -> bool {
    !address.is_empty() && !address.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

/// Reads every section `<prefix>-<ident>`; `ports` is the global range that fills in a missing half of an own one.
pub fn sections(file: &KeyFile, prefix: &str, ports: (u16, u16)) -> Result<Vec<InterfaceSpec>, OptionError> {
    file.groups_with_prefix(prefix).map(|(ident, group)| section(ident, group, ports)).collect()
}

fn section(ident: &str, group: &Group, ports: (u16, u16)) -> Result<InterfaceSpec, OptionError> {
    let text = |key: &str| -> Result<Option<String>, OptionError> {
        let value = group.get(key).map(Entry::string).transpose();
        let value =
            value.map_err(|error| OptionError::syntax(format!("{error} (interface '{ident}', '{key}')")))?;
        Ok(value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    };
    if let Some(of) = text("alias")? {
        return Ok(InterfaceSpec::Alias { alias: ident.to_owned(), of });
    }
    let address = text("address")?.ok_or_else(|| {
        OptionError::invalid(format!("No 'address' given in interface config section '{ident}'"))
    })?;
    let mut advertised = None;
    for key in ADVERTISED_KEYS {
        advertised = advertised.or(text(key)?);
    }
    let source = Source::Section(ident.to_owned());
    if !usable(&address) || !advertised.as_deref().is_none_or(usable) {
        return Err(source.error());
    }
    Ok(InterfaceSpec::Address(InterfaceAddress {
        name: text("name")?.unwrap_or_else(|| ident.to_owned()),
        address,
        advertised,
        ports: port_range(ident, group, ports)?,
        exclude_ports: exclude_ports(group)?,
        source,
    }))
}

fn port_range(ident: &str, group: &Group, global: (u16, u16)) -> Result<Option<(u16, u16)>, OptionError> {
    let port = |key: &str| -> Result<Option<u16>, OptionError> {
        let Some(entry) = group.get(key) else { return Ok(None) };
        let port = entry.raw().trim_end().parse::<u16>().ok().filter(|port| *port != 0);
        port.map(Some).ok_or_else(|| {
            OptionError::invalid(format!("Invalid '{key}' for interface '{ident}': '{}'", entry.raw()))
        })
    };
    let (low, high) = (port("port-min")?, port("port-max")?);
    if low.is_none() && high.is_none() {
        return Ok(None);
    }
    let (low, high) = (low.unwrap_or(global.0), high.unwrap_or(global.1));
    if low > high {
        return Err(OptionError::invalid(format!(
            "Invalid RTP port range for iface '{ident}': port min ({low}) must not be greater than port max ({high})"
        )));
    }
    Ok(Some((low, high)))
}

fn exclude_ports(group: &Group) -> Result<Vec<u16>, OptionError> {
    let Some(entry) = group.get("exclude-ports") else { return Ok(vec![]) };
    let bad = |text: &str| OptionError::invalid(format!("Invalid port in 'exclude-ports': '{text}'"));
    let elements = entry.list().map_err(|_| bad(entry.raw()))?;
    let port =
        |text: &String| text.trim().parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(|| bad(text));
    elements.iter().map(port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> InterfaceAddress {
        match parse(text).unwrap() {
            InterfaceSpec::Address(address) => address,
            InterfaceSpec::Alias { .. } => panic!("alias"),
        }
    }

    #[test]
    fn option_forms() {
        let plain = address("10.0.0.1");
        assert_eq!(
            (plain.name.as_str(), plain.address.as_str(), plain.advertised),
            ("default", "10.0.0.1", None)
        );
        let full = address(" pub:1/10.0.0.1!203.0.113.9");
        assert_eq!((full.name.as_str(), full.address.as_str()), ("pub:1", "10.0.0.1"));
        assert_eq!(full.advertised.as_deref(), Some("203.0.113.9"));
        assert_eq!(address("v6/::1").address, "::1");
        assert_eq!(address("any").address, "any");
        assert_eq!(parse("ext=pub").unwrap(), InterfaceSpec::Alias { alias: "ext".into(), of: "pub".into() });
        // The first separator decides.
        assert_eq!(parse("a=b/c").unwrap(), InterfaceSpec::Alias { alias: "a".into(), of: "b/c".into() });
        assert_eq!(address("a/b=c").address, "b=c");
    }

    #[test]
    fn unusable_forms() {
        for bad in ["", "foo/", "/1.2.3.4", "0.0.0.0", "x/::", "1.2.3.4!", "1.2.3.4!0.0.0.0", "=x", "x="] {
            let error = parse(bad).unwrap_err();
            assert_eq!(error.to_string(), format!("Invalid interface specification: '{bad}'"));
        }
    }

    fn read(text: &str) -> Result<Vec<InterfaceSpec>, String> {
        sections(&KeyFile::parse(text).unwrap(), "interface", (30000, 39999))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn section_forms() {
        let list = read(
            "[interface-b]\naddress = 10.0.0.1\nadvertised_address=1.1.1.1\nadvertised = 2.2.2.2\nport-min=31000\n\
             exclude-ports = 31002; 31004\nname = x\n[interface-a]\nalias = x\naddress = foo\n[interface-]\nfoo=1",
        )
        .unwrap();
        let InterfaceSpec::Address(first) = &list[0] else { panic!() };
        assert_eq!((first.name.as_str(), first.ports), ("x", Some((31000, 39999))));
        assert_eq!(first.advertised.as_deref(), Some("2.2.2.2"));
        assert_eq!(first.exclude_ports, [31002, 31004]);
        assert_eq!(list[1], InterfaceSpec::Alias { alias: "a".into(), of: "x".into() });
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn section_errors() {
        let error = |text: &str| read(text).unwrap_err();
        assert_eq!(error("[interface-x]"), "No 'address' given in interface config section 'x'");
        assert_eq!(
            error("[interface-x]\naddress=1.2.3.4\nport-min=abc"),
            "Invalid 'port-min' for interface 'x': 'abc'"
        );
        assert_eq!(
            error("[interface-x]\naddress=1.2.3.4\nport-min=40000"),
            "Invalid RTP port range for iface 'x': port min (40000) must not be greater than port max (39999)"
        );
        assert_eq!(
            error("[interface-x]\naddress=1.2.3.4\nexclude-ports=1;x"),
            "Invalid port in 'exclude-ports': 'x'"
        );
        assert_eq!(
            error("[interface-x]\naddress=0.0.0.0"),
            "Failed to parse interface information 'x' from config file"
        );
    }
}
