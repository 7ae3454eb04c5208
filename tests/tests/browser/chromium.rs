//! Chromium without a screen, led over its DevTools protocol.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rtpengine_tests::network::left_out;
use rtpengine_tests::prelude::*;
use rtpengine_tests::program::{Program, is_installed};
use rtpengine_tests::web::{Http, WebSocket, opcode};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::tone;

const PROGRAM: &str = "chromium";

/// A cold start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// The frequency of the browser's microphone in hertz.
pub(crate) const MICROPHONE: f64 = 700.0;

/// One browser at a time: each encodes video.
static TURN: Mutex<()> = Mutex::new(());

const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    // Candidates that the daemon can reach: on loopback, as addresses instead of names.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
];

/// A browser with one page open.
pub(crate) struct Browser {
    socket: RefCell<WebSocket>,
    session: String,
    requests: Cell<u64>,
    _program: Program,
    _folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts the browser in the network of this thread, with the page of these tests. `None`, said in words, where there is no
    /// browser.
    pub(crate) fn start(about: &str) -> Option<Self> {
        if !is_installed(PROGRAM) {
            return left_out(about, &format!("{PROGRAM} is not installed"));
        }
        let _ = Network::enter();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let microphone = folder.path().join("microphone.wav");
        std::fs::write(&microphone, tone::wav(MICROPHONE)).unwrap();
        let profile = folder.path().join("profile");
        let mut switches: Vec<String> = SWITCHES.iter().map(ToString::to_string).collect();
        switches.push(format!("--user-data-dir={}", profile.display()));
        switches.push(format!("--use-file-for-fake-audio-capture={}", microphone.display()));
        switches.push("about:blank".into());
        let switches: Vec<&str> = switches.iter().map(String::as_str).collect();
        let program = Program::start(PROGRAM, &switches, folder.path());
        let (server, path) = until("the browser listens", START, || endpoint(&profile));
        let host = server.to_string();
        let socket = Http::connect(server).upgrade_at(&host, &path, None).expect("a WebSocket");
        let mut browser = Self {
            socket: RefCell::new(socket),
            session: String::new(),
            requests: Cell::new(0),
            _program: program,
            _folder: folder,
            _turn: turn,
        };
        let target = browser.ask("Target.createTarget", &json!({ "url": serve_page() }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session = browser.ask("Target.attachToTarget", &attach)["sessionId"].as_str().unwrap().into();
        until("the page is there", START, || {
            browser.run("typeof figures === 'function'").as_bool().filter(|&there| there)
        });
        Some(browser)
    }

    fn ask(&self, method: &str, parameters: &Json) -> Json {
        let id = self.requests.get() + 1;
        self.requests.set(id);
        let mut request = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = self.session.as_str().into();
        }
        let mut socket = self.socket.borrow_mut();
        socket.frame(opcode::TEXT, true, request.to_string().as_bytes());
        loop {
            let (opcode, payload) = socket.read().expect("the browser is there");
            if opcode != opcode::TEXT {
                continue;
            }
            let mut reply: Json = serde_json::from_slice(&payload).expect("JSON");
            if reply["id"] == id {
                assert!(reply["error"].is_null(), "{method}: {}", reply["error"]);
                return reply["result"].take();
            }
        }
    }

    /// Runs a script in the page and returns its value, a promise's when it is kept.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Json {
        let parameters = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut reply = self.ask("Runtime.evaluate", &parameters);
        let trouble = &reply["exceptionDetails"];
        assert!(trouble.is_null(), "{script}: {} {}", trouble["text"], trouble["exception"]["description"]);
        reply["result"]["value"].take()
    }

    /// Calls a function of the page with one argument.
    #[track_caller]
    pub(crate) fn call(&self, function: &str, argument: impl Into<Json>) -> Json {
        self.run(&format!("{function}({})", argument.into()))
    }

    /// What the peer connection counts.
    #[track_caller]
    pub(crate) fn figures(&self) -> Json {
        self.run("figures()")
    }

    /// One of these figures.
    #[track_caller]
    pub(crate) fn figure(&self, name: &str) -> u64 {
        self.figures()[name].as_u64().unwrap_or_else(|| panic!("no figure {name}"))
    }
}

/// Where the browser takes the DevTools protocol, once it has written that down.
fn endpoint(profile: &Path) -> Option<(SocketAddr, String)> {
    let text = std::fs::read_to_string(profile.join("DevToolsActivePort")).ok()?;
    let (port, path) = text.split_once('\n')?;
    Some((SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)), path.trim().to_string()))
}

/// Serves the page on loopback, where browsers give pages a microphone without TLS, and returns its URL.
fn serve_page() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
    let address = listener.local_addr().expect("bound");
    // It ends with the test program; each browser has a listener of its own.
    std::thread::spawn(move || listener.incoming().flatten().for_each(respond));
    format!("http://{address}/")
}

fn respond(mut client: TcpStream) {
    let body = include_str!("page.html");
    let length = body.len();
    let _ = client.set_read_timeout(Some(SOON));
    let _ = client.read(&mut [0; 8192]);
    let _ = write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}
