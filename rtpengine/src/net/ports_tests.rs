use super::*;
use crate::net::Family;
use crate::net::interface_spec::{InterfaceSpec, Origin, Target, parse};
use crate::net::interfaces::LocalId;
use crate::net::system::Machine;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn spec(text: &str, min: i32, max: i32, excluded: &[u16]) -> InterfaceSpec {
    let mut spec = parse(text, min, max).unwrap();
    spec.origin = Origin::Option(text.into());
    if let Target::Address(address) = &mut spec.target {
        address.excluded = excluded.to_vec();
    }
    spec
}

fn build(specs: &[InterfaceSpec]) -> (Interfaces, Arc<PortPools>) {
    let mut random = StdRng::seed_from_u64(7);
    let interfaces = Interfaces::build(specs, &Machine, &mut random).unwrap();
    let pools = PortPools::new(&interfaces, &mut random);
    (interfaces, pools)
}

fn numbers(leases: &[PortLease]) -> Vec<u16> {
    leases.iter().map(PortLease::port).collect()
}

#[test]
fn pairs_are_even_and_consecutive_until_the_range_is_used_up() {
    let (_, pools) = build(&[spec("127.0.0.1", 30001, 30010, &[])]);
    let mut held = Vec::new();
    for _ in 0..4 {
        let pair = pools.take(PoolId(0), 2).unwrap();
        let [first, second] = numbers(&pair)[..] else { panic!() };
        assert_eq!((first % 2, second), (0, first + 1));
        held.push(pair);
    }
    assert!(pools.take(PoolId(0), 2).is_none(), "30001 and 30010 make no pair");
    assert_eq!(pools.usage(PoolId(0)).free, 2);
    assert_eq!(pools.usage(PoolId(0)).used(), 8);
    held.pop();
    assert!(pools.take(PoolId(0), 2).is_some());
}

#[test]
fn a_released_port_is_reused_last() {
    let (_, pools) = build(&[spec("127.0.0.1", 30000, 30009, &[])]);
    let first = pools.take(PoolId(0), 2).unwrap();
    let first_number = first[0].port();
    drop(first);
    let later: Vec<_> = (0..5).map(|_| pools.take(PoolId(0), 2).unwrap()).collect();
    assert_eq!(later[4][0].port(), first_number);
    assert!(later[..4].iter().all(|pair| pair[0].port() != first_number));
}

#[test]
fn overlapping_ranges_of_one_address_reserve_from_each_other() {
    let specs = [spec("a/127.0.0.1", 30000, 30003, &[]), spec("b/127.0.0.1", 30002, 30005, &[])];
    let (_, pools) = build(&specs);
    let held: Vec<_> = (0..2).map(|_| pools.take(PoolId(0), 2).unwrap()).collect();
    assert_eq!(pools.usage(PoolId(1)).free, 2);
    assert_eq!(numbers(&pools.take(PoolId(1), 2).unwrap()), [30004, 30005]);
    drop(held);
    assert_eq!(pools.usage(PoolId(1)).free, 4);
}

#[test]
fn excluded_and_control_ports_are_never_given() {
    let (_, pools) = build(&[spec("127.0.0.1", 30000, 30005, &[30000])]);
    pools.reserve("0.0.0.0".parse().unwrap(), 30003);
    pools.reserve("::".parse().unwrap(), 30005);
    assert_eq!(pools.usage(PoolId(0)).used(), 2);
    let held = pools.take(PoolId(0), 2).unwrap();
    assert_eq!(numbers(&held), [30004, 30005]);
    assert!(pools.take(PoolId(0), 2).is_none());
    let mut single = Vec::new();
    while let Some(mut lease) = pools.take(PoolId(0), 1) {
        single.append(&mut lease);
    }
    let mut ports = numbers(&single);
    ports.sort_unstable();
    assert_eq!(ports, [30001, 30002]);
}

#[test]
fn round_robin_passes_over_members_without_free_ports() {
    let specs = [spec("g:1/127.0.0.1", 30000, 30001, &[]), spec("g:2/127.0.0.2", 30000, 30009, &[])];
    let (interfaces, pools) = build(&specs);
    let choice = interfaces.select(Some("g"), Family::V4).choice;
    let name = |wanted| {
        let id = pools.choose(&interfaces, choice, wanted)?;
        Some(interfaces.logical(id).name.to_string())
    };
    assert_eq!(name(2).as_deref(), Some("g:1"));
    assert_eq!(name(2).as_deref(), Some("g:2"));
    let held = pools.take(interfaces.local(LocalId(0)).pool, 2).unwrap();
    assert_eq!(name(2).as_deref(), Some("g:2"));
    assert_eq!(name(2).as_deref(), Some("g:2"));
    assert_eq!(name(11), None);
    drop(held);
}

proptest! {
    #[test]
    fn no_port_is_given_twice_and_all_come_back(
        requests in proptest::collection::vec((0u32..2, 1u16..=4, any::<bool>()), 1..200),
    ) {
        let specs = [spec("a/127.0.0.1", 30001, 30040, &[30007]), spec("b/127.0.0.1", 30030, 30061, &[])];
        let (_, pools) = build(&specs);
        let before = [pools.usage(PoolId(0)), pools.usage(PoolId(1))];
        let mut held: Vec<Vec<PortLease>> = Vec::new();
        for (pool, count, release) in requests {
            if release && !held.is_empty() {
                held.swap_remove(usize::from(count) % held.len());
            } else if let Some(leases) = pools.take(PoolId(pool), count) {
                held.push(leases);
            }
            let mut all: Vec<u16> = held.iter().flat_map(|leases| numbers(leases)).collect();
            let given = all.len();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), given);
            prop_assert!(!all.contains(&30007) || pool == 1);
            prop_assert!(held.iter().all(|l| l.len() == 1 || l[0].port() % 2 == 0));
        }
        held.clear();
        prop_assert_eq!(before, [pools.usage(PoolId(0)), pools.usage(PoolId(1))]);
    }
}
