//! The writer thread: takes records from a bounded queue, so that whoever logs never waits for a disk, a terminal or
//! a syslog daemon. What does not fit is dropped and counted, and the count is logged once there is room again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::output::Outputs;
use super::record::Record;
use super::{Context, Level, LogSettings, Subsystem};

/// Records that may wait.
const QUEUE_RECORDS: usize = 8192;
/// A queue of long records is bounded in bytes too.
const QUEUE_BYTES: u64 = 16 * 1024 * 1024;

enum Order {
    Write(Record),
    /// Everything before this has been handed over.
    Flush(Sender<()>),
}

/// The side that logs.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sender: Sender<Order>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Order::Write(_) => "Write",
            Order::Flush(_) => "Flush",
        })
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// Since the last report.
    dropped: AtomicU64,
    /// Since the start.
    dropped_total: AtomicU64,
    waiting_bytes: AtomicU64,
}

impl Queue {
    /// Starts the thread.
    pub(super) fn start(settings: Arc<LogSettings>, outputs: Outputs) -> std::io::Result<Self> {
        let (queue, receiver) = Self::new();
        let shared = queue.shared.clone();
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || run(&receiver, &shared, &settings, outputs))?;
        Ok(queue)
    }

    fn new() -> (Self, Receiver<Order>) {
        let (sender, receiver) = bounded(QUEUE_RECORDS);
        (Queue { sender, shared: Arc::default() }, receiver)
    }

    /// Never waits.
    pub(super) fn push(&self, record: Record) {
        let bytes = size(&record);
        let waiting = self.shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let full = waiting + bytes > QUEUE_BYTES;
        if !full {
            match self.sender.try_send(Order::Write(record)) {
                Ok(()) => return,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        }
        self.shared.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        self.shared.dropped_total.fetch_add(1, Ordering::Relaxed);
    }

    /// Records lost since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.dropped_total.load(Ordering::Relaxed)
    }

    /// Waits until everything logged so far is handed over, at most this long.
    pub(super) fn flush(&self, at_most: Duration) {
        let (done, wait) = bounded(1);
        if self.sender.send_timeout(Order::Flush(done), at_most).is_ok() {
            // Too late is as good as done: the program must end.
            let _ = wait.recv_timeout(at_most);
        }
    }
}

fn size(record: &Record) -> u64 {
    (record.context.len() + record.text.len()) as u64
}

fn run(orders: &Receiver<Order>, shared: &Shared, settings: &LogSettings, mut outputs: Outputs) {
    while let Ok(order) = orders.recv() {
        let mut next = Some(order);
        while let Some(order) = next {
            work(order, shared, settings, &mut outputs);
            next = orders.try_recv().ok();
        }
        report_dropped(shared, settings, &mut outputs);
        outputs.flush();
    }
}

fn work(order: Order, shared: &Shared, settings: &LogSettings, outputs: &mut Outputs) {
    match order {
        Order::Write(record) => {
            shared.waiting_bytes.fetch_sub(size(&record), Ordering::Relaxed);
            outputs.write(settings, &record);
        }
        Order::Flush(done) => {
            outputs.flush();
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }
}

fn report_dropped(shared: &Shared, settings: &LogSettings, outputs: &mut Outputs) {
    let dropped = shared.dropped.swap(0, Ordering::Relaxed);
    if dropped == 0 {
        return;
    }
    let message = format_args!("{dropped} log records dropped: they came faster than they could be written");
    let record =
        Record::new(settings, super::wall_clock(), Subsystem::Core, Level::Warning, &Context::NONE, message);
    outputs.write(settings, &record);
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Mutex;

    use super::super::output::{Stderr, Syslog};
    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn outputs(page: &Page) -> Outputs {
        Outputs { main: Box::new(Stderr::new(page.clone())), copy: None, extra: Syslog::new() }
    }

    fn settings() -> LogSettings {
        LogSettings { to_stderr: true, timestamps: false, ..LogSettings::default() }
    }

    fn record(text: &str) -> Record {
        Record::new(&settings(), (0, 0), Subsystem::Core, Level::Info, &Context::NONE, format_args!("{text}"))
    }

    #[test]
    fn a_flush_hands_everything_over() {
        let page = Page::default();
        let queue = Queue::start(Arc::new(settings()), outputs(&page)).unwrap();
        queue.push(record("a"));
        queue.push(record("b"));
        queue.flush(Duration::from_secs(10));
        assert_eq!(String::from_utf8_lossy(&page.0.lock().unwrap()), "INFO: [core] a\nINFO: [core] b\n");
    }

    #[test]
    fn a_full_queue_drops_counts_and_tells() {
        let (queue, receiver) = Queue::new();
        for _ in 0..QUEUE_RECORDS + 5 {
            queue.push(record("x"));
        }
        assert_eq!(queue.dropped(), 5);
        let shared = queue.shared.clone();
        let page = Page::default();
        drop(queue);
        run(&receiver, &shared, &settings(), outputs(&page));
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), QUEUE_RECORDS + 1);
        assert!(text.ends_with(
            "WARNING: [core] 5 log records dropped: they came faster than they could be written\n"
        ));
        assert_eq!(shared.waiting_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn long_records_are_bounded_in_bytes() {
        let (queue, _receiver) = Queue::new();
        let long = record(&"x".repeat(1024 * 1024));
        for _ in 0..20 {
            queue.push(long.clone());
        }
        assert_eq!(queue.dropped(), 5);
    }
}
