//! When events begin and end, seen in the packets of one source (`codecs.md` §18.6).

use super::event::EventPayload;

/// What a packet showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// An event begins.
    Started {
        /// Its number.
        event: u8,
        /// Level in -dBm0.
        volume: u8,
        /// RTP timestamp of its start.
        timestamp: u32,
    },
    /// An event is over; told once.
    Ended {
        /// Its number.
        event: u8,
        /// Level in -dBm0.
        volume: u8,
        /// RTP timestamp of its start.
        timestamp: u32,
        /// How long it was, in units of the event clock.
        duration: u16,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    ssrc: u32,
    timestamp: u32,
    event: u8,
}

/// Watches the event packets of one stream.
#[derive(Clone, Debug, Default)]
pub struct EventWatch {
    current: Option<Known>,
    ended: bool,
    /// The one before, whose late packets begin nothing.
    previous: Option<Known>,
}

impl EventWatch {
    /// Looks at an event packet. A packet with another number, timestamp or source is a new event; its first end packet ends it.
    /// An event whose end is the first that is seen begins and ends at once.
    pub fn packet(
        &mut self,
        ssrc: u32,
        timestamp: u32,
        payload: EventPayload,
    ) -> (Option<Seen>, Option<Seen>) {
        let EventPayload { event, end, volume, duration } = payload;
        let known = Known { ssrc, timestamp, event };
        if self.previous == Some(known) {
            return (None, None);
        }
        let new = self.current != Some(known);
        if new {
            self.previous = self.current.replace(known);
            self.ended = false;
        }
        let started = new.then_some(Seen::Started { event, volume, timestamp });
        let ended = end && !self.ended;
        self.ended |= end;
        (started, ended.then_some(Seen::Ended { event, volume, timestamp, duration }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(watch: &mut EventWatch, timestamp: u32, bytes: [u8; 4]) -> (bool, Option<u16>) {
        let (started, ended) = watch.packet(7, timestamp, EventPayload::parse(&bytes).unwrap());
        let ended = ended.map(|seen| match seen {
            Seen::Ended { duration, .. } => duration,
            Seen::Started { .. } => panic!("{seen:?}"),
        });
        (started.is_some(), ended)
    }

    /// `codecs.md` §18.6: at the first end packet, once.
    #[test]
    fn rule_18_6() {
        let mut watch = EventWatch::default();
        assert_eq!(packet(&mut watch, 100, [1, 10, 0, 160]), (true, None));
        assert_eq!(packet(&mut watch, 100, [1, 10, 1, 64]), (false, None));
        assert_eq!(packet(&mut watch, 100, [1, 0x8a, 1, 64]), (false, Some(320)));
        assert_eq!(packet(&mut watch, 100, [1, 0x8a, 1, 64]), (false, None));
        assert_eq!(packet(&mut watch, 900, [1, 10, 0, 160]), (true, None), "the same digit again");
        assert_eq!(packet(&mut watch, 100, [1, 0x8a, 1, 64]), (false, None), "late");
        assert_eq!(packet(&mut watch, 900, [2, 0x8a, 0, 200]), (true, Some(200)), "nothing but the end came");
        let (started, _) = watch.packet(8, 900, EventPayload::parse(&[2, 10, 0, 1]).unwrap());
        assert!(started.is_some(), "of another source");
    }

    proptest! {
        /// Whatever comes: nothing ends that has not begun, and nothing ends twice.
        #[test]
        fn every_end_has_its_start(packets in proptest::collection::vec((0u32..3, 0u8..3, any::<bool>()), 0..60)) {
            let mut watch = EventWatch::default();
            let mut open = None;
            for (timestamp, event, end) in packets {
                let payload = EventPayload { event, end, volume: 10, duration: 1 };
                let (started, ended) = watch.packet(1, timestamp, payload);
                if started.is_some() {
                    open = Some((timestamp, event));
                }
                if let Some(Seen::Ended { event, timestamp, .. }) = ended {
                    prop_assert_eq!(open.take(), Some((timestamp, event)));
                }
            }
        }
    }
}
