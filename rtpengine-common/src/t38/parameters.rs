//! T.38 parameters in SDP (`codecs.md` §19.2).

use crate::sdp::AttributeKind;
use crate::sdp::out::{T38ErrorCorrection, T38Out};

use super::udptl;

/// What UDPTL does against loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorCorrection {
    /// `t38UDPNoEC`
    None,
    /// `t38UDPRedundancy`, also without the attribute.
    #[default]
    Redundancy,
    /// `t38UDPFEC`
    Fec,
}

/// Correction entries in a datagram.
const ENTRIES: u32 = 3;
/// Packets an FEC entry stands for.
const SPAN: u32 = 3;
const MAX_ENTRIES: u32 = 127;
/// Greatest length that has a prefix of two octets.
const MAX_LENGTH: u32 = 0x3fff;

/// The parameters of one T.38 section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// `T38FaxVersion`
    pub version: u32,
    /// `T38FaxRateManagement` is that of one's own side (`localTCF`), not the transferred one.
    pub local_rate_management: bool,
    /// `T38FaxUdpEC`
    pub error_correction: ErrorCorrection,
    /// Redundancy or FEC entries in a datagram, 0 to 127: `T38FaxUdpECDepth`.
    pub entries: u32,
    /// Packets of an FEC entry, at least 1: `T38FaxUdpFECMaxSpan`.
    pub span: u32,
    /// Octets of a message at most: `T38FaxMaxIFP`.
    pub max_ifp: u32,
    /// Octets of a datagram at most: `T38FaxMaxDatagram`.
    pub max_datagram: u32,
    /// `T38FaxFillBitRemoval`
    pub fill_bit_removal: bool,
    /// `T38FaxTranscodingMMR`
    pub transcoding_mmr: bool,
    /// `T38FaxTranscodingJBIG`
    pub transcoding_jbig: bool,
}

/// What the gateway is told to be (`codecs.md` §§19.1, 19.2). SpanDSP as it is linked has no V.34, so leaving it out is no matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Parameters of the T.38 side.
    pub parameters: Parameters,
    /// `no-ECM`
    pub no_ecm: bool,
    /// `no-V.17`
    pub no_v17: bool,
    /// `no-V.27ter`
    pub no_v27ter: bool,
    /// `no-V.29`
    pub no_v29: bool,
    /// `no-IAF`
    pub no_iaf: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            version: 0,
            local_rate_management: false,
            error_correction: ErrorCorrection::Redundancy,
            entries: ENTRIES,
            span: SPAN,
            max_ifp: MAX_LENGTH,
            max_datagram: MAX_LENGTH,
            fill_bit_removal: false,
            transcoding_mmr: false,
            transcoding_jbig: false,
        }
    }
}

/// A leading decimal number, as far as it goes.
fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let text = std::str::from_utf8(text.get(..digits)?).ok()?;
    if text.is_empty() { None } else { Some(text.parse().unwrap_or(u32::MAX)) }
}

impl Parameters {
    /// From the attributes of a section. Values that are no numbers count as absent, others are brought within their limits.
    pub fn from_sdp<'a>(attributes: impl Iterator<Item = (AttributeKind, &'a [u8])>) -> Self {
        let (mut parameters, mut depth) = (Self::default(), None);
        for (kind, value) in attributes {
            let value = value.trim_ascii();
            let set = !value.starts_with(b"0");
            match kind {
                AttributeKind::T38FaxVersion => parameters.version = number(value).unwrap_or(0),
                AttributeKind::T38FaxUdpEc => parameters.error_correction = correction(value),
                AttributeKind::T38FaxUdpEcDepth => depth = number(value),
                AttributeKind::T38FaxUdpFecMaxSpan => {
                    parameters.span = number(value).unwrap_or(SPAN).clamp(1, MAX_ENTRIES);
                }
                AttributeKind::T38FaxMaxDatagram => parameters.max_datagram = length(value),
                AttributeKind::T38FaxMaxIfp => parameters.max_ifp = length(value),
                AttributeKind::T38FaxFillBitRemoval => parameters.fill_bit_removal = set,
                AttributeKind::T38FaxTranscodingMmr => parameters.transcoding_mmr = set,
                AttributeKind::T38FaxTranscodingJbig => parameters.transcoding_jbig = set,
                AttributeKind::T38FaxRateManagement => {
                    parameters.local_rate_management =
                        [&b"localTCF"[..], b"localTFC"].iter().any(|word| value.eq_ignore_ascii_case(word));
                }
                _ => {}
            }
        }
        let entries = if parameters.error_correction == ErrorCorrection::None { 0 } else { ENTRIES };
        parameters.entries = depth.filter(|_| entries != 0).unwrap_or(entries).min(MAX_ENTRIES);
        parameters
    }

    /// What the gateway's section says.
    #[must_use]
    pub fn printed(&self) -> T38Out {
        T38Out {
            version: self.version,
            local_tcf: self.local_rate_management,
            error_correction: match self.error_correction {
                ErrorCorrection::None => T38ErrorCorrection::None,
                ErrorCorrection::Redundancy => T38ErrorCorrection::Redundancy,
                ErrorCorrection::Fec => T38ErrorCorrection::Fec,
            },
        }
    }

    /// How datagrams are written.
    #[must_use]
    pub fn udptl(&self) -> udptl::Settings {
        let size = |n: u32| usize::try_from(n).unwrap_or(0);
        udptl::Settings {
            entries: if self.error_correction == ErrorCorrection::None { 0 } else { size(self.entries) },
            span: (self.error_correction == ErrorCorrection::Fec).then_some(size(self.span)),
            max_datagram: size(self.max_datagram),
        }
    }
}

fn correction(value: &[u8]) -> ErrorCorrection {
    match value {
        b"t38UDPNoEC" => ErrorCorrection::None,
        b"t38UDPFEC" => ErrorCorrection::Fec,
        _ => ErrorCorrection::Redundancy,
    }
}

/// A length limit; 0 and nonsense are none.
fn length(value: &[u8]) -> u32 {
    number(value).filter(|&n| n != 0).unwrap_or(MAX_LENGTH).min(MAX_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(attributes: &[(AttributeKind, &str)]) -> Parameters {
        Parameters::from_sdp(attributes.iter().map(|(kind, value)| (*kind, value.as_bytes())))
    }

    /// `codecs.md` §19.2: the table of error corrections.
    #[test]
    fn rule_19_2_error_correction() {
        let of = |value| {
            let p = parse(&[(AttributeKind::T38FaxUdpEc, value)]);
            (p.entries, p.udptl().span)
        };
        assert_eq!(of("t38UDPRedundancy"), (3, None));
        assert_eq!(of("t38UDPFEC"), (3, Some(3)));
        assert_eq!(of("t38UDPNoEC"), (0, None));
        assert_eq!(parse(&[]), Parameters::default());
    }

    /// `codecs.md` §19.2: limits, and values that are none.
    #[test]
    fn rule_19_2_limits() {
        let p = parse(&[
            (AttributeKind::T38FaxUdpEcDepth, "500 3"),
            (AttributeKind::T38FaxUdpEc, "t38UDPFEC"),
            (AttributeKind::T38FaxUdpFecMaxSpan, "0"),
            (AttributeKind::T38FaxMaxDatagram, "99999999999999999999"),
            (AttributeKind::T38FaxMaxIfp, "-5"),
        ]);
        assert_eq!((p.entries, p.span, p.max_datagram, p.max_ifp), (127, 1, 0x3fff, 0x3fff));
        let p = parse(&[
            (AttributeKind::T38FaxVersion, "3"),
            (AttributeKind::T38FaxFillBitRemoval, ""),
            (AttributeKind::T38FaxTranscodingMmr, "0"),
            (AttributeKind::T38FaxTranscodingJbig, "1"),
            (AttributeKind::T38FaxRateManagement, "localTCF"),
            (AttributeKind::T38FaxMaxDatagram, "512"),
        ]);
        assert_eq!((p.version, p.max_datagram, p.local_rate_management), (3, 512, true));
        assert_eq!((p.fill_bit_removal, p.transcoding_mmr, p.transcoding_jbig), (true, false, true));
    }
}
