//! The RTP payload format of AMR and AMR-WB (RFC 4867) and the control of their modes (`codecs.md` §17.1).

use std::time::Duration;

use super::{CodecError, Feedback};
use crate::codec::amr::{Amr, ModeSet};

/// Narrow or wide band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// AMR, 8 kHz.
    Narrow,
    /// AMR-WB, 16 kHz.
    Wide,
}

/// No request, and the frame type of a frame without data.
pub const NONE: u8 = 15;
/// AMR-WB: a speech frame was lost.
const SPEECH_LOST: u8 = 14;
/// More frames than this are in no honest payload (240 ms).
const MAX_FRAMES: usize = 12;

impl Band {
    /// Bit rates of the modes, ascending.
    #[must_use]
    pub fn bitrates(self) -> &'static [u32] {
        match self {
            Self::Narrow => &[4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200],
            Self::Wide => &[6600, 8850, 12650, 14250, 15850, 18250, 19850, 23050, 23850],
        }
    }

    /// Speech bits of a frame type, `None` for types that do not exist.
    fn bits(self, frame_type: u8) -> Option<usize> {
        let bits: &[u16] = match self {
            // 3GPP TS 26.101 table 1; types 9 to 11 are the SID frames of other systems.
            Self::Narrow => &[95, 103, 118, 134, 148, 159, 204, 244, 39, 43, 38, 37],
            // 3GPP TS 26.201 table 1.
            Self::Wide => &[132, 177, 253, 285, 317, 365, 397, 461, 477, 40],
        };
        match frame_type {
            NONE => Some(0),
            SPEECH_LOST if self == Self::Wide => Some(0),
            _ => bits.get(usize::from(frame_type)).map(|&bits| usize::from(bits)),
        }
    }

    /// The mode with the highest bit rate not above this one, among those allowed; else the lowest allowed one.
    #[must_use]
    pub fn mode_for(self, bitrate: u32, allowed: Option<ModeSet>) -> u8 {
        let modes = self.modes(allowed);
        let rate = |mode: u8| self.bitrates().get(usize::from(mode)).copied().unwrap_or(0);
        modes.clone().rfind(|&mode| rate(mode) <= bitrate).or_else(|| modes.clone().next()).unwrap_or(0)
    }

    /// The modes allowed, ascending.
    fn modes(self, allowed: Option<ModeSet>) -> impl DoubleEndedIterator<Item = u8> + Clone {
        let last = u8::try_from(self.bitrates().len()).unwrap_or(0);
        (0..last).filter(move |&mode| allowed.is_none_or(|set| set.contains(mode)))
    }
}

/// A frame as encoders and decoders know it: one octet with type and quality, then the speech bits (RFC 4867 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechFrame {
    /// Header and speech octets.
    pub octets: Vec<u8>,
}

impl SpeechFrame {
    /// A frame without data.
    #[must_use]
    pub fn no_data() -> Self {
        Self { octets: vec![header(NONE, true)] }
    }

    /// The frame type: a mode, a SID, or none.
    #[must_use]
    pub fn frame_type(&self) -> u8 {
        self.octets.first().map_or(NONE, |octet| (octet >> 3) & 15)
    }
}

fn header(frame_type: u8, good: bool) -> u8 {
    frame_type << 3 | u8::from(good) << 2
}

/// A payload taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The codec mode request, [`NONE`] if there is none.
    pub mode_request: u8,
    /// The frames in order.
    pub frames: Vec<SpeechFrame>,
}

/// Reads bits from the front.
struct BitReader<'a> {
    octets: &'a [u8],
    position: usize,
}

impl BitReader<'_> {
    fn bit(&mut self) -> Option<u8> {
        let octet = self.octets.get(self.position / 8)?;
        let bit = octet >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit)
    }

    fn number(&mut self, bits: usize) -> Option<u8> {
        (0..bits).try_fold(0u8, |number, _| Some(number << 1 | self.bit()?))
    }

    /// Whole octets; the last one is filled with zeros.
    fn octets(&mut self, bits: usize, into: &mut Vec<u8>) -> Option<()> {
        for start in (0..bits).step_by(8) {
            let count = (bits - start).min(8);
            into.push(self.number(count)? << (8 - count));
        }
        Some(())
    }
}

const SHORT: CodecError = CodecError::Payload("shorter than its table of contents says");

/// Takes a payload apart.
///
/// # Errors
/// If it is shorter than it says, names frame types that do not exist, has too many frames, or is interleaved.
pub fn unpack(band: Band, format: &Amr, payload: &[u8]) -> Result<Payload, CodecError> {
    let mut reader = BitReader { octets: payload, position: 0 };
    let mode_request = reader.number(4).ok_or(SHORT)?;
    if format.octet_align {
        reader.number(4).ok_or(SHORT)?;
        if format.interleaving != 0 && reader.number(8).ok_or(SHORT)? != 0 {
            return Err(CodecError::Payload("interleaved"));
        }
    }
    let mut frames = Vec::new();
    loop {
        let (more, frame_type) = (reader.bit().ok_or(SHORT)?, reader.number(4).ok_or(SHORT)?);
        let good = reader.bit().ok_or(SHORT)?;
        if format.octet_align {
            reader.number(2).ok_or(SHORT)?;
        }
        let bits = band.bits(frame_type).ok_or(CodecError::Payload("unknown frame type"))?;
        frames.push((bits, SpeechFrame { octets: vec![header(frame_type, good == 1)] }));
        if more == 0 {
            break;
        }
        if frames.len() >= MAX_FRAMES {
            return Err(CodecError::Payload("too many frames"));
        }
    }
    if format.octet_align && format.crc {
        let with_data = frames.iter().filter(|(bits, _)| *bits != 0).count();
        for _ in 0..with_data {
            reader.number(8).ok_or(SHORT)?;
        }
    }
    if format.octet_align && format.robust_sorting {
        read_sorted(&mut reader, &mut frames)?;
    } else {
        for (bits, frame) in &mut frames {
            let bits = if format.octet_align { bits.next_multiple_of(8) } else { *bits };
            reader.octets(bits, &mut frame.octets).ok_or(SHORT)?;
        }
    }
    Ok(Payload { mode_request, frames: frames.into_iter().map(|(_, frame)| frame).collect() })
}

/// Robust sorting (RFC 4867 §4.4.4): the first octets of all frames, then the second ones, and so on.
fn read_sorted(reader: &mut BitReader<'_>, frames: &mut [(usize, SpeechFrame)]) -> Result<(), CodecError> {
    let longest = frames.iter().map(|(bits, _)| bits.div_ceil(8)).max().unwrap_or(0);
    for index in 0..longest {
        for (bits, frame) in frames.iter_mut().filter(|(bits, _)| index < bits.div_ceil(8)) {
            debug_assert!(*bits > 0);
            frame.octets.push(reader.number(8).ok_or(SHORT)?);
        }
    }
    Ok(())
}

/// Writes the payload of one frame. ILL/ILP and CRC are zero where negotiated.
pub fn pack(band: Band, format: &Amr, mode_request: u8, frame: &[u8], out: &mut Vec<u8>) {
    let (head, speech) = frame.split_first().map_or((header(NONE, true), &[][..]), |(h, s)| (*h, s));
    let (frame_type, good) = (head >> 3 & 15, head >> 2 & 1);
    if format.octet_align {
        out.push(mode_request << 4);
        if format.interleaving != 0 {
            out.push(0);
        }
        out.push(frame_type << 3 | good << 2);
        if format.crc && !speech.is_empty() {
            out.push(0);
        }
        out.extend_from_slice(speech);
        return;
    }
    // 4 bits of request and 6 bits of contents, then the speech bits directly behind: everything moves by two bits.
    let head = u16::from(mode_request) << 12 | u16::from(frame_type) << 7 | u16::from(good) << 6;
    let [first, mut carry] = head.to_be_bytes();
    let start = out.len();
    out.push(first);
    for &octet in speech {
        out.push(carry | octet >> 2);
        carry = octet << 6;
    }
    out.push(carry);
    let bits = band.bits(frame_type).unwrap_or(0).min(speech.len() * 8);
    out.truncate(start + (10 + bits).div_ceil(8));
}

/// Which mode an encoder uses, and when it changes it.
#[derive(Clone, Debug)]
pub struct ModeControl {
    band: Band,
    allowed: Option<ModeSet>,
    period: u32,
    neighbor: bool,
    current: u8,
    wanted: Option<u8>,
    packets: u32,
}

impl ModeControl {
    /// Starts at the mode for a bit rate.
    #[must_use]
    pub fn new(band: Band, format: &Amr, bitrate: u32) -> Self {
        Self {
            band,
            allowed: format.mode_set,
            period: format.mode_change_period.clamp(1, 2),
            neighbor: format.mode_change_neighbor,
            current: band.mode_for(bitrate, format.mode_set),
            wanted: None,
            packets: 0,
        }
    }

    /// The mode of the next packet.
    #[must_use]
    pub fn mode(&self) -> u8 {
        self.current
    }

    /// The bit rate of the next packet.
    #[must_use]
    pub fn bitrate(&self) -> u32 {
        self.band.bitrates().get(usize::from(self.current)).copied().unwrap_or(0)
    }

    /// The peer asks for a mode. Modes outside of the mode set, and "no request", are not acted upon.
    pub fn request(&mut self, mode: u8) {
        if self.band.modes(self.allowed).any(|allowed| allowed == mode) {
            self.wanted = Some(mode);
        }
    }

    /// Goes for the next higher allowed mode.
    pub fn step_up(&mut self) {
        if let Some(next) = self.band.modes(self.allowed).find(|&mode| mode > self.current) {
            self.wanted = Some(next);
        }
    }

    /// A packet went out in the current mode: now the mode may change.
    pub fn sent(&mut self) {
        let may_change = self.packets.is_multiple_of(self.period);
        self.packets = self.packets.wrapping_add(1);
        let Some(wanted) = self.wanted.filter(|_| may_change) else { return };
        let modes = self.band.modes(self.allowed);
        self.current = match wanted.cmp(&self.current) {
            _ if !self.neighbor => wanted,
            std::cmp::Ordering::Greater => modes.clone().find(|&m| m > self.current).unwrap_or(wanted),
            std::cmp::Ordering::Less => modes.clone().rfind(|&m| m < self.current).unwrap_or(wanted),
            std::cmp::Ordering::Equal => wanted,
        };
        if self.current == wanted {
            self.wanted = None;
        }
    }
}

/// What the frames of a peer lead to (`codecs.md` §17.1(4) and (5)). Intervals of 0 are off.
#[derive(Clone, Debug)]
pub struct PeerModes {
    band: Band,
    allowed: Option<ModeSet>,
    /// Option `CMR-interval`.
    ask_interval: Duration,
    /// Option `mode-change-interval`.
    step_interval: Duration,
    /// A request not handed out yet.
    request: Option<u8>,
    /// Frames without a request came since the last look.
    without_request: bool,
    /// When the last request, the first frame, or the last step was.
    last_request: Option<Duration>,
    window: Window,
}

/// What the peer sent in one interval.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    start: Option<Duration>,
    frames: u32,
    highest: u8,
}

impl PeerModes {
    /// Nothing received yet. `options`: the coder options of the decoding side.
    #[must_use]
    pub fn new(band: Band, format: &Amr, options: &str) -> Self {
        let mut modes = Self {
            band,
            allowed: format.mode_set,
            ask_interval: Duration::ZERO,
            step_interval: Duration::ZERO,
            request: None,
            without_request: false,
            last_request: None,
            window: Window::default(),
        };
        for (key, value) in crate::codec::fmtp::pairs(options) {
            let interval = || Duration::from_millis(value.parse::<u32>().unwrap_or(0).into());
            match key {
                "CMR-interval" => modes.ask_interval = interval(),
                "mode-change-interval" => modes.step_interval = interval(),
                _ => {}
            }
        }
        modes
    }

    /// A payload came in.
    pub fn received(&mut self, payload: &Payload) {
        if payload.mode_request == NONE {
            self.without_request = true;
        } else {
            self.request = Some(payload.mode_request);
        }
        let speech = |frame_type: &u8| usize::from(*frame_type) < self.band.bitrates().len();
        for mode in payload.frames.iter().map(SpeechFrame::frame_type).filter(speech) {
            self.window.frames = self.window.frames.saturating_add(1);
            self.window.highest = self.window.highest.max(mode);
        }
    }

    /// What is to be done about it now.
    pub fn feedback(&mut self, now: Duration) -> Option<Feedback> {
        if let Some(request) = self.request.take() {
            self.last_request = Some(now);
            self.without_request = false;
            return Some(Feedback::ModeRequest(request));
        }
        if std::mem::take(&mut self.without_request) && self.step_interval != Duration::ZERO {
            let since = *self.last_request.get_or_insert(now);
            if now.saturating_sub(since) >= self.step_interval {
                self.last_request = Some(now);
                return Some(Feedback::StepUp);
            }
        }
        self.ask(now)
    }

    /// At the end of a window in which at least two frames came: is there a higher mode than those used?
    fn ask(&mut self, now: Duration) -> Option<Feedback> {
        if self.ask_interval == Duration::ZERO || self.window.frames == 0 {
            return None;
        }
        let start = *self.window.start.get_or_insert(now);
        if now.saturating_sub(start) < self.ask_interval {
            return None;
        }
        let window = std::mem::replace(&mut self.window, Window { start: Some(now), ..Window::default() });
        if window.frames < 2 {
            return None;
        }
        self.band.modes(self.allowed).find(|&mode| mode > window.highest).map(Feedback::AskFor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(band: Band, frame_type: u8, fill: u8) -> Vec<u8> {
        let bits = band.bits(frame_type).unwrap();
        let mut octets = vec![header(frame_type, true)];
        octets.resize(1 + bits.div_ceil(8), fill);
        if !bits.is_multiple_of(8) {
            *octets.last_mut().unwrap() &= 0xffu8 << (8 - bits % 8);
        }
        octets
    }

    /// RFC 4867 §4.3 and §4.4: both formats, every frame type, there and back.
    #[test]
    fn every_frame_type_round_trips() {
        for text in ["", "octet-align=1", "crc=1", "interleaving=2", "robust-sorting=1"] {
            let format = Amr::parse(text);
            for band in [Band::Narrow, Band::Wide] {
                for frame_type in (0..16).filter(|&t| band.bits(t).is_some()) {
                    let frame = frame(band, frame_type, 0xa7);
                    let mut payload = Vec::new();
                    pack(band, &format, 5, &frame, &mut payload);
                    let bits = band.bits(frame_type).unwrap();
                    let extra = usize::from(format.interleaving != 0) + usize::from(format.crc && bits != 0);
                    let size = if format.octet_align {
                        2 + bits.div_ceil(8) + extra
                    } else {
                        (10 + bits).div_ceil(8)
                    };
                    assert_eq!(payload.len(), size, "{text} {band:?} {frame_type}");
                    let unpacked = unpack(band, &format, &payload).unwrap();
                    let expected = Payload { mode_request: 5, frames: vec![SpeechFrame { octets: frame }] };
                    assert_eq!(unpacked, expected, "{text} {band:?} {frame_type}");
                }
            }
        }
    }

    /// RFC 4867 §4.4.5.1, the layout of a single octet-aligned frame, and §4.3.5.1, of a bandwidth-efficient one.
    #[test]
    fn known_layouts() {
        let frame = frame(Band::Narrow, 7, 0xff);
        let mut payload = Vec::new();
        pack(Band::Narrow, &Amr::parse("octet-align=1"), NONE, &frame, &mut payload);
        assert_eq!(payload.get(..3).unwrap(), [0xf0, 0x3c, 0xff]);
        payload.clear();
        pack(Band::Narrow, &Amr::default(), NONE, &frame, &mut payload);
        assert_eq!(payload.get(..3).unwrap(), [0xf3, 0xff, 0xff]);
        assert_eq!(payload.len(), 32);
    }

    /// Robust sorting of two frames of different length.
    #[test]
    fn robust_sorting() {
        let format = Amr::parse("robust-sorting=1");
        let (first, second) = (frame(Band::Narrow, 0, 0x11), frame(Band::Narrow, 1, 0x22));
        let mut payload = vec![0xf0, 0x84, 0x0c];
        for index in 1..second.len() {
            payload.extend([first.get(index), second.get(index)].into_iter().flatten());
        }
        let unpacked = unpack(Band::Narrow, &format, &payload).unwrap();
        let frames: Vec<_> = unpacked.frames.into_iter().map(|frame| frame.octets).collect();
        assert_eq!(frames, [first, second]);
    }

    #[test]
    fn bad_payloads() {
        let aligned = Amr::parse("octet-align=1");
        for payload in [&[][..], &[0xf0], &[0xf0, 0x04], &[0xf0, 0x64, 0], &[0xf0, 0x84, 0x84, 0x84]] {
            assert!(unpack(Band::Narrow, &aligned, payload).is_err(), "{payload:?}");
        }
        assert!(unpack(Band::Narrow, &aligned, &[0xff; 2000]).is_err());
        let interleaved = Amr::parse("interleaving=4");
        assert_eq!(
            unpack(Band::Narrow, &interleaved, &[0xf0, 0x12, 0x7c]),
            Err(CodecError::Payload("interleaved"))
        );
    }

    /// `codecs.md` §17.1(2).
    #[test]
    fn rule_17_1_2_start_mode() {
        let set = |text: &str| ModeSet::parse(text);
        assert_eq!(Band::Narrow.mode_for(6700, None), 3);
        assert_eq!(Band::Narrow.mode_for(6700, set("0,2,7")), 2);
        assert_eq!(Band::Narrow.mode_for(5000, set("2,7")), 2);
        assert_eq!(Band::Wide.mode_for(15850, set("0,2,4")), 4);
        assert_eq!(Band::Wide.mode_for(1, None), 0);
    }

    fn modes(control: &mut ModeControl, packets: usize) -> Vec<u8> {
        let mut packet = || {
            let mode = control.mode();
            control.sent();
            mode
        };
        (0..packets).map(|_| packet()).collect()
    }

    /// `codecs.md` §17.1(4).
    #[test]
    fn rule_17_1_4_requests() {
        let control = |text: &str| ModeControl::new(Band::Narrow, &Amr::parse(text), 6700);
        let mut plain = control("");
        plain.request(7);
        assert_eq!(modes(&mut plain, 3), [3, 7, 7], "one more frame in the old mode");
        plain.request(NONE);
        plain.request(9);
        assert_eq!(modes(&mut plain, 2), [7, 7]);
        let mut set = control("mode-set=0,2,4,7");
        set.request(3);
        assert_eq!(modes(&mut set, 2), [2, 2]);
        set.request(0);
        assert_eq!(modes(&mut set, 2), [2, 0]);
        let mut period = control("mode-change-period=2");
        period.request(7);
        assert_eq!(modes(&mut period, 3), [3, 7, 7], "after packet 0");
        period.request(0);
        assert_eq!(modes(&mut period, 3), [7, 7, 0], "not after packet 3, after packet 4");
        let mut neighbor = control("mode-set=0,2,4,7;mode-change-neighbor=1");
        neighbor.request(7);
        assert_eq!(modes(&mut neighbor, 4), [2, 4, 7, 7]);
        let mut both = control("mode-change-neighbor=1;mode-change-period=2");
        both.request(6);
        assert_eq!(modes(&mut both, 7), [3, 4, 4, 5, 5, 6, 6]);
    }

    fn payload(mode_request: u8, mode: u8) -> Payload {
        Payload { mode_request, frames: vec![SpeechFrame { octets: vec![header(mode, true)] }] }
    }

    /// `codecs.md` §17.1(5).
    #[test]
    fn rule_17_1_5_asking_and_stepping_up() {
        let ms = Duration::from_millis;
        let mut peer = PeerModes::new(Band::Wide, &Amr::parse("mode-set=0,2,4"), "CMR-interval=300");
        peer.received(&payload(NONE, 0));
        assert_eq!(peer.feedback(ms(0)), None);
        peer.received(&payload(NONE, 2));
        assert_eq!(peer.feedback(ms(20)), None);
        assert_eq!(peer.feedback(ms(300)), Some(Feedback::AskFor(4)), "although no further frame came");
        assert_eq!(peer.feedback(ms(900)), None);
        for at in [920, 940] {
            peer.received(&payload(NONE, 4));
            assert_eq!(peer.feedback(ms(at)), None, "nothing higher");
        }
        let mut peer = PeerModes::new(Band::Narrow, &Amr::default(), "mode-change-interval=100");
        let mut at = |request, now| {
            peer.received(&payload(request, 0));
            peer.feedback(ms(now))
        };
        assert_eq!(at(NONE, 0), None);
        assert_eq!(at(NONE, 99), None);
        assert_eq!(at(NONE, 100), Some(Feedback::StepUp));
        assert_eq!(at(NONE, 150), None);
        assert_eq!(at(3, 180), Some(Feedback::ModeRequest(3)));
        assert_eq!(at(NONE, 260), None);
        assert_eq!(at(NONE, 280), Some(Feedback::StepUp));
        assert_eq!(peer.feedback(ms(900)), None, "only when a frame arrives");
    }

    proptest! {
        #[test]
        fn any_payload_is_taken_or_refused(
            octets in proptest::collection::vec(any::<u8>(), 0..400),
            text in proptest::sample::select(vec!["", "octet-align=1", "crc=1", "interleaving=2", "robust-sorting=1"]),
            wide in any::<bool>(),
        ) {
            let band = if wide { Band::Wide } else { Band::Narrow };
            if let Ok(payload) = unpack(band, &Amr::parse(text), &octets) {
                prop_assert!(payload.frames.len() <= MAX_FRAMES && payload.mode_request < 16);
                for frame in payload.frames {
                    let bits = band.bits(frame.frame_type()).unwrap();
                    prop_assert_eq!(frame.octets.len(), 1 + bits.div_ceil(8));
                }
            }
        }
    }
}
