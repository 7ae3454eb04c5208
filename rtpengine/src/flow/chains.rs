//! The chains of codecs in use: how many handlers each has, and what went through it (codecs.md §21).
//!
//! A [`Transcode`](super::Transcode) holds a [`Chain`] for each of its routes that codes audio; packets are counted in it wherever they
//! are coded, so the numbers are shared by all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use rtpengine_common::codec::Codec;
use rtpengine_common::codec::stream::Route;
use rtpengine_common::codec::table::Supplemental;

/// Chains that are kept. Names of codecs come from outside: beyond this many, those that nobody uses are forgotten, and what still
/// finds no room is not counted.
const MAX_CHAINS: usize = 500;

/// All chains that are or were in use, in the order in which they were first.
#[derive(Debug, Default)]
pub struct Chains(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    known: Vec<Entry>,
    updated: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    counts: Arc<Counts>,
    before: [u64; 3],
    rates: [u64; 3],
}

#[derive(Debug)]
struct Counts {
    source: Box<str>,
    destination: Box<str>,
    handlers: AtomicU64,
    packets: AtomicU64,
    octets: AtomicU64,
    samples: AtomicU64,
}

/// What is known of a chain at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFigures {
    /// `PCMA/8000`
    pub source: Box<str>,
    /// `opus/48000/2`
    pub destination: Box<str>,
    /// Live handlers.
    pub handlers: u64,
    /// Input packets, octets of their payloads and decoded samples since the start.
    pub totals: [u64; 3],
    /// The same in the last second, if there were any packets.
    pub rates: Option<[u64; 3]>,
}

impl ChainFigures {
    /// `PCMA/8000 -> opus/48000/2`
    pub fn name(&self) -> String {
        format!("{} -> {}", self.source, self.destination)
    }
}

/// A live handler of a chain. It is counted until it is dropped.
#[derive(Debug)]
pub struct Chain {
    payload_type: u8,
    counts: Arc<Counts>,
}

fn name(codec: &Codec) -> String {
    match codec.channels {
        0 | 1 => format!("{}/{}", codec.name, codec.clock),
        channels => format!("{}/{}/{channels}", codec.name, codec.clock),
    }
}

/// Whether a route is one of a chain: audio, and events that go with audio of another clock or become tones. What goes on under its own
/// name only passes.
fn codes(route: &Route) -> bool {
    route.output.supplemental.is_none()
        && match route.input.supplemental {
            None | Some(Supplemental::TelephoneEvent) => true,
            Some(Supplemental::ComfortNoise) => route.cn.is_none(),
            Some(_) => false,
        }
}

impl Counts {
    fn totals(&self) -> [u64; 3] {
        [&self.packets, &self.octets, &self.samples].map(|cell| cell.load(Ordering::Relaxed))
    }
}

impl Chains {
    /// Handlers for all routes that code audio.
    pub fn handlers(&self, routes: &[Route]) -> Vec<Chain> {
        let chain = |route: &Route| {
            let counts = self.counts(name(&route.input), name(&route.output))?;
            counts.handlers.fetch_add(1, Ordering::Relaxed);
            Some(Chain { payload_type: route.input_payload_type, counts })
        };
        routes.iter().filter(|route| codes(route)).filter_map(chain).collect()
    }

    fn counts(&self, source: String, destination: String) -> Option<Arc<Counts>> {
        let known = &mut self.0.lock().known;
        let is_it =
            |entry: &&Entry| *entry.counts.source == *source && *entry.counts.destination == *destination;
        if let Some(entry) = known.iter().find(is_it) {
            return Some(Arc::clone(&entry.counts));
        }
        if known.len() >= MAX_CHAINS {
            known.retain(|entry| entry.counts.handlers.load(Ordering::Relaxed) != 0);
        }
        if known.len() >= MAX_CHAINS {
            return None;
        }
        let zero = || AtomicU64::new(0);
        let counts = Arc::new(Counts {
            source: source.into(),
            destination: destination.into(),
            handlers: zero(),
            packets: zero(),
            octets: zero(),
            samples: zero(),
        });
        known.push(Entry { counts: Arc::clone(&counts), before: [0; 3], rates: [0; 3] });
        Some(counts)
    }

    /// Computes the rates anew: to be called every second.
    pub fn update(&self, now: Instant) {
        let list = &mut *self.0.lock();
        let elapsed = list.updated.map(|then| now.saturating_duration_since(then).as_micros().max(1));
        list.updated = Some(now);
        for entry in &mut list.known {
            let totals = entry.counts.totals();
            if let Some(elapsed) = elapsed {
                let rate = |at: usize| {
                    let grown = u128::from(totals[at].saturating_sub(entry.before[at]));
                    u64::try_from(grown * 1_000_000 / elapsed).unwrap_or(u64::MAX)
                };
                entry.rates = std::array::from_fn(rate);
            }
            entry.before = totals;
        }
    }

    /// What is known, in order.
    pub fn figures(&self) -> Vec<ChainFigures> {
        let figures = |entry: &Entry| ChainFigures {
            source: entry.counts.source.clone(),
            destination: entry.counts.destination.clone(),
            handlers: entry.counts.handlers.load(Ordering::Relaxed),
            totals: entry.counts.totals(),
            rates: (entry.rates != [0; 3]).then_some(entry.rates),
        };
        self.0.lock().known.iter().map(figures).collect()
    }
}

impl PartialEq for Chains {
    /// There is nothing to configure about it.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Chain {
    /// Whether it is the one of this number of the source.
    pub(super) fn takes(&self, payload_type: u8) -> bool {
        self.payload_type == payload_type
    }

    /// A packet of so many octets came; so many samples were decoded.
    pub(super) fn count(&self, octets: Option<usize>, samples: u64) {
        if let Some(octets) = octets {
            self.counts.packets.fetch_add(1, Ordering::Relaxed);
            self.counts.octets.fetch_add(octets as u64, Ordering::Relaxed);
        }
        self.counts.samples.fetch_add(samples, Ordering::Relaxed);
    }
}

impl Clone for Chain {
    fn clone(&self) -> Self {
        self.counts.handlers.fetch_add(1, Ordering::Relaxed);
        Self { payload_type: self.payload_type, counts: Arc::clone(&self.counts) }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.counts.handlers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtpengine_common::codec::{CodecString, Linked};
    use std::time::Duration;

    fn route(input: &str, output: &str, dtmf: Option<u8>) -> Route {
        let codec = |text: &str| Arc::new(CodecString::parse(text).codec(&Linked));
        Route {
            input_payload_type: 8,
            input_ptime: 20,
            input: codec(input),
            output_payload_type: 96,
            output_ptime: 20,
            output: codec(output),
            dtmf,
            cn: None,
            detect_tones: false,
        }
    }

    /// `codecs.md` §21: names, live handlers, rates of the last second only when there was traffic.
    #[test]
    fn rule_21() {
        let chains = Chains::default();
        let routes = [
            route("PCMA", "opus", Some(97)),
            route("telephone-event", "opus", None),
            route("telephone-event", "telephone-event", None),
        ];
        let handlers = chains.handlers(&routes);
        let more = handlers.clone();
        let names: Vec<_> =
            chains.figures().into_iter().map(|f| (f.source, f.destination, f.handlers)).collect();
        let expected = [("PCMA/8000", "opus/48000/2", 2), ("telephone-event/8000", "opus/48000/2", 2)]
            .map(|(a, b, n)| (a.into(), b.into(), n));
        assert_eq!(names, expected);
        let start = Instant::now();
        chains.update(start);
        assert!(handlers[0].takes(8) && !handlers[0].takes(0));
        (0..50).for_each(|_| handlers[0].count(Some(160), 160));
        chains.update(start + Duration::from_secs(1));
        let figures = chains.figures();
        assert_eq!((figures[0].totals, figures[0].rates), ([50, 8000, 8000], Some([50, 8000, 8000])));
        assert_eq!((figures[1].totals, figures[1].rates), ([0; 3], None));
        chains.update(start + Duration::from_secs(2));
        drop((handlers, more));
        let figures = chains.figures();
        assert_eq!((figures[0].handlers, figures[0].totals, figures[0].rates), (0, [50, 8000, 8000], None));
    }

    /// However many names come from outside: chains in use stay, and no more are kept than there is room for.
    #[test]
    fn names_from_outside_are_bounded() {
        let chains = Chains::default();
        let kept = chains.handlers(&[route("PCMA", "PCMU", None)]);
        for rate in 1..2000 {
            drop(chains.handlers(&[route(&format!("L16/{rate}"), "PCMU", None)]));
        }
        let figures = chains.figures();
        assert!(figures.len() <= MAX_CHAINS);
        assert_eq!((&*figures[0].source, figures[0].handlers), ("PCMA/8000", 1));
        drop(kept);
    }
}
