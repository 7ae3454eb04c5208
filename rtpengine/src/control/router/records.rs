//! What the log says about requests before and beside their execution.

use std::net::SocketAddr;

use rtpengine_common::ng::{ByteString, Request, Severity};

use crate::control::limits::{Limits, Present, Refusal};
use crate::flow::Level;
use crate::report::log;

/// Before the command is recognised: one that is not is logged as well (ng-control.md 4 rule 3).
pub(super) fn log_received(name: &[u8], agent: SocketAddr, payload: &[u8]) {
    log::control(Level::Info, || format!("Received command '{}' from {agent}", name.escape_ascii()));
    log::control(Level::Debug, || {
        format!("Dump for '{}' from {agent}: {}", name.escape_ascii(), payload.escape_ascii())
    });
}

pub(super) fn log_warnings(request: &Request) {
    let id = request.call_id().map(ByteString::as_bytes);
    for warning in &request.warnings {
        let level = match warning.severity() {
            Severity::Info => Level::Info,
            Severity::Notice => Level::Notice,
            Severity::Warning => Level::Warning,
            Severity::Error => Level::Error,
        };
        log::request(level, id, || warning.to_string());
    }
}

pub(super) fn log_duplicate(agent: SocketAddr) {
    log::control(Level::Info, || format!("Detected command from {agent} as a duplicate"));
}

pub(super) fn log_refusal(refusal: Refusal, limits: &Limits, present: &Present) {
    let (level, text) = match refusal {
        Refusal::Sessions => {
            (Level::Error, format!("Parallel session limit reached ({})", limits.max_sessions))
        }
        Refusal::Load => {
            (Level::Warning, format!("Load limit exceeded ({:.2} > {:.2})", present.load, limits.max_load))
        }
        Refusal::Cpu => (
            Level::Warning,
            format!("CPU usage limit exceeded ({:.1}% > {:.1}%)", present.cpu, limits.max_cpu),
        ),
        Refusal::Bandwidth => (
            Level::Warning,
            format!("Bandwidth limit exceeded ({} > {})", present.bandwidth, limits.max_bandwidth),
        ),
    };
    log::core(level, &text);
}
