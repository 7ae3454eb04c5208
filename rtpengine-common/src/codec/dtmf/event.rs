//! The payload of a telephone-event packet (RFC 4733 §2.3).

use super::MAX_VOLUME;

/// One event as a packet tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPayload {
    /// Number of the event; 0 to 15 are DTMF.
    pub event: u8,
    /// It is over.
    pub end: bool,
    /// Level in -dBm0, 0 to 63.
    pub volume: u8,
    /// How long it has lasted, in units of the event clock.
    pub duration: u16,
}

impl EventPayload {
    /// Octets of a payload.
    pub const LEN: usize = 4;

    /// Reads a payload; more octets than four are further events, which nobody sends. `None`: it is too short.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[event, flags, high, low, ..] = payload else { return None };
        Some(Self {
            event,
            end: flags & 0x80 != 0,
            volume: flags & MAX_VOLUME,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload as it is sent; the reserved bit is 0.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, self.volume.min(MAX_VOLUME) | if self.end { 0x80 } else { 0 }, high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_4733_2_3() {
        let payload = EventPayload::parse(&[11, 0x8a, 3, 0x20]).unwrap();
        assert_eq!(payload, EventPayload { event: 11, end: true, volume: 10, duration: 800 });
        assert_eq!(payload.to_bytes(), [11, 0x8a, 3, 0x20]);
        assert_eq!(EventPayload::parse(&[1, 2, 3]), None);
        assert_eq!(EventPayload::parse(&[1, 0x4a, 0, 1, 99]).map(|p| (p.end, p.volume)), Some((false, 10)));
        let loud = EventPayload { event: 1, end: false, volume: 255, duration: 0 };
        assert_eq!(loud.to_bytes(), [1, 63, 0, 0], "never an end by accident");
    }

    proptest! {
        #[test]
        fn written_is_read(event: u8, end: bool, volume in 0u8..64, duration: u16) {
            let payload = EventPayload { event, end, volume, duration };
            prop_assert_eq!(EventPayload::parse(&payload.to_bytes()), Some(payload));
        }

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            prop_assert_eq!(EventPayload::parse(&bytes).is_some(), bytes.len() >= EventPayload::LEN);
        }
    }
}
