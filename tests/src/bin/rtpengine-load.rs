//! The load program: what the daemon costs per packet and per call, by itself or beside another program under the
//! same load (`make bench`).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rtpengine_tests::daemon;
use rtpengine_tests::load::conversion::Conversion;
use rtpengine_tests::load::figures::{self, Run};
use rtpengine_tests::load::{Bench, announcements, dtls, relay, setup, starts};
use rtpengine_tests::network::Network;

/// Measures the daemon under load.
///
/// Every run starts a fresh daemon on one processor; the generator has another. With --peer, runs alternate between
/// the two programs and the last column is the ratio of the medians.
#[derive(Parser)]
#[command(name = "rtpengine-load", version)]
struct Arguments {
    /// The daemon to measure (default: the workspace's own)
    #[arg(long, value_name = "BINARY")]
    daemon: Option<PathBuf>,
    /// Another daemon to run the same load, alternating
    #[arg(long, value_name = "BINARY")]
    peer: Option<PathBuf>,
    /// Runs of each load and program
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// The measured part of a run, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Numbers of calls for the media load
    #[arg(long, value_delimiter = ',', default_value = "10,100,500,1000,2000")]
    calls: Vec<usize>,
    /// The loads to run
    #[arg(long, value_delimiter = ',', default_value = "media,setup,burst,srtp,dtls")]
    load: Vec<Load>,
    /// The pairs of codecs of the transcoding load
    #[arg(long, value_delimiter = ',', default_value = "g711,g722,opus")]
    conversions: Vec<Conversion>,
    /// Calls of the transcoding load (default: 200, 100 and 50)
    #[arg(long)]
    transcoded_calls: Option<usize>,
    /// The callers speak SRTP, the callees plain RTP
    #[arg(long)]
    srtp: bool,
    /// Calls beside the bursts
    #[arg(long, default_value_t = 500)]
    burst_calls: usize,
    /// Calls of the SRTP load
    #[arg(long, default_value_t = 200)]
    srtp_calls: usize,
    /// Relayed calls beside the DTLS load
    #[arg(long, default_value_t = 500)]
    dtls_calls: usize,
    /// Numbers of callers that hear the announcement
    #[arg(long, value_delimiter = ',', default_value = "1000,4500")]
    listeners: Vec<usize>,
    /// Relayed calls beside those that start
    #[arg(long, default_value_t = 500)]
    starts_calls: usize,
    /// The daemon's processor
    #[arg(long, default_value_t = 0)]
    daemon_processor: usize,
    /// The generator's processor
    #[arg(long, default_value_t = 1)]
    generator_processor: usize,
    /// Give daemon and generator real-time priority, for a machine that others use too
    #[arg(long)]
    real_time: bool,
    /// The control port; nothing may answer there
    #[arg(long, default_value_t = 2223)]
    port: u16,
    /// More arguments for the daemon (not for the peer)
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Load {
    /// N calls, 50 packets per second in each direction
    Media,
    /// Offer, answer and delete, 16 calls outstanding
    Setup,
    /// Bursts of 50 packets on one socket among N calls
    Burst,
    /// N calls between SRTP (SDES, AES_CM_128_HMAC_SHA1_80) and plain RTP
    Srtp,
    /// Calls with ICE and DTLS set up beside N relayed calls
    Dtls,
    /// Calls whose sides have different codecs
    Transcode,
    /// One announcement played to N callers
    Announcements,
    /// 20 of these that begin to talk in the same second, beside N relayed calls
    Starts,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let own = arguments.daemon.clone().unwrap_or_else(daemon::binary);
    let bench = Bench {
        daemon_processor: arguments.daemon_processor,
        generator_processor: arguments.generator_processor,
        real_time: arguments.real_time,
        duration: Duration::from_secs(arguments.seconds),
        arguments: arguments.arguments.clone(),
        port: arguments.port,
    };
    if !Network::enter().is_isolated() {
        eprintln!("without a network namespace other traffic of this machine may disturb the figures");
    }
    if let Err(error) = bench.check() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    print!("{}", own.display());
    match &arguments.peer {
        Some(peer) => println!(" | {}", peer.display()),
        None => println!(),
    }
    let media = if arguments.srtp { relay::Media::Srtp } else { relay::Media::Plain };
    let alternate = |title: String, measure: &dyn Fn(&PathBuf, bool) -> Run| {
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..arguments.rounds.max(1) {
            ours.push(measure(&own, true));
            if let Some(peer) = &arguments.peer {
                peers.push(measure(peer, false));
            }
        }
        figures::print(&title, &ours, &peers);
    };
    for load in &arguments.load {
        match load {
            Load::Media => {
                for &calls in &arguments.calls {
                    alternate(format!("{calls} calls, {} packets/s in", calls * 100), &|program, own| {
                        relay::run(&bench, &bench.start(program, own), media, calls, false)
                    });
                }
            }
            Load::Transcode => {
                for &conversion in &arguments.conversions {
                    let calls = arguments.transcoded_calls.unwrap_or_else(|| conversion.calls());
                    let title = format!("{calls} calls, {}", conversion.title());
                    let media = relay::Media::Transcoded(conversion);
                    alternate(title, &|program, own| {
                        relay::run(&bench, &bench.start(program, own), media, calls, false)
                    });
                }
            }
            Load::Announcements => {
                for &calls in &arguments.listeners {
                    alternate(format!("an announcement to {calls} callers"), &|program, own| {
                        announcements::run(&bench, &bench.start(program, own), calls)
                    });
                }
            }
            Load::Starts => {
                for &conversion in &arguments.conversions {
                    let calls = arguments.starts_calls;
                    let begin = starts::STARTS;
                    let title = format!(
                        "{begin} calls begin in a second beside {calls} relayed ones, {}",
                        conversion.title()
                    );
                    alternate(title, &|program, own| {
                        starts::run(&bench, &bench.start(program, own), conversion, calls)
                    });
                }
            }
            Load::Setup => alternate("call set-up, 16 outstanding".into(), &|program, own| {
                setup::run(&bench, &bench.start(program, own))
            }),
            Load::Srtp => {
                let calls = arguments.srtp_calls;
                alternate(format!("{calls} calls, SRTP to RTP and back"), &|program, own| {
                    relay::run(&bench, &bench.start(program, own), relay::Media::Srtp, calls, false)
                });
            }
            Load::Dtls => {
                let calls = arguments.dtls_calls;
                alternate(
                    format!("ICE and DTLS, 8 callees at once, beside {calls} relayed calls"),
                    &|program, own| dtls::run(&bench, &bench.start(program, own), calls),
                );
            }
            Load::Burst => {
                let calls = arguments.burst_calls;
                alternate(format!("bursts among {calls} calls"), &|program, own| {
                    relay::run(&bench, &bench.start(program, own), media, calls, true)
                });
            }
        }
    }
    ExitCode::SUCCESS
}
