//! Sends the same random calls to our daemon and to another and reports how the replies differ.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rtpengine_tests::daemon::Daemon;
use rtpengine_tests::diff::{self, Found, accepted};

/// Compares the replies of two daemons to the same random calls.
#[derive(Parser)]
#[command(name = "rtpengine-diff", version)]
struct Arguments {
    /// The other daemon
    #[arg(long, value_name = "BINARY", default_value = "/usr/bin/rtpengine")]
    peer: PathBuf,
    /// Number of calls
    #[arg(long, default_value_t = 200)]
    calls: u64,
    /// The first call; the same number is the same call
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Show the whole call up to the first example of each kind that is not accepted
    #[arg(long)]
    verbose: bool,
    /// Look only at kinds that contain this text
    #[arg(long, default_value = "")]
    kind: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ours = Daemon::builder().ports(30000, 44999).arg("--log-level=4").start();
    let peer = Daemon::builder().program(&arguments.peer).ports(45000, 59999).arg("--log-level=4").start();
    let mut kinds: BTreeMap<String, (usize, Found)> = BTreeMap::new();
    let mut allowed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut requests = 0;
    for seed in arguments.seed..arguments.seed + arguments.calls {
        let outcome = diff::play(&ours, &peer, seed);
        requests += outcome.exchanges.len();
        let wanted = |found: &Found| found.difference.kind.contains(&arguments.kind);
        for found in outcome.differences.into_iter().filter(wanted) {
            match (accepted::rule(&found.difference), accepted::open(&found.difference)) {
                (Some(rule), _) => *allowed.entry(("accepted", rule)).or_default() += 1,
                (None, Some(what)) => *allowed.entry(("open    ", what)).or_default() += 1,
                (None, None) => kinds.entry(found.difference.kind.clone()).or_insert((0, found)).0 += 1,
            }
        }
    }
    println!("{} calls, {requests} requests", arguments.calls);
    for ((class, rule), count) in &allowed {
        println!("  {class} {count:>6}  {rule}");
    }
    for (kind, (count, found)) in &kinds {
        println!("  NEW      {count:>6}  {kind}");
        println!(
            "      seed {}\n      ours: {}\n      peer: {}",
            found.seed, found.difference.ours, found.difference.peers
        );
        if arguments.verbose {
            for exchange in &diff::play(&ours, &peer, found.seed).exchanges[..=found.exchange] {
                println!(
                    "    request {}\n    ours {}\n    peer {}",
                    exchange.request, exchange.ours, exchange.peers
                );
            }
        }
    }
    if kinds.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
