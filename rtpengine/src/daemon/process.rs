//! What the operating system does for a daemon: signals, background, limits, scheduling.
#![allow(unsafe_code)]

use crate::options::{Policy, Scheduling};
use std::io;
use std::mem::MaybeUninit;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// INT, TERM
    End,
    /// USR1
    LessLog,
    /// USR2
    MoreLog,
    /// Anything else
    Other,
}

/// Exit status after HUP (operations.md 2.4).
const HANGUP_STATUS: libc::c_int = 42;

/// Highest number of open files asked for.
const OPEN_FILES: libc::rlim_t = 1_048_575;

fn handled_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the set, the other calls change an initialised one; the signal numbers are valid.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in [libc::SIGABRT, libc::SIGSEGV, libc::SIGQUIT, libc::SIGBUS, libc::SIGFPE, libc::SIGILL]
        {
            libc::sigdelset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Blocks all signals but those of failures, for this thread and those it starts.
pub(super) fn block_signals() {
    let set = handled_signals();
    // SAFETY: the set is initialised; no old set is asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
}

/// Waits for the next blocked signal. HUP ends the process at once, without any clean-up.
pub(super) fn wait_for_signal() -> Signal {
    let set = handled_signals();
    let mut signal = 0;
    // SAFETY: the set is initialised and `signal` is writable.
    unsafe { libc::sigwait(&raw const set, &raw mut signal) };
    match signal {
        libc::SIGINT | libc::SIGTERM => Signal::End,
        libc::SIGUSR1 => Signal::LessLog,
        libc::SIGUSR2 => Signal::MoreLog,
        // SAFETY: _exit has no preconditions.
        libc::SIGHUP => unsafe { libc::_exit(HANGUP_STATUS) },
        _ => Signal::Other,
    }
}

/// Goes into the background: the parent ends with status 0, the child loses its terminal (operations.md 2.2). Only while there are no threads.
pub(super) fn into_background() -> io::Result<()> {
    // SAFETY: no other thread exists yet, so the child may go on as the parent would.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: _exit has no preconditions; the parent must not run destructors of what the child now owns.
        _ => unsafe { libc::_exit(0) },
    }
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for standard in 0..3 {
        // SAFETY: both descriptors are valid; replacing a standard one is what is wanted.
        unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), standard) };
    }
    // SAFETY: no preconditions; making an own process group of ourselves.
    unsafe { libc::setpgid(0, 0) };
    Ok(())
}

/// Raises the resource limits as far as the system allows (operations.md 2.5).
pub(super) fn raise_limits() {
    for resource in [libc::RLIMIT_CORE, libc::RLIMIT_DATA, libc::RLIMIT_RSS, libc::RLIMIT_AS] {
        let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the structure is readable; a refusal leaves the limit as it is.
        unsafe { libc::setrlimit(resource, &raw const unlimited) };
    }
    let mut wanted = OPEN_FILES;
    while let Some(present) = open_files() {
        if wanted <= present.rlim_cur {
            return;
        }
        let limit = libc::rlimit { rlim_cur: wanted, rlim_max: wanted.max(present.rlim_max) };
        let within = libc::rlimit { rlim_cur: wanted.min(present.rlim_max), rlim_max: present.rlim_max };
        // SAFETY: both structures are readable.
        let raised = unsafe {
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0
                || (within.rlim_cur == wanted && libc::setrlimit(libc::RLIMIT_NOFILE, &raw const within) == 0)
        };
        if raised {
            return;
        }
        wanted /= 2;
    }
}

fn open_files() -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is writable.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    (result == 0).then_some(limit)
}

/// Sets the soft limit of open files, and the hard one where it is lower (`set maxopenfiles`); the error is the system's
/// number.
pub(super) fn set_open_files(files: u64) -> Result<(), i32> {
    let hard = open_files().map_or(files, |present| present.rlim_max.max(files));
    let limit = libc::rlimit { rlim_cur: files, rlim_max: hard };
    // SAFETY: the structure is readable.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// The calling thread's number.
pub(super) fn thread_number() -> u64 {
    // SAFETY: no preconditions.
    let number = unsafe { libc::gettid() };
    u64::try_from(number).unwrap_or(0)
}

/// Gives the calling thread its scheduling (operations.md 2.7).
pub(super) fn schedule(scheduling: Scheduling) -> io::Result<()> {
    let real_time = |policy| set_policy(policy, scheduling.priority);
    match scheduling.policy {
        Some(Policy::Fifo) => return real_time(libc::SCHED_FIFO),
        Some(Policy::RoundRobin) => return real_time(libc::SCHED_RR),
        Some(Policy::Idle) => return set_policy(libc::SCHED_IDLE, 0),
        Some(Policy::Batch) => set_policy(libc::SCHED_BATCH, 0)?,
        Some(Policy::Other) => set_policy(libc::SCHED_OTHER, 0)?,
        Some(Policy::Default | Policy::None) | None => {}
    }
    if scheduling.priority == 0 {
        return Ok(());
    }
    // SAFETY: no preconditions; on Linux process 0 means the calling thread.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, scheduling.priority) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set_policy(policy: libc::c_int, priority: libc::c_int) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: the structure is readable; 0 means the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The system's words for an error, without the number.
pub(super) fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
