use super::*;
use crate::net::interface_spec::parse;
use rand::SeedableRng;
use rand::rngs::StdRng;

struct Fake;

impl Resolver for Fake {
    fn interface(&self, name: &str) -> Option<Vec<IpAddr>> {
        (name == "eth0").then(|| vec![ip("192.0.2.7"), ip("2001:db8::7")])
    }
    fn all(&self) -> Vec<IpAddr> {
        vec![ip("192.0.2.7"), ip("192.0.2.8")]
    }
    fn host(&self, name: &str) -> Vec<IpAddr> {
        if name == "relay.example" { vec![ip("198.51.100.1"), ip("2001:db8::5")] } else { Vec::new() }
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn try_build(entries: &[&str]) -> Result<Interfaces, InterfaceError> {
    let specs: Result<Vec<_>, _> = entries.iter().map(|text| parse(text, 30000, 39999)).collect();
    Interfaces::build(&specs?, &Fake, &mut StdRng::seed_from_u64(1))
}

fn build(entries: &[&str]) -> Interfaces {
    try_build(entries).unwrap()
}

fn fixed(interfaces: &Interfaces, name: Option<&str>, family: Family) -> (String, Family, bool) {
    let selection = interfaces.select(name, family);
    let Choice::Fixed(id) = selection.choice else { panic!("{name:?} is a round robin") };
    let logical = interfaces.logical(id);
    (logical.name.to_string(), logical.family, selection.unknown_name)
}

fn ring_names(interfaces: &Interfaces, name: Option<&str>, family: Family) -> Vec<String> {
    let Choice::RoundRobin(ring) = interfaces.select(name, family).choice else {
        panic!("{name:?} is no round robin")
    };
    interfaces.ring(ring).iter().map(|id| interfaces.logical(*id).name.to_string()).collect()
}

#[test]
fn addresses_come_from_literals_system_interfaces_any_and_hosts() {
    let addresses =
        |entries: &[&str]| build(entries).locals().iter().map(|l| l.address.to_string()).collect::<Vec<_>>();
    assert_eq!(addresses(&["10.0.0.1"]), ["10.0.0.1"]);
    assert_eq!(addresses(&["a/eth0"]), ["192.0.2.7", "2001:db8::7"]);
    assert_eq!(addresses(&["any"]), ["192.0.2.7", "192.0.2.8"]);
    assert_eq!(addresses(&["relay.example"]), ["198.51.100.1", "2001:db8::5"]);
    assert_eq!(addresses(&["10.0.0.1", "10.0.0.1"]), ["10.0.0.1"]);
}

#[test]
fn refused_entries() {
    for text in ["0.0.0.0", "::", "no.such.host", "10.0.0.1!0.0.0.0", "10.0.0.1!no.such.host", "a=b"] {
        let error = try_build(&[text]).unwrap_err();
        assert_eq!(error.to_string(), format!("Invalid interface specification: '{text}'"));
    }
    assert_eq!(try_build(&[]).unwrap_err().to_string(), "Cannot start without any configured interfaces");
}

#[test]
fn port_ranges_are_checked_per_interface() {
    let build = |min, max| {
        let spec = parse("x/10.0.0.1", min, max).unwrap();
        Interfaces::build(&[spec], &Fake, &mut StdRng::seed_from_u64(1)).unwrap_err().to_string()
    };
    let between = "must be between 1 and 65535";
    assert_eq!(build(0, 10), format!("Invalid RTP port range for iface 'x': port-min {between}"));
    assert_eq!(build(1, 65536), format!("Invalid RTP port range for iface 'x': port-max {between}"));
    assert_eq!(
        build(20, 10),
        "Invalid RTP port range for iface 'x': port min (20) must not be greater than port max (10)"
    );
}

#[test]
fn one_logical_interface_per_family_lists_its_own_family_first() {
    let interfaces = build(&["10.0.0.1", "2001:db8::1", "10.0.0.2"]);
    let addresses = |family| {
        let Choice::Fixed(id) = interfaces.select(None, family).choice else { panic!() };
        let locals = &interfaces.logical(id).locals;
        locals.iter().map(|id| interfaces.local(*id).address.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(Family::V4), ["10.0.0.1", "10.0.0.2", "2001:db8::1"]);
    assert_eq!(addresses(Family::V6), ["2001:db8::1", "10.0.0.1", "10.0.0.2"]);
}

#[test]
fn lookup_by_name_alias_legacy_name_and_default() {
    let interfaces = build(&["a/10.0.0.1", "b/10.0.0.2", "b/2001:db8::2", "x=b", "y=x"]);
    assert_eq!(fixed(&interfaces, Some("b"), Family::V6), ("b".into(), Family::V6, false));
    assert_eq!(fixed(&interfaces, Some("x"), Family::V4), ("b".into(), Family::V4, false));
    assert_eq!(fixed(&interfaces, Some("y"), Family::V6), ("b".into(), Family::V6, false));
    assert_eq!(fixed(&interfaces, Some("a"), Family::V6), ("a".into(), Family::V4, false));
    assert_eq!(fixed(&interfaces, Some("internal"), Family::V6), ("a".into(), Family::V4, false));
    assert_eq!(fixed(&interfaces, Some("external"), Family::V4), ("b".into(), Family::V6, false));
    assert_eq!(fixed(&interfaces, Some("nobody"), Family::V4), ("a".into(), Family::V4, true));
    assert_eq!(fixed(&interfaces, None, Family::V6), ("b".into(), Family::V6, false));
    assert_eq!(fixed(&interfaces, Some(""), Family::V4), ("a".into(), Family::V4, false));
    let only4 = build(&["a/10.0.0.1"]);
    assert_eq!(fixed(&only4, None, Family::V6), ("a".into(), Family::V4, false));
    assert_eq!(fixed(&only4, Some("external"), Family::V6), ("a".into(), Family::V4, false));
}

#[test]
fn round_robin_groups() {
    let interfaces = build(&["g:1/10.0.0.1", "g:2/10.0.0.2", "s:1/10.0.0.3", "r=g"]);
    assert_eq!(ring_names(&interfaces, Some("g"), Family::V4), ["g:1", "g:2"]);
    assert_eq!(ring_names(&interfaces, Some("r"), Family::V4), ["g:1", "g:2"]);
    assert_eq!(ring_names(&interfaces, Some("g"), Family::V6), ["g:1", "g:2"]);
    assert_eq!(ring_names(&interfaces, None, Family::V4), ["g:1", "g:2"]);
    assert_eq!(ring_names(&interfaces, Some(ROUND_ROBIN_CALLS), Family::V4), ["g:1", "g:2", "s:1"]);
    assert_eq!(fixed(&interfaces, Some("s"), Family::V4), ("s:1".into(), Family::V4, false));
    assert_eq!(fixed(&interfaces, Some("g:2"), Family::V4), ("g:2".into(), Family::V4, false));
}

#[test]
fn a_media_keeps_an_interface_that_the_new_name_covers() {
    let interfaces = build(&["g:1/10.0.0.1", "g:2/10.0.0.2", "b/10.0.0.3", "b/2001:db8::3", "x=b"]);
    let at = |name: &str, family| interfaces.exact(name, family).unwrap();
    assert!(interfaces.keeps(at("g:2", Family::V4), "g", Family::V4));
    assert!(interfaces.keeps(at("b", Family::V4), ROUND_ROBIN_CALLS, Family::V4));
    assert!(interfaces.keeps(at("b", Family::V4), "x", Family::V4));
    assert!(!interfaces.keeps(at("b", Family::V4), "b", Family::V6));
    assert!(!interfaces.keeps(at("g:2", Family::V4), "g:1", Family::V4));
}

#[test]
fn own_endpoints_are_bound_or_advertised_addresses_within_the_range() {
    let interfaces = build(&["10.0.0.1!203.0.113.1"]);
    assert!(interfaces.owns("10.0.0.1:30000".parse().unwrap()));
    assert!(interfaces.owns("203.0.113.1:39999".parse().unwrap()));
    assert!(!interfaces.owns("203.0.113.1:40000".parse().unwrap()));
    assert!(!interfaces.owns("203.0.113.2:30000".parse().unwrap()));
}

#[test]
fn pools_are_shared_by_address_and_range() {
    let interfaces = build(&["a/10.0.0.1", "b/10.0.0.1!1.1.1.1", "c/10.0.0.2"]);
    assert_eq!(interfaces.pools().len(), 2);
    assert_eq!(interfaces.locals()[0].pool, interfaces.locals()[1].pool);
}

#[test]
fn foundations_have_sixteen_alphanumeric_characters_and_differ() {
    let interfaces = build(&["any"]);
    let [first, second] = interfaces.locals() else { panic!() };
    assert_eq!(first.foundation.len(), 16);
    assert!(first.foundation.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_ne!(first.foundation, second.foundation);
}
