//! The load program's parts: one daemon on one processor, a generator on another that sends and receives in batches,
//! and the figures of a run.
//!
//! The generator never waits for a packet: it sleeps on its own clock and then reads every socket, so that no
//! wake-up of it is billed to the daemon. Arrival is the kernel's time stamp, hence added latency is exact although
//! the generator looks only four times in a millisecond.

pub mod announcements;
pub mod conversion;
pub mod dtls;
pub mod figures;
pub mod relay;
pub mod setup;
pub mod starts;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::ng::{Client, Request};
use crate::sys;

/// How every run is made.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The processor of the daemon.
    pub daemon_processor: usize,
    /// The processor of the generator.
    pub generator_processor: usize,
    /// Real-time priority for both, for machines that others use too.
    pub real_time: bool,
    /// The measured part of a run.
    pub duration: Duration,
    /// More arguments for the workspace's own daemon.
    pub arguments: Vec<String>,
    /// The control port.
    pub port: u16,
}

/// Media ports of a daemon under load: enough for 8,000 calls.
const MEDIA_PORTS: u16 = 34000;

impl Bench {
    fn control(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), self.port)
    }

    /// Looks whether the runs can be made.
    ///
    /// # Errors
    /// When a daemon answers at the control port already: its load would be measured too.
    pub fn check(&self) -> Result<(), String> {
        let control = self.control();
        if answers(control) {
            return Err(format!(
                "a daemon answers at {control} already: end it, or its load is measured too"
            ));
        }
        Ok(())
    }

    /// Starts `program`; arguments meant for our own daemon go to `own` only.
    ///
    /// # Panics
    /// When it does not start, or [`check`](Self::check) would have refused.
    #[must_use]
    pub fn start(&self, program: &PathBuf, own: bool) -> Daemon {
        let control = self.control();
        self.check().unwrap_or_else(|error| panic!("{error}"));
        let mut builder = Daemon::builder().program(program).control(control).media_ports(MEDIA_PORTS);
        builder = builder.processor(self.daemon_processor).arg("--log-level=4");
        if self.real_time {
            builder = builder.real_time();
        }
        if own {
            builder = self.arguments.iter().fold(builder, crate::daemon::DaemonBuilder::arg);
        }
        builder.start()
    }

    /// Runs `work` on a thread bound to the generator's processor.
    ///
    /// # Panics
    /// When `work` does, or the processor does not exist.
    pub fn on_generator<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                sys::pin_thread(self.generator_processor).expect("the generator's processor exists");
                if self.real_time {
                    sys::real_time(true).expect("real-time priority needs the privilege");
                }
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

fn answers(control: SocketAddr) -> bool {
    let ping = Request::new("ping");
    Client::new(control).and_then(|client| client.try_request(&ping, Duration::from_millis(100))).is_ok()
}

/// The body of an offer or answer for audio at `address`, as a telephone sends it; with the value of an `a=crypto` line
/// it speaks SRTP.
#[must_use]
pub fn audio_body(address: SocketAddr, crypto: Option<&str>) -> String {
    let (ip, port) = (address.ip(), address.port());
    let protocol = if crypto.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
    let crypto = crypto.map(|line| format!("a=crypto:{line}\r\n")).unwrap_or_default();
    format!(
        "v=0\r\no=phone 4711 4712 IN IP4 {ip}\r\ns=call\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} {protocol} 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n{crypto}a=ptime:20\r\na=sendrecv\r\n"
    )
}
