//! Other programs that take part in a test: started, their output kept, ended on drop.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::sys::{self, Signal};

/// A program at work.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// Whether a program of this name can be run.
#[must_use]
pub fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().any(|folder| folder.join(name).is_file())
}

impl Program {
    /// Starts a program in `folder`.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn start(name: &str, arguments: &[&str], folder: &Path) -> Self {
        let mut command = Command::new(name);
        command.args(arguments).current_dir(folder).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {name}: {error}"));
        let output = Arc::new(Mutex::new(String::new()));
        let out = child.stdout.take().expect("piped");
        let err = child.stderr.take().expect("piped");
        let readers = vec![keep(out, &output), keep(err, &output)];
        Self { name: name.into(), child, output, readers }
    }

    /// What it has written so far.
    ///
    /// # Panics
    /// When a reader thread panicked, which it does not.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().expect("readers do not panic").clone()
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not within `limit`.
    pub fn ends(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        crate::wait::until(&what, limit, || self.child.try_wait().expect("our own child can be asked"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let start = Instant::now();
        let mut signal = Signal::Term;
        while let Ok(None) = self.child.try_wait() {
            let _ = sys::kill(self.child.id(), signal);
            std::thread::sleep(Duration::from_millis(10));
            if start.elapsed() > Duration::from_secs(3) {
                signal = Signal::Kill;
            }
        }
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            eprintln!("--- output of {} ---\n{}---", self.name, self.output());
        }
    }
}

fn keep(mut from: impl Read + Send + 'static, output: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = from.read(&mut buffer) {
            if length == 0 {
                break;
            }
            if let Ok(mut output) = output.lock() {
                output.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        }
    })
}
