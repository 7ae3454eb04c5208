//! GStreamer's webrtcbin, led through a Python script.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rtpengine_tests::network::left_out;
use rtpengine_tests::prelude::*;
use serde_json::{Value as Json, json};

use crate::chromium::MICROPHONE;

/// Debian's own, which alone has Debian's bindings.
const PYTHON: &str = "/usr/bin/python3";

/// What has to be there: the script's language, its bindings, the elements.
const NEEDED: &str = "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstWebRTC', '1.0'); \
                      from gi.repository import Gst, GstWebRTC; Gst.init(None); \
                      assert all(map(Gst.ElementFactory.find, ('webrtcbin', 'nicesrc', 'mulawenc', 'dtlsdec', 'srtpenc')))";

/// A phone with one audio.
pub(crate) struct WebRtcBin {
    child: Child,
    lines: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl WebRtcBin {
    /// Starts it on an address of the network of this thread. `None`, said in words, where there is no GStreamer.
    pub(crate) fn start(about: &str, address: IpAddr) -> Option<Self> {
        let _ = Network::enter();
        let probe = Command::new(PYTHON).args(["-c", NEEDED]).stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            return left_out(
                about,
                "GStreamer with webrtcbin, libnice and its Python bindings is not installed",
            );
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/webrtcbin.py");
        let mut command = Command::new(PYTHON);
        command.args([script, &address.to_string(), &MICROPHONE.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it ran before");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Some(Self { child, lines: RefCell::new((input, output)) })
    }

    /// Calls a function of the script.
    #[track_caller]
    pub(crate) fn call(&self, word: &str, argument: impl Into<Json>) -> Json {
        self.ask(&json!([word, argument.into()]))
    }

    /// Calls a function of the script that takes nothing.
    #[track_caller]
    pub(crate) fn get(&self, word: &str) -> Json {
        self.ask(&json!([word]))
    }

    fn ask(&self, request: &Json) -> Json {
        let (input, output) = &mut *self.lines.borrow_mut();
        writeln!(input, "{request}").expect("the script reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("the script answers");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{request}: the script ended"))
    }
}

impl Drop for WebRtcBin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
