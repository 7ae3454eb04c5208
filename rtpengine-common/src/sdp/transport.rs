//! The transport protocols of `m=` lines (sdp.md §10).

use std::fmt;

/// A transport protocol the relay knows.
///
/// The two OSRTP forms (RFC 8643) print as the plain profile but carry keys; they never come from a name alone, see
/// [`Transport::to_osrtp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `RTP/AVP` (RFC 3551)
    RtpAvp,
    /// `RTP/AVPF` (RFC 4585)
    RtpAvpf,
    /// `RTP/SAVP` (RFC 3711)
    RtpSavp,
    /// `RTP/SAVPF` (RFC 5124)
    RtpSavpf,
    /// `UDP/TLS/RTP/SAVP` (RFC 5764)
    UdpTlsRtpSavp,
    /// `UDP/TLS/RTP/SAVPF` (RFC 5764)
    UdpTlsRtpSavpf,
    /// `udptl` (T.38)
    Udptl,
    /// `RTP/AVP` offered with keys (RFC 8643)
    OsrtpAvp,
    /// `RTP/AVPF` offered with keys (RFC 8643)
    OsrtpAvpf,
}

/// What the relay knows about one protocol: a row of the table.
struct Row {
    transport: Transport,
    name: &'static str,
    rtp: bool,
    srtp: bool,
    avpf: bool,
    plain: Option<Transport>,
    osrtp: Option<Transport>,
}

const fn row(
    transport: Transport,
    name: &'static str,
    bits: [bool; 3],
    plain: Option<Transport>,
    osrtp: Option<Transport>,
) -> Row {
    let [rtp, srtp, avpf] = bits;
    Row { transport, name, rtp, srtp, avpf, plain, osrtp }
}

use Transport::{
    OsrtpAvp, OsrtpAvpf, RtpAvp, RtpAvpf, RtpSavp, RtpSavpf, UdpTlsRtpSavp, UdpTlsRtpSavpf, Udptl,
};

/// In the order of the variants. Names are looked up from the front, so the plain profile is found before its OSRTP form.
/// Columns: name, [RTP, SRTP, AVPF], plain counterpart, OSRTP form.
const TABLE: [Row; 9] = [
    row(RtpAvp, "RTP/AVP", [true, false, false], None, Some(OsrtpAvp)),
    row(RtpAvpf, "RTP/AVPF", [true, false, true], None, Some(OsrtpAvpf)),
    row(RtpSavp, "RTP/SAVP", [true, true, false], Some(RtpAvp), None),
    row(RtpSavpf, "RTP/SAVPF", [true, true, true], Some(RtpAvpf), None),
    row(UdpTlsRtpSavp, "UDP/TLS/RTP/SAVP", [true, true, false], Some(RtpAvp), None),
    row(UdpTlsRtpSavpf, "UDP/TLS/RTP/SAVPF", [true, true, true], Some(RtpAvpf), None),
    row(Udptl, "udptl", [false, false, false], None, None),
    row(OsrtpAvp, "RTP/AVP", [true, true, false], Some(RtpAvp), None),
    row(OsrtpAvpf, "RTP/AVPF", [true, true, true], Some(RtpAvpf), None),
];

impl Transport {
    /// The protocol called `name`, in any case. Never an OSRTP form.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        TABLE.iter().find(|row| row.name.as_bytes().eq_ignore_ascii_case(name)).map(|row| row.transport)
    }

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The name as it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// An RTP protocol: codecs, RTCP and all that belongs to them.
    #[must_use]
    pub const fn is_rtp(self) -> bool {
        self.row().rtp
    }

    /// Media is encrypted; the OSRTP forms count.
    #[must_use]
    pub const fn is_srtp(self) -> bool {
        self.row().srtp
    }

    /// Extended RTCP feedback (RFC 4585).
    #[must_use]
    pub const fn is_avpf(self) -> bool {
        self.row().avpf
    }

    /// An RTP protocol without encryption.
    #[must_use]
    pub const fn is_plain_rtp(self) -> bool {
        self.is_rtp() && !self.is_srtp()
    }

    /// One of the two OSRTP forms.
    #[must_use]
    pub const fn is_osrtp(self) -> bool {
        matches!(self, OsrtpAvp | OsrtpAvpf)
    }

    /// The unencrypted counterpart of an SRTP protocol.
    #[must_use]
    pub const fn plain(self) -> Option<Self> {
        self.row().plain
    }

    /// The OSRTP form of a plain protocol.
    #[must_use]
    pub const fn to_osrtp(self) -> Option<Self> {
        self.row().osrtp
    }

    /// The RTP protocol with these properties, as the flag words of a message combine them (sdp.md §10.1); `dtls` stands for the `UDP/TLS/…`
    /// names. SRTP together with DTLS names no protocol.
    #[must_use]
    pub const fn from_properties(srtp: bool, avpf: bool, dtls: bool) -> Option<Self> {
        match (srtp, avpf, dtls) {
            (false, false, false) => Some(RtpAvp),
            (false, true, false) => Some(RtpAvpf),
            (true, false, false) => Some(RtpSavp),
            (true, true, false) => Some(RtpSavpf),
            (false, false, true) => Some(UdpTlsRtpSavp),
            (false, true, true) => Some(UdpTlsRtpSavpf),
            (true, _, true) => None,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_variant() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.transport as usize, index);
            let found = Transport::from_name(row.name.to_ascii_lowercase().as_bytes());
            let expected = if row.transport.is_osrtp() { row.plain } else { Some(row.transport) };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn counterparts_fit() {
        for row in &TABLE {
            if let Some(plain) = row.plain {
                assert!(row.srtp && plain.is_plain_rtp() && plain.is_avpf() == row.avpf);
            }
            if let Some(osrtp) = row.osrtp {
                assert!(osrtp.is_osrtp() && osrtp.name() == row.name && osrtp.plain() == Some(row.transport));
            }
        }
        assert_eq!(Transport::from_name(b"UDPTL").map(Transport::name), Some("udptl"));
        assert_eq!(Transport::from_name(b"UDP/TLS/UDPTL"), None);
    }
}
