//! Whether and how RTCP is said (sdp.md §9.1).

use std::net::IpAddr;

use super::RtcpOut;

/// Spelling of `a=rtcp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RtcpForm {
    /// The port alone.
    #[default]
    Port,
    /// With this address (`full rtcp attribute`): `media address` if given, else the advertised one.
    Full(IpAddr),
    /// No line (`no rtcp attribute`).
    Omitted,
}

/// What decides about row 12 of an RTP section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpRules {
    /// Spelling.
    pub form: RtcpForm,
    /// The leg has mux.
    pub mux: bool,
    /// There is no fallback: `answer`, `publish`, `create`, or `offer` and `subscribe request` with mux *require*.
    pub mux_only: bool,
    /// Local RTP port.
    pub rtp_port: u16,
    /// Local RTCP port if there is an RTCP stream.
    pub rtcp_port: Option<u16>,
    /// `ICE=force-relay`
    pub force_relay: bool,
}

/// The two lines of row 12: `a=rtcp`, and whether `a=rtcp-mux` follows.
#[must_use]
pub fn rtcp_rows(rules: &RtcpRules) -> (Option<RtcpOut>, bool) {
    let port = if rules.mux && rules.mux_only {
        Some(rules.rtp_port)
    } else {
        rules.rtcp_port.filter(|_| !rules.force_relay)
    };
    let Some(port) = port else { return (None, false) };
    let line = match rules.form {
        RtcpForm::Port => Some(RtcpOut { port, address: None }),
        RtcpForm::Full(address) => Some(RtcpOut { port, address: Some(address) }),
        RtcpForm::Omitted => None,
    };
    (line, rules.mux)
}
