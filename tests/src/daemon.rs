//! The daemon as a process: started on free ports, asked until it answers, its log kept, ended on drop.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::network::{Network, PortRange};
use crate::ng::{Client, Reply, Request};
use crate::sys::{self, Signal};

/// The environment variable that names another daemon to test.
pub const BINARY_VARIABLE: &str = "RTPENGINE_BIN";

/// How long a start may take.
const START: Duration = Duration::from_secs(5);

/// How long an orderly end may take (`operations.md` 2.4).
const END: Duration = Duration::from_secs(5);

/// The daemon under test: what [`BINARY_VARIABLE`] names, otherwise the workspace's own, built in the same profile.
///
/// # Panics
/// When the workspace's own has not been built.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
        return path.into();
    }
    let here = std::env::current_exe().expect("a running program has a path");
    let folders = here.ancestors().skip(1).take(2);
    let Some(found) = folders.map(|folder| folder.join("rtpengine")).find(|path| path.is_file()) else {
        panic!("build the daemon first (cargo build -p rtpengine), or name one in {BINARY_VARIABLE}");
    };
    found
}

/// How to start a daemon.
#[derive(Debug)]
pub struct DaemonBuilder {
    network: Network,
    program: Option<PathBuf>,
    interfaces: Vec<String>,
    arguments: Vec<OsString>,
    media_ports: u16,
    range: Option<(u16, u16)>,
    control: Option<SocketAddr>,
    configuration: Option<PathBuf>,
    processor: Option<usize>,
    real_time: bool,
}

impl DaemonBuilder {
    /// Adds an argument of the command line.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds several arguments of the command line.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds an interface; without any, the daemon gets the network's first IPv4 address.
    #[must_use]
    pub fn interface(mut self, interface: &impl ToString) -> Self {
        self.interfaces.push(interface.to_string());
        self
    }

    /// Sets the number of media ports (200 unless set).
    #[must_use]
    pub fn media_ports(mut self, count: u16) -> Self {
        self.media_ports = count;
        self
    }

    /// Fixes the range of media ports, for two daemons in one namespace.
    #[must_use]
    pub fn ports(mut self, first: u16, last: u16) -> Self {
        self.range = Some((first, last));
        self
    }

    /// Fixes where the daemon listens for ng over UDP; otherwise it is a free port.
    #[must_use]
    pub fn control(mut self, address: SocketAddr) -> Self {
        self.control = Some(address);
        self
    }

    /// Has it read a configuration file, which then must name the interfaces.
    #[must_use]
    pub fn configuration(mut self, file: impl Into<PathBuf>) -> Self {
        self.configuration = Some(file.into());
        self
    }

    /// Starts another program than [`binary`].
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Binds the daemon to one processor.
    #[must_use]
    pub fn processor(mut self, processor: usize) -> Self {
        self.processor = Some(processor);
        self
    }

    /// Gives the daemon real-time priority.
    #[must_use]
    pub fn real_time(mut self) -> Self {
        self.real_time = true;
        self
    }

    /// Starts the daemon and waits until it answers a ping.
    ///
    /// # Panics
    /// When it does not within a few seconds; the message carries the log.
    #[must_use]
    pub fn start(self) -> Daemon {
        let mut daemon = self.spawn();
        daemon.wait_until_ready();
        daemon
    }

    /// Starts the daemon without waiting, for starts that are meant to fail.
    ///
    /// # Panics
    /// When the program cannot be run at all.
    #[must_use]
    pub fn spawn(mut self) -> Daemon {
        let ng = self.control.unwrap_or_else(|| {
            let local = IpAddr::from(Ipv4Addr::LOCALHOST);
            SocketAddr::new(local, self.network.free_port(local))
        });
        let ports = match self.range {
            Some((first, last)) => PortRange::fixed(first, last),
            None => self.network.media_ports(self.media_ports),
        };
        if self.interfaces.is_empty() && self.configuration.is_none() {
            self.interfaces.push(self.network.relay(0).to_string());
        }
        let program = self.program.take().unwrap_or_else(binary);
        let mut command = Command::new(&program);
        match &self.configuration {
            Some(file) => command.arg("--config-file").arg(file),
            None => command.arg("--config-file=none"),
        };
        command.args(["--foreground", "--log-stderr", "--table=-1"]);
        command.arg(format!("--listen-ng={ng}"));
        command.arg(format!("--port-min={}", ports.first)).arg(format!("--port-max={}", ports.last));
        command.args(self.interfaces.iter().map(|interface| format!("--interface={interface}")));
        command.args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.on_its_processor(|| command.spawn());
        let child = child.unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
        Daemon::watch(child, ng, ports, self.network)
    }

    /// Runs `start` with the affinity and priority that the daemon is to inherit, then puts the thread's own back.
    fn on_its_processor<T>(&self, start: impl FnOnce() -> T + Send) -> T
    where
        T: Send,
    {
        // On a thread of its own, so that nothing has to be put back. It shares the network namespace.
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if let Some(processor) = self.processor {
                    sys::pin_thread(processor).expect("the processor exists");
                }
                if self.real_time {
                    sys::real_time(true).expect("real-time priority needs the privilege");
                }
                start()
            });
            thread.join().expect("starting a process does not panic")
        })
    }
}

/// A running daemon. Dropping it ends it, and fails the test if it does not end in good order.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    status: Option<ExitStatus>,
    ng: SocketAddr,
    ports: PortRange,
    network: Network,
    client: Client,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    forgiven: bool,
}

impl Daemon {
    /// Starts the daemon under test with nothing special.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Starts the daemon under test in the way said with the returned builder.
    #[must_use]
    pub fn builder() -> DaemonBuilder {
        DaemonBuilder {
            network: Network::enter(),
            program: None,
            interfaces: Vec::new(),
            arguments: Vec::new(),
            media_ports: 200,
            range: None,
            control: None,
            configuration: None,
            processor: None,
            real_time: false,
        }
    }

    fn watch(mut child: Child, ng: SocketAddr, ports: PortRange, network: Network) -> Self {
        let log = Arc::new(Mutex::new(String::new()));
        let out = child.stdout.take().expect("piped");
        let err = child.stderr.take().expect("piped");
        let readers = vec![keep(out, &log), keep(err, &log)];
        let client = Client::new(ng).expect("a socket for the client");
        Self { child, status: None, ng, ports, network, client, log, readers, forgiven: false }
    }

    fn wait_until_ready(&mut self) {
        let start = Instant::now();
        let ping = Request::new("ping");
        loop {
            if let Some(status) = self.exit_status() {
                panic!("the daemon ended at once with {status}");
            }
            if let Ok(reply) = self.client.try_request(&ping, Duration::from_millis(50)) {
                assert_eq!(reply.result(), "pong", "the whole answer: {reply:?}");
                return;
            }
            assert!(start.elapsed() < START, "the daemon does not answer a ping after {START:?}");
        }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens for ng over UDP.
    #[must_use]
    pub fn ng(&self) -> SocketAddr {
        self.ng
    }

    /// The network it lives in.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Its range of media ports.
    #[must_use]
    pub fn ports(&self) -> &PortRange {
        &self.ports
    }

    /// A new client of its ng port.
    ///
    /// # Panics
    /// When no socket can be had.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.ng).expect("a socket for the client")
    }

    /// Sends a request and returns the reply.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn request(&self, request: &Request) -> Reply {
        self.client.request(request)
    }

    /// What it has logged so far.
    ///
    /// # Panics
    /// When a reader thread panicked, which it does not.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("readers do not panic").clone()
    }

    /// Waits until the log contains `text`.
    ///
    /// # Panics
    /// When it does not within a second.
    #[track_caller]
    pub fn logs(&self, text: &str) {
        crate::wait::until(&format!("the log says {text:?}"), crate::wait::SOON, || {
            self.log().contains(text).then_some(())
        });
    }

    /// Sends the process a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        sys::kill(self.pid(), signal).expect("the process is there");
    }

    /// The exit status, if the process has ended.
    ///
    /// # Panics
    /// When the process cannot be asked.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("our own child can be asked");
        }
        self.status
    }

    /// Waits for the process to end by itself or by a signal sent before, and returns its status and its whole log.
    ///
    /// # Panics
    /// When it does not end within five seconds.
    pub fn ends(mut self) -> (ExitStatus, String) {
        self.forgiven = true;
        let status = crate::wait::until("the daemon ends", END, || self.exit_status());
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        (status, self.log())
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Panics
    /// When it does not end within five seconds, or not with status 0.
    pub fn stops(self) -> String {
        self.signal(Signal::Term);
        let (status, log) = self.ends();
        assert!(status.success(), "ended with {status}");
        log
    }

    /// Memory in use, in bytes, as `VmRSS` counts it.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// Memory of its own, in bytes: without the pages of programs and libraries, which first use brings in and others share (`RssAnon`).
    ///
    /// # Errors
    /// When the process is gone.
    pub fn private_bytes(&self) -> io::Result<u64> {
        self.status_bytes("RssAnon:")
    }

    fn status_bytes(&self, field: &str) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|number| number.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Processor time used by all its living threads, in nanoseconds.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu_ns(&self) -> io::Result<u64> {
        let mut total = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            // A thread may end between the listing and the reading.
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            total += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(total)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let already_failing = std::thread::panicking();
        let mut complaint = None;
        if self.exit_status().is_none() {
            let _ = sys::kill(self.pid(), Signal::Term);
            let start = Instant::now();
            while self.exit_status().is_none() {
                if start.elapsed() > END {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    complaint = Some("did not end within five seconds of SIGTERM".to_string());
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        if let Some(status) = self.status
            && !status.success()
            && !self.forgiven
        {
            complaint = Some(format!("ended with {status}"));
        }
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let log = self.log();
        if log.contains("panicked at") {
            complaint = Some("panicked".to_string());
        }
        if already_failing || complaint.is_some() {
            eprintln!("--- log of the daemon (its end) ---\n{}---", tail(&log, 120));
        }
        if let Some(complaint) = complaint {
            if already_failing {
                eprintln!("and the daemon {complaint}");
            } else {
                panic!("the daemon {complaint}");
            }
        }
    }
}

/// The last `lines` lines of `text`.
fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut out = all[all.len().saturating_sub(lines)..].join("\n");
    out.push('\n');
    out
}

/// Collects what a process writes.
fn keep(from: impl io::Read + Send + 'static, log: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if let Ok(mut log) = log.lock() {
                log.push_str(&String::from_utf8_lossy(&line));
            }
            line.clear();
        }
    })
}
