//! A short run of the comparison with Debian's rtpengine 10.5.3: no kind of difference that the table does not know.

use std::collections::BTreeMap;
use std::path::Path;

use rtpengine_tests::diff::{self, Found, accepted};
use rtpengine_tests::network::left_out;
use rtpengine_tests::prelude::*;

const PEER: &str = "/usr/bin/rtpengine";

#[test]
fn random_calls_differ_only_as_the_specification_says() {
    if !Path::new(PEER).exists() {
        left_out::<()>("the comparison with rtpengine 10.5.3", "it is not installed");
        return;
    }
    if !Network::enter().is_isolated() {
        left_out::<()>("the comparison with rtpengine 10.5.3", "it needs a network namespace");
        return;
    }
    let ours = Daemon::builder().ports(30000, 44999).start();
    let peer = Daemon::builder().program(PEER).ports(45000, 59999).start();
    let mut new: BTreeMap<String, Found> = BTreeMap::new();
    for seed in 1..=150 {
        for found in diff::play(&ours, &peer, seed).differences {
            let difference = &found.difference;
            if accepted::rule(difference).or(accepted::open(difference)).is_none() {
                new.entry(found.difference.kind.clone()).or_insert(found);
            }
        }
    }
    for (kind, found) in &new {
        eprintln!(
            "{kind}: seed {}, ours {}, peer {}",
            found.seed, found.difference.ours, found.difference.peers
        );
    }
    assert!(new.is_empty(), "{} unlisted kinds of difference", new.len());
}
