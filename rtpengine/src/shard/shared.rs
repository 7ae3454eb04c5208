//! What all shards and control share: the immutable parts, and the settings as snapshots.

use super::coders::Coders;
use super::pace::Tick;
use crate::call::ids::CallKey;
use crate::call::settings::Settings;
use crate::flow::Elsewhere;
use crate::net::interfaces::Interfaces;
use crate::net::ports::PortPools;
use crate::net::readiness::EVENTS;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Run-time settings of the loop itself, fixed at start.
#[derive(Clone, Copy, Debug)]
pub struct LoopSettings {
    /// `--poll-tick`: whether and how long packets may gather.
    pub tick: Tick,
    /// `--poller-size`: events fetched with one system call, at most `EVENTS`.
    pub poll_events: usize,
    /// `--max-recv-iters`: packets of one socket per turn.
    pub max_receives: u32,
    /// `--socket-cpu-affinity`: processors to spread sockets over, 0 for none.
    pub socket_cpus: u32,
    /// `--measure-rtp`
    pub measure_rtp: bool,
}

impl Default for LoopSettings {
    fn default() -> Self {
        Self {
            tick: Tick::Adaptive,
            poll_events: EVENTS,
            max_receives: 50,
            socket_cpus: 0,
            measure_rtp: false,
        }
    }
}

/// Shared by all threads that serve calls.
pub struct Shared {
    /// Local addresses.
    pub interfaces: Arc<Interfaces>,
    /// Their ports.
    pub pools: Arc<PortPools>,
    /// Settings of the loop.
    pub loop_settings: LoopSettings,
    /// Threads for what codecs take long for, if there are any.
    pub coders: Option<Coders>,
    elsewhere: Elsewhere,
    settings: Mutex<Arc<Settings>>,
    version: AtomicU64,
    next_call: AtomicU64,
    next_cpu: AtomicU64,
}

impl Shared {
    /// Ties the parts together.
    pub fn new(
        interfaces: Arc<Interfaces>,
        pools: Arc<PortPools>,
        loop_settings: LoopSettings,
        settings: Settings,
    ) -> Self {
        Self {
            interfaces,
            pools,
            loop_settings,
            coders: None,
            elsewhere: Elsewhere::Nothing,
            settings: Mutex::new(Arc::new(settings)),
            version: AtomicU64::new(0),
            next_call: AtomicU64::new(1),
            next_cpu: AtomicU64::new(0),
        }
    }

    /// Has some of the work with codecs done by other threads.
    #[must_use]
    pub fn with_coders(self, coders: Coders, elsewhere: Elsewhere) -> Self {
        Self { coders: Some(coders), elsewhere, ..self }
    }

    /// What is done by other threads.
    pub(super) fn elsewhere(&self) -> Elsewhere {
        self.elsewhere
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock())
    }

    /// Changes settings while running: every shard sees them from its next turn on.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut present = self.settings.lock();
        let mut next = Settings::clone(&present);
        change(&mut next);
        *present = Arc::new(next);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Changes with every change of the settings: what a shard looks at once per turn.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A number for a new call.
    pub(super) fn call_key(&self) -> CallKey {
        CallKey(self.next_call.fetch_add(1, Ordering::Relaxed))
    }

    /// The processor that the sockets of a new call prefer.
    pub(super) fn socket_cpu(&self) -> Option<u32> {
        let count = u64::from(self.loop_settings.socket_cpus);
        let turn = self.next_cpu.fetch_add(1, Ordering::Relaxed).checked_rem(count)?;
        u32::try_from(turn).ok()
    }
}
