//! Local interfaces from the options: the grammar of one element and the meaning of addresses are `net`'s, the sections
//! of the configuration file are read here (spec/operations.md §4.4, media-plane.md §1.1 item 7).

use rtpengine_common::config::{Group, KeyFile};
use rtpengine_common::options::OptionError;

use crate::net::interface_spec::{self, AddressSpec, InterfaceSpec, Origin, Target};

/// The global port range, lowest and highest.
pub type Range = (u16, u16);

/// The first of these keys that is present counts.
const ADVERTISED_KEYS: &[&str] =
    &["advertised", "advertised address", "advertised-address", "advertised_address"];

/// Parses the elements of `--interface`.
pub fn elements(texts: &[String], range: Range) -> Result<Vec<InterfaceSpec>, OptionError> {
    let parse = |text: &String| interface_spec::parse(text, i32::from(range.0), i32::from(range.1));
    texts.iter().map(parse).collect::<Result<_, _>>().map_err(|error| OptionError::invalid(error.to_string()))
}

/// Reads every section `<prefix>-<ident>`; what a section leaves out of a port range comes from the global one.
pub fn sections(file: &KeyFile, prefix: &str, range: Range) -> Result<Vec<InterfaceSpec>, OptionError> {
    file.groups_with_prefix(prefix).map(|(ident, group)| section(ident, group, range)).collect()
}

fn section(ident: &str, group: &Group, range: Range) -> Result<InterfaceSpec, OptionError> {
    let origin = Origin::Section(ident.to_owned());
    if let Some(of) = text(ident, group, "alias")? {
        return Ok(InterfaceSpec { origin, name: ident.to_owned(), target: Target::Alias(of) });
    }
    let address = text(ident, group, "address")?.ok_or_else(|| {
        OptionError::invalid(format!("No 'address' given in interface config section '{ident}'"))
    })?;
    let mut advertised = None;
    for key in ADVERTISED_KEYS {
        advertised = advertised.or(text(ident, group, key)?);
    }
    let (port_min, port_max) = port_range(ident, group, range)?;
    let excluded = excluded_ports(group)?;
    let name = text(ident, group, "name")?.unwrap_or_else(|| ident.to_owned());
    let target = Target::Address(AddressSpec { address, advertised, port_min, port_max, excluded });
    Ok(InterfaceSpec { origin, name, target })
}

/// A key's text without blanks around it; none when missing or empty.
fn text(ident: &str, group: &Group, key: &str) -> Result<Option<String>, OptionError> {
    let Some(entry) = group.get(key) else { return Ok(None) };
    let value = entry.string();
    let value =
        value.map_err(|error| OptionError::syntax(format!("{error} (interface '{ident}', '{key}')")))?;
    Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty()))
}

fn port_range(ident: &str, group: &Group, global: Range) -> Result<(i32, i32), OptionError> {
    let port = |key: &str, default: u16| -> Result<i32, OptionError> {
        let Some(entry) = group.get(key) else { return Ok(i32::from(default)) };
        let port = entry.raw().trim_end().parse::<u16>().ok().filter(|port| *port != 0);
        port.map(i32::from).ok_or_else(|| {
            OptionError::invalid(format!("Invalid '{key}' for interface '{ident}': '{}'", entry.raw()))
        })
    };
    let (low, high) = (port("port-min", global.0)?, port("port-max", global.1)?);
    if low > high {
        return Err(OptionError::invalid(format!(
            "Invalid RTP port range for iface '{ident}': port min ({low}) must not be greater than port max ({high})"
        )));
    }
    Ok((low, high))
}

fn excluded_ports(group: &Group) -> Result<Vec<u16>, OptionError> {
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
        let Target::Address(first) = &list[0].target else { panic!() };
        assert_eq!((list[0].name.as_str(), first.port_min, first.port_max), ("x", 31000, 39999));
        assert_eq!(first.advertised.as_deref(), Some("2.2.2.2"));
        assert_eq!(first.excluded, [31002, 31004]);
        assert_eq!((list[1].name.as_str(), &list[1].target), ("a", &Target::Alias("x".into())));
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
    }

    #[test]
    fn option_errors() {
        let error = elements(&["foo/".to_owned()], (1, 2)).unwrap_err();
        assert_eq!(error.to_string(), "Invalid interface specification: 'foo/'");
    }
}
