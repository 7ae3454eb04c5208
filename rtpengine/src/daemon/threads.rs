//! The threads: shards with the router on the first one, and housekeeping.

use super::Fatal;
use super::certificates::{self, Renewal};
use super::media;
use super::open::Opened;
use super::process::{schedule, set_open_files, thread_number};
use crate::call::dtmf::{Codes, DtmfOptions};
use crate::call::settings::{AudioPlayerMode, Settings as CallSettings, SsrcReporting};
use crate::control::cli::Console;
use crate::control::http::Server;
use crate::control::http::ask::Asked;
use crate::control::limits::{CpuTicks, Limits, parse_load_average};
use crate::control::router::{ControlState, Inboxes, Router, ShardEnds};
use crate::flow::{Chains, Elsewhere, JitterSettings, Level, MosFormula, MosOptions};
use crate::options::{self, MosKind, PollTick, Scheduling, Settings, words};
use crate::player::Stores;
use crate::report::counters::{Block, Totals};
use crate::report::log;
use crate::shard::Shard;
use crate::shard::coders::{Coders, coders};
use crate::shard::errands::Patience;
use crate::shard::inbox::{Mailbox, inbox};
use crate::shard::message::ToShard;
use crate::shard::pace::Tick;
use crate::shard::run::{Alone, now, run};
use crate::shard::shared::{LoopSettings, Shared};
use parking_lot::{Condvar, Mutex};
use rand::Rng;
use rtpengine_common::ng::{Defaults, EndpointLearning, Templates};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Load and CPU use are sampled this often; rates every second time (operations.md 2.7).
const SAMPLE_PERIOD: Duration = Duration::from_millis(500);

/// A housekeeping run that takes longer is worth a warning (operations.md 2.7).
const SLOW_RUN: Duration = Duration::from_millis(100);

/// The running daemon.
pub(super) struct Running {
    state: Arc<ControlState>,
    shards: Vec<Mailbox<ToShard>>,
    threads: Vec<JoinHandle<()>>,
    clock: Arc<Clock>,
    /// Ends with all its connections when dropped.
    http: Option<Runtime>,
}

/// Wakes housekeeping when the end has come.
#[derive(Default)]
struct Clock {
    ended: Mutex<bool>,
    bell: Condvar,
}

impl Running {
    /// Ends all threads; their sockets are closed when this returns.
    pub(super) fn stop(self) {
        self.state.stop.store(true, Ordering::Relaxed);
        for shard in &self.shards {
            // A full inbox: the thread is busy, sees the message when there is room, or is left behind at the exit.
            let _ = shard.send(ToShard::Stop);
        }
        *self.clock.ended.lock() = true;
        self.clock.bell.notify_all();
        for thread in self.threads {
            // A thread that failed has nothing left to close.
            let _ = thread.join();
        }
        if let Some(http) = self.http {
            http.shutdown_background();
        }
    }
}

/// Starts everything.
pub(super) fn start(settings: &Settings, opened: Opened) -> Result<Running, Fatal> {
    let library = media::library(settings)?;
    start_all(settings, opened, library).map_err(|error| Fatal(format!("Failed to start threads: {error}")))
}

fn start_all(settings: &Settings, opened: Opened, library: Option<media::Library>) -> io::Result<Running> {
    let Opened { interfaces, pools, listeners, http, codecs } = opened;
    let addresses = interfaces.locals().len();
    let dtls = certificates::first(settings)?;
    let sources = library.as_ref().map(|library| Arc::clone(&library.sources));
    let codecs = Arc::new(codecs);
    let call_settings = CallSettings { dtls: Some(dtls), sources, codecs, ..call_settings(settings) };
    let shared = Shared::new(interfaces, pools, loop_settings(settings), call_settings);
    let shared = match settings.threads.codec {
        0 => shared.with_coders(start_coders(settings, 1)?, Elsewhere::Opening),
        count => shared.with_coders(start_coders(settings, count)?, Elsewhere::Coding),
    };
    let shared = Arc::new(shared);
    let count = settings.threads.media.clamp(1, usize::from(u16::MAX));
    let stats: Vec<_> = (0..count).map(|_| Arc::new(Block::new(addresses))).collect();
    let (mut mailboxes, mut inboxes) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let (mailbox, inbox) = inbox::<ToShard>()?;
        mailboxes.push(mailbox);
        inboxes.push(inbox);
    }
    // The router shares the first shard's thread, hence its waker.
    let (to_router, reports) = mailboxes[0].companion();
    let (asking, questions) = mailboxes[0].companion();
    let state = Arc::new(ControlState::new(limits(&settings.limits), Instant::now()));
    let router = Router::new(
        listeners,
        Inboxes { reports, questions },
        ShardEnds { mailboxes: mailboxes.clone(), stats: stats.clone() },
        Arc::clone(&shared),
        Arc::clone(&state),
        Arc::new(defaults(settings)),
    )
    .with_console(Console::new(Arc::new(settings.clone()), set_open_files));
    let stores = library.map(|library| library.stores);
    let router = match &stores {
        Some(stores) => router.with_media(Arc::clone(stores), to_router.clone()),
        None => router,
    };
    let mut threads = Vec::with_capacity(count + 1);
    let mut router = Some(router);
    for (at, inbox) in inboxes.into_iter().enumerate() {
        let index = u16::try_from(at).unwrap_or(u16::MAX);
        let block = Arc::clone(&stats[at]);
        let shard = Shard::new(
            index,
            Arc::clone(&shared),
            block,
            inbox,
            to_router.clone(),
            mailboxes.clone(),
            now(),
        )?;
        threads.push(start_shard(settings, shard, router.take())?);
    }
    let clock = Arc::new(Clock::default());
    let chains = Arc::clone(&shared.settings().codecs.chains);
    let renewal = Renewal::new(shared, settings, Instant::now());
    let chores = Chores { stats, chains, renewal, stores };
    threads.push(start_housekeeping(settings, &clock, &state, chores)?);
    let http = http.map(|server| start_http(settings, server, asking)).transpose()?;
    Ok(Running { state, shards: mailboxes, threads, clock, http })
}

fn builder(settings: &Settings, name: String) -> Builder {
    let builder = Builder::new().name(name);
    match settings.threads.stack_bytes {
        Some(bytes) => builder.stack_size(bytes),
        None => builder,
    }
}

fn start_shard(settings: &Settings, mut shard: Shard, router: Option<Router>) -> io::Result<JoinHandle<()>> {
    let scheduling = settings.threads.scheduling;
    builder(settings, format!("shard-{}", shard.index())).spawn(move || {
        set_scheduling(scheduling);
        shard.stats().set_thread(thread_number());
        match router {
            None => run(&mut shard, &mut Alone),
            Some(mut router) => match router.board(&shard) {
                Ok(()) => run(&mut shard, &mut router),
                Err(error) => log::core(Level::Error, &format!("Failed to watch listeners: {error}")),
            },
        }
    })
}

/// The threads for expensive transcoding, or the one that opens codecs. They end with the last shard.
fn start_coders(settings: &Settings, count: usize) -> io::Result<Coders> {
    let (coders, bench) = coders();
    let scheduling = settings.threads.scheduling;
    for number in 0..count {
        let bench = bench.again();
        builder(settings, format!("coder-{number}")).spawn(move || {
            set_scheduling(scheduling);
            #[cfg(feature = "codec")]
            rtpengine_common::codec::engine::rate_by_two::learn();
            bench.work();
        })?;
    }
    Ok(coders)
}

fn start_http(settings: &Settings, server: Server, asking: Mailbox<Asked>) -> io::Result<Runtime> {
    let scheduling = settings.threads.idle_scheduling;
    let begin = move || set_scheduling(scheduling);
    server.start(&settings.control.http, asking, settings.threads.stack_bytes, begin)
}

pub(super) fn set_scheduling(scheduling: Scheduling) {
    if let Err(error) = schedule(scheduling) {
        log::core(Level::Error, &format!("Failed to set thread scheduling: {error}"));
    }
}

/// What housekeeping looks after.
struct Chores {
    stats: Vec<Arc<Block>>,
    chains: Arc<Chains>,
    renewal: Renewal,
    stores: Option<Arc<dyn Stores>>,
}

fn start_housekeeping(
    settings: &Settings,
    clock: &Arc<Clock>,
    state: &Arc<ControlState>,
    mut chores: Chores,
) -> io::Result<JoinHandle<()>> {
    let (clock, state) = (Arc::clone(clock), Arc::clone(state));
    let scheduling = settings.threads.idle_scheduling;
    builder(settings, "housekeeping".into()).spawn(move || {
        set_scheduling(scheduling);
        let mut ticks = None;
        let mut even = false;
        let mut ended = clock.ended.lock();
        while !*ended {
            let due = Instant::now() + SAMPLE_PERIOD;
            if !clock.bell.wait_until(&mut ended, due).timed_out() {
                continue;
            }
            let start = Instant::now();
            sample_load(&state, &mut ticks);
            chores.renewal.check(start);
            if let Some(stores) = &chores.stores {
                stores.look_after(start);
            }
            even = !even;
            if even {
                state.rates.update(start, &Totals::of(chores.stats.iter().map(|block| &**block)));
                chores.chains.update(start);
            }
            let taken = start.elapsed();
            if taken > SLOW_RUN {
                log::core(Level::Warning, &format!("Run time of timer \"housekeeping\": {taken:?}"));
            }
        }
    })
}

/// Samples load average and CPU use while a limit looks at them, also one that was set while running.
fn sample_load(state: &ControlState, ticks: &mut Option<CpuTicks>) {
    if !state.limits.read().need_sampling() {
        *ticks = None;
        return;
    }
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let present = CpuTicks::parse(&read("/proc/stat"));
    let cpu = match (present, *ticks) {
        (Some(present), Some(before)) => present.percent_since(before),
        _ => 0.0,
    };
    *ticks = present;
    state.load.set(parse_load_average(&read("/proc/loadavg")).unwrap_or(0.0), cpu);
}

fn loop_settings(settings: &Settings) -> LoopSettings {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    LoopSettings {
        tick: match settings.threads.poll_tick {
            PollTick::Never => Tick::Never,
            PollTick::Fixed(tick) => Tick::Fixed(tick),
            PollTick::Adaptive => Tick::Adaptive,
        },
        poll_events: settings.threads.poll_events,
        max_receives: number(settings.ports.max_receive),
        socket_cpus: number(settings.ports.cpu_affinity),
        measure_rtp: settings.media.measure_rtp,
        client: Patience {
            timeout: settings.control.client_timeout,
            attempts: settings.control.client_attempts,
        },
    }
}

fn limits(limits: &options::Limits) -> Limits {
    Limits {
        max_sessions: limits.sessions.map_or(-1, i64::from),
        max_load: limits.load.unwrap_or(0.0),
        max_cpu: limits.cpu_percent.unwrap_or(0.0),
        max_bandwidth: limits.bandwidth.unwrap_or(0),
    }
}

fn learning(mode: words::EndpointLearning) -> EndpointLearning {
    match mode {
        words::EndpointLearning::Delayed => EndpointLearning::Delayed,
        words::EndpointLearning::Immediate => EndpointLearning::Immediate,
        words::EndpointLearning::Off => EndpointLearning::Off,
        words::EndpointLearning::Heuristic => EndpointLearning::Heuristic,
    }
}

fn defaults(settings: &Settings) -> Defaults {
    Defaults {
        sip_source: settings.media.sip_source,
        dtls_passive: settings.dtls.passive,
        endpoint_learning: learning(settings.media.endpoint_learning),
        templates: settings.templates.iter().collect::<Templates>(),
    }
}

fn dtmf_options(settings: &Settings) -> DtmfOptions {
    let dtmf = &settings.report.dtmf;
    let code = |code: &Option<String>| code.as_deref().unwrap_or_default().as_bytes().into();
    let codes = settings.recording.as_ref().map(|recording| &recording.codes);
    let codes = codes.map(|codes| {
        Codes([
            code(&codes.start),
            code(&codes.stop),
            code(&codes.start_stop),
            code(&codes.pause),
            code(&codes.pause_resume),
            code(&codes.start_pause_resume),
        ])
    });
    DtmfOptions {
        destination: dtmf.destination,
        ng_tcp: dtmf.ng_tcp,
        syslog: settings.log.dtmf.is_some(),
        log_injects: dtmf.log_injects,
        no_suppress: dtmf.no_suppress,
        digit_delay: dtmf.digit_delay,
        codes: codes.unwrap_or_default(),
    }
}

fn call_settings(settings: &Settings) -> CallSettings {
    let instance: [u8; 6] = rand::rng().random();
    CallSettings {
        software_id: settings.general.software_id.as_str().into(),
        instance_id: instance.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        timeout: settings.timeouts.media,
        silent_timeout: settings.timeouts.silent,
        offer_timeout: settings.timeouts.offer,
        final_timeout: settings.timeouts.total,
        delete_delay: settings.timeouts.delete_delay,
        tos: settings.ports.tos,
        endpoint_learning: learning(settings.media.endpoint_learning),
        save_interface_ports: settings.ports.first_address_only,
        reject_invalid_sdp: settings.media.reject_invalid_sdp,
        moh_attribute: settings.players.hold.attribute.as_deref().map(Into::into),
        audio_player: match settings.media.audio_player {
            words::AudioPlayer::OnDemand => AudioPlayerMode::OnDemand,
            words::AudioPlayer::PlayMedia => AudioPlayerMode::PlayMedia,
            words::AudioPlayer::Transcoding => AudioPlayerMode::Transcoding,
            words::AudioPlayer::Always => AudioPlayerMode::Always,
        },
        audio_buffer: settings.media.audio_buffer,
        audio_delay: settings.media.audio_delay,
        moh_prevent_double: settings.players.hold.prevent_double,
        moh_max_repeats: u32::try_from(settings.players.hold.max_repeats).unwrap_or(u32::MAX),
        moh_max_duration: settings.players.hold.max_duration,
        ssrc_reporting: match settings.media.ssrc_reporting {
            words::SsrcReporting::Full => SsrcReporting::Full,
            words::SsrcReporting::Inline => SsrcReporting::Inline,
            words::SsrcReporting::Global => SsrcReporting::Global,
            words::SsrcReporting::None => SsrcReporting::None,
        },
        active_switchover: settings.redis.active_switchover,
        ice_tie_breaker: rand::rng().random(),
        ice_consent: settings.media.ice_consent,
        ice_keepalive: settings.media.ice_keepalive,
        mos: MosOptions {
            listening: settings.media.mos_kind == MosKind::Listening,
            formula: match settings.media.mos {
                options::MosFormula::G107 => MosFormula::G107,
                options::MosFormula::G1072 => MosFormula::G1072,
                options::MosFormula::Legacy => MosFormula::Legacy,
            },
        },
        rtcp_interval: settings.media.rtcp_interval,
        srtp_replay_window: settings.media.srtp_replay_window,
        log_srtp_keys: settings.log.srtp_keys,
        jitter: (settings.media.jitter_buffer.packets != 0).then_some(JitterSettings {
            packets: u32::try_from(settings.media.jitter_buffer.packets).unwrap_or(u32::MAX),
            clock_drift: settings.media.jitter_buffer.clock_drift,
            adaptive: settings.media.jitter_buffer.adaptive,
        }),
        records: settings.recording.is_some(),
        dtmf: dtmf_options(settings),
        ..CallSettings::default()
    }
}
