//! Counters, gauges and sampled values (operations.md 8.1): one block per shard, written by that shard alone and summed by whoever reads.

use rtpengine_common::ng::Command;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Declares a list of figures and the number of them.
macro_rules! figures {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$item_doc])* $item,)+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$item,)+];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();
        }
    };
}

figures! {
    /// What only grows.
    Counter {
        /// Packets received in user space.
        PacketsUser,
        /// Bytes received in user space.
        BytesUser,
        /// Packets of user space that could not be handled.
        ErrorsUser,
        /// Packets forwarded by the kernel.
        PacketsKernel,
        /// Bytes forwarded by the kernel.
        BytesKernel,
        /// Errors met by the kernel.
        ErrorsKernel,
        /// RTP packets lost on the way to the daemon.
        PacketsLost,
        /// RTP packets seen twice.
        RtpDuplicates,
        /// Jumps of the RTP sequence number.
        RtpSkips,
        /// Jumps too wide to be a loss.
        RtpSequenceResets,
        /// RTP packets that came late.
        RtpReordered,
        /// Own calls that ended.
        ManagedSessions,
        /// Calls that were not ours.
        ForeignSessions,
        /// New calls refused by `max-sessions`.
        RejectedSessions,
        /// Calls closed by `timeout`.
        TimeoutSessions,
        /// Calls closed by `silent-timeout`.
        SilentTimeoutSessions,
        /// Calls closed by `offer-timeout`.
        OfferTimeoutSessions,
        /// Calls closed by `final-timeout`.
        FinalTimeoutSessions,
        /// Calls ended by `delete`.
        RegularSessions,
        /// Calls ended by the operator.
        ForcedSessions,
        /// Streams of ended calls that nothing was relayed for, in halves: each direction counts one.
        NoPacketHalves,
        /// Streams of ended calls with packets in one direction only.
        OneWaySessions,
        /// Duration of ended calls, microseconds.
        CallDuration,
        /// Squared duration of ended calls, square milliseconds.
        CallDuration2,
        /// Packets an offload order was given for but user space handled.
        OffloadRefused,
        /// Messages dropped because an inbox was full.
        InboxFull,
        /// Calls torn down because their code failed.
        CallsFailed,
        /// Packets thrown away unread because their socket kept being overrun.
        Overrun,
    }
}

figures! {
    /// What goes up and down.
    Gauge {
        /// Calls.
        Sessions,
        /// Calls owned by a peer instance.
        ForeignSessions,
        /// Medias being transcoded.
        TranscodedMedia,
        /// Calls with IPv4 on both sides.
        Ipv4Sessions,
        /// Calls with IPv6 on both sides.
        Ipv6Sessions,
        /// Calls that bridge the two.
        MixedSessions,
        /// RTP ports with packets in user space only within the last two seconds.
        UserspaceStreams,
        /// RTP ports with packets in the kernel only.
        KernelStreams,
        /// RTP ports with packets in both.
        KernelUserStreams,
        /// Entries of the media cache.
        MediaCache,
        /// Entries of the player cache.
        PlayerCache,
        /// Open media sockets.
        Sockets,
    }
}

figures! {
    /// Values of which sum, squares and number are kept.
    Sample {
        /// Mean opinion score, times ten.
        Mos,
        /// Jitter reported by peers, milliseconds.
        Jitter,
        /// Round trip between the two peers, microseconds.
        RoundTripEndToEnd,
        /// Round trip to one peer, microseconds.
        RoundTripDiscrete,
        /// Packet loss reported by peers, percent.
        PacketLoss,
        /// Jitter measured by the daemon.
        JitterMeasured,
    }
}

figures! {
    /// What is counted per local address.
    InterfaceCounter {
        /// Packets received.
        IngressPackets,
        /// Bytes received.
        IngressBytes,
        /// Packets received that could not be handled.
        IngressErrors,
        /// Packets sent.
        EgressPackets,
        /// Bytes sent.
        EgressBytes,
        /// Packets that could not be sent.
        EgressErrors,
        /// RTP packets lost on the way here.
        PacketsLost,
        /// RTP packets seen twice.
        Duplicates,
    }
}

/// Sum, sum of squares and number of a sampled value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Sum of the samples.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
    /// Their number.
    pub count: u64,
}

impl Moments {
    /// sum/count, 0 without samples.
    pub fn mean(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// sqrt(|squares/count − mean²|), 0 without samples.
    pub fn deviation(self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        (self.squares / self.count as f64 - self.mean() * self.mean()).abs().sqrt()
    }

    /// Adds another set of samples.
    pub fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.squares += other.squares;
        self.count += other.count;
    }
}

/// A sampled value of one writer.
#[derive(Debug, Default)]
struct SampleCell {
    sum: AtomicU64,
    squares: AtomicU64,
    count: AtomicU64,
}

impl SampleCell {
    fn take(&self, value: u64) {
        bump(&self.sum, value);
        bump(&self.squares, value.saturating_mul(value));
        bump(&self.count, 1);
    }

    fn add(&self, sum: u64, squares: u64, count: u64) {
        bump(&self.sum, sum);
        bump(&self.squares, squares);
        bump(&self.count, count);
    }

    fn read(&self) -> Moments {
        let get = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        Moments { sum: get(&self.sum) as f64, squares: get(&self.squares) as f64, count: get(&self.count) }
    }
}

/// One writer per cell: no locked instruction is needed.
fn bump(cell: &AtomicU64, by: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

fn cells<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

/// The figures of one shard.
#[derive(Debug)]
pub struct Block {
    counters: [AtomicU64; Counter::COUNT],
    gauges: [AtomicI64; Gauge::COUNT],
    samples: [SampleCell; Sample::COUNT],
    commands: [SampleCell; Command::COUNT],
    interfaces: Box<[InterfaceBlock]>,
    wake_ups: AtomicU64,
    events: AtomicU64,
    /// Share of the last period spent awake, in thousandths.
    busy: AtomicU64,
    /// The thread's number, for listings.
    thread: AtomicU64,
}

/// The figures of one shard about one local address.
#[derive(Debug)]
struct InterfaceBlock {
    counters: [AtomicU64; InterfaceCounter::COUNT],
    samples: [SampleCell; Sample::COUNT],
}

impl Block {
    /// A block of zeros for a configuration with so many local addresses.
    pub fn new(interfaces: usize) -> Self {
        let interface =
            |_| InterfaceBlock { counters: cells(), samples: std::array::from_fn(|_| SampleCell::default()) };
        Self {
            counters: cells(),
            gauges: std::array::from_fn(|_| AtomicI64::new(0)),
            samples: std::array::from_fn(|_| SampleCell::default()),
            commands: std::array::from_fn(|_| SampleCell::default()),
            interfaces: (0..interfaces).map(interface).collect(),
            wake_ups: AtomicU64::new(0),
            events: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            thread: AtomicU64::new(0),
        }
    }

    /// Adds to a counter. Only the owner of the block may.
    pub fn count(&self, counter: Counter, by: u64) {
        bump(&self.counters[counter as usize], by);
    }

    /// Moves a gauge. Only the owner of the block may.
    pub fn shift(&self, gauge: Gauge, by: i64) {
        let cell = &self.gauges[gauge as usize];
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// Sets a gauge that is counted anew each time.
    pub fn set(&self, gauge: Gauge, value: i64) {
        self.gauges[gauge as usize].store(value, Ordering::Relaxed);
    }

    /// Takes a sample.
    pub fn sample(&self, sample: Sample, value: u64) {
        self.samples[sample as usize].take(value);
    }

    /// Takes samples that were summed up elsewhere.
    pub fn add_samples(&self, sample: Sample, sum: u64, squares: u64, count: u64) {
        self.samples[sample as usize].add(sum, squares, count);
    }

    /// Takes samples about a local address that were summed up elsewhere.
    pub fn add_interface_samples(
        &self,
        interface: usize,
        sample: Sample,
        sum: u64,
        squares: u64,
        count: u64,
    ) {
        if let Some(block) = self.interfaces.get(interface) {
            block.samples[sample as usize].add(sum, squares, count);
        }
    }

    /// Takes the processing time of a command, in microseconds.
    pub fn command(&self, command: Command, microseconds: u64) {
        self.commands[command as usize].take(microseconds);
    }

    /// Adds to a counter of a local address.
    pub fn count_interface(&self, interface: usize, counter: InterfaceCounter, by: u64) {
        if let Some(block) = self.interfaces.get(interface) {
            bump(&block.counters[counter as usize], by);
        }
    }

    /// Takes a sample of a local address.
    pub fn sample_interface(&self, interface: usize, sample: Sample, value: u64) {
        if let Some(block) = self.interfaces.get(interface) {
            block.samples[sample as usize].take(value);
        }
    }

    /// Counts a wake-up and what it handled.
    pub fn woke(&self, events: u64) {
        bump(&self.wake_ups, 1);
        bump(&self.events, events);
    }

    /// Counts what was handled without a wake-up in between.
    pub fn handled(&self, events: u64) {
        bump(&self.events, events);
    }

    /// Publishes how busy the thread was, in thousandths.
    pub fn set_busy(&self, thousandths: u64) {
        self.busy.store(thousandths, Ordering::Relaxed);
    }

    /// How busy the thread was, in thousandths.
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Publishes the number of the thread.
    pub fn set_thread(&self, number: u64) {
        self.thread.store(number, Ordering::Relaxed);
    }

    /// Reads one counter.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].load(Ordering::Relaxed)
    }

    /// Reads one gauge.
    pub fn gauge(&self, gauge: Gauge) -> i64 {
        self.gauges[gauge as usize].load(Ordering::Relaxed)
    }
}

/// The sums over all blocks at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    counters: [u64; Counter::COUNT],
    gauges: [i64; Gauge::COUNT],
    samples: [Moments; Sample::COUNT],
    commands: [Moments; Command::COUNT],
    /// By local address.
    pub interfaces: Vec<InterfaceTotals>,
    /// By block.
    pub threads: Vec<ThreadTotals>,
}

/// The sums for one local address.
#[derive(Clone, Debug, PartialEq)]
pub struct InterfaceTotals {
    counters: [u64; InterfaceCounter::COUNT],
    samples: [Moments; Sample::COUNT],
}

/// What one thread did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadTotals {
    /// Operating-system number.
    pub number: u64,
    /// Wake-ups.
    pub wake_ups: u64,
    /// Ready descriptors handled.
    pub events: u64,
}

impl Totals {
    /// Sums blocks.
    pub fn of<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Self {
        let mut totals = Self {
            counters: [0; Counter::COUNT],
            gauges: [0; Gauge::COUNT],
            samples: [Moments::default(); Sample::COUNT],
            commands: [Moments::default(); Command::COUNT],
            interfaces: Vec::new(),
            threads: Vec::new(),
        };
        for block in blocks {
            totals.add(block);
        }
        totals
    }

    fn add(&mut self, block: &Block) {
        add_counters(&mut self.counters, &block.counters);
        for (sum, cell) in self.gauges.iter_mut().zip(&block.gauges) {
            *sum += cell.load(Ordering::Relaxed);
        }
        add_samples(&mut self.samples, &block.samples);
        add_samples(&mut self.commands, &block.commands);
        let missing = block.interfaces.len().saturating_sub(self.interfaces.len());
        let empty = InterfaceTotals {
            counters: [0; InterfaceCounter::COUNT],
            samples: [Moments::default(); Sample::COUNT],
        };
        self.interfaces.extend(std::iter::repeat_n(empty, missing));
        for (sum, interface) in self.interfaces.iter_mut().zip(&block.interfaces) {
            add_counters(&mut sum.counters, &interface.counters);
            add_samples(&mut sum.samples, &interface.samples);
        }
        let get = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        self.threads.push(ThreadTotals {
            number: get(&block.thread),
            wake_ups: get(&block.wake_ups),
            events: get(&block.events),
        });
    }

    /// A counter.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }

    /// A gauge; what several threads moved never shows negative.
    pub fn gauge(&self, gauge: Gauge) -> u64 {
        u64::try_from(self.gauges[gauge as usize]).unwrap_or(0)
    }

    /// A sampled value.
    pub fn sample(&self, sample: Sample) -> Moments {
        self.samples[sample as usize]
    }

    /// Number and processing time (microseconds) of a command.
    pub fn command(&self, command: Command) -> Moments {
        self.commands[command as usize]
    }
}

impl InterfaceTotals {
    /// A counter.
    pub fn counter(&self, counter: InterfaceCounter) -> u64 {
        self.counters[counter as usize]
    }

    /// A sampled value.
    pub fn sample(&self, sample: Sample) -> Moments {
        self.samples[sample as usize]
    }
}

fn add_counters<const N: usize>(sums: &mut [u64; N], cells: &[AtomicU64; N]) {
    for (sum, cell) in sums.iter_mut().zip(cells) {
        *sum = sum.wrapping_add(cell.load(Ordering::Relaxed));
    }
}

fn add_samples<const N: usize>(sums: &mut [Moments; N], cells: &[SampleCell; N]) {
    for (sum, cell) in sums.iter_mut().zip(cells) {
        sum.add(cell.read());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_what_the_blocks_counted() {
        let blocks = [Block::new(2), Block::new(2)];
        for block in &blocks {
            block.count(Counter::PacketsUser, 5);
            block.shift(Gauge::Sessions, 2);
            block.sample(Sample::Mos, 40);
            block.command(Command::Offer, 100);
            block.count_interface(1, InterfaceCounter::EgressBytes, 7);
            block.count_interface(2, InterfaceCounter::EgressBytes, 7);
        }
        blocks[1].shift(Gauge::Sessions, -3);
        let totals = Totals::of(&blocks);
        assert_eq!(totals.counter(Counter::PacketsUser), 10);
        assert_eq!(totals.gauge(Gauge::Sessions), 1);
        assert_eq!(totals.sample(Sample::Mos).count, 2);
        assert_eq!(totals.command(Command::Offer).count, 2);
        assert_eq!(totals.interfaces[1].counter(InterfaceCounter::EgressBytes), 14);
        assert_eq!(totals.threads.len(), 2);
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_samples() {
        let block = Block::new(0);
        for value in [2, 4, 4, 4, 5, 5, 7, 9] {
            block.sample(Sample::Jitter, value);
        }
        let moments = Totals::of([&block]).sample(Sample::Jitter);
        assert!((moments.mean() - 5.0).abs() < 1e-9);
        assert!((moments.deviation() - 2.0).abs() < 1e-9);
        assert!(Moments::default().deviation().abs() < 1e-9);
    }
}
