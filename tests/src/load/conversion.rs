//! Calls whose sides have different codecs.

use std::net::SocketAddr;

use clap::ValueEnum;

use crate::ng::{Request, dict, list};
use crate::sdp::{Section, body};

/// A pair of codecs. The caller speaks the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Conversion {
    /// PCMU and PCMA.
    G711,
    /// G.722 and PCMA.
    G722,
    /// PCMA to Opus; the callee only listens.
    Opus,
}

/// Octets of a 20 ms packet of every codec that is sent.
pub(super) const FRAME: usize = 160;
/// Frames that are sent in turn: a second and a bit of audio.
const FRAMES: usize = 64;

impl Conversion {
    /// What a run is called.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::G711 => "PCMU <> PCMA",
            Self::G722 => "G722 <> PCMA",
            Self::Opus => "PCMA -> opus at 32 kbit/s",
        }
    }

    /// As many calls as the limits of this project are stated for.
    #[must_use]
    pub fn calls(self) -> usize {
        match self {
            Self::G711 => 200,
            Self::G722 => 100,
            Self::Opus => 50,
        }
    }

    fn caller(self) -> (u8, &'static str) {
        match self {
            Self::G711 => (0, "PCMU/8000"),
            Self::G722 => (9, "G722/8000"),
            Self::Opus => (8, "PCMA/8000"),
        }
    }

    fn wanted(self) -> (&'static str, &'static str) {
        match self {
            Self::G711 | Self::G722 => ("PCMA", "PCMA/8000"),
            Self::Opus => ("opus/48000/2/32000", "opus/48000/2"),
        }
    }

    /// Packets that are held back before the first one can be made: audio that changes its rate.
    pub(super) fn held(self) -> u16 {
        u16::from(self == Self::G722)
    }

    /// Whether the callee speaks too.
    pub(super) fn both_ways(self) -> bool {
        self != Self::Opus
    }

    /// The caller's offer.
    pub(super) fn offer(self, request: Request, address: SocketAddr) -> Request {
        let request = request.set("sdp", audio(address, self.caller()));
        request.set("codec", dict([("transcode", list([self.wanted().0]))]))
    }

    /// The callee's answer, with the number it was offered, and that number.
    pub(super) fn answer(self, request: Request, offered: &Section, address: SocketAddr) -> (Request, u8) {
        let codec = self.wanted().1;
        let number = offered.values("rtpmap").into_iter().find_map(|line| {
            let (number, name) = line.split_once(' ')?;
            (name == codec).then(|| number.parse().ok())?
        });
        let number: u8 = number.unwrap_or_else(|| panic!("no {codec} was offered: {:?}", offered.lines));
        (request.set("sdp", audio(address, (number, codec))), number)
    }

    /// Payload types and frames of caller and callee.
    pub(super) fn speech(self, callee: u8) -> [Speech; 2] {
        let of = |payload_type, name: &str| Speech { payload_type, frames: frames(name) };
        [of(self.caller().0, self.caller().1), of(callee, self.wanted().1)]
    }
}

/// What one side says again and again.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    pub(super) payload_type: u8,
    pub(super) frames: Vec<[u8; FRAME]>,
}

fn audio(address: SocketAddr, (number, name): (u8, &str)) -> String {
    body(&[
        "v=0".to_string(),
        format!("o=phone 4711 4712 IN IP4 {}", address.ip()),
        "s=call".into(),
        format!("c=IN IP4 {}", address.ip()),
        "t=0 0".into(),
        format!("m=audio {} RTP/AVP {number}", address.port()),
        format!("a=rtpmap:{number} {name}"),
        "a=ptime:20".into(),
    ])
}

/// Frames whose audio is neither silence nor a pure tone: encoders work harder or less hard than that on speech.
fn frames(name: &str) -> Vec<[u8; FRAME]> {
    let sample = |n: usize| {
        let t = n as f64 / 8000.0;
        let tone = |hertz: f64| (std::f64::consts::TAU * hertz * t).sin();
        let loudness = 0.5 + 0.5 * tone(3.1);
        let voice =
            tone(140.0) + 0.6 * tone(420.0 + 60.0 * tone(2.0)) + 0.4 * tone(1300.0) + 0.2 * tone(2700.0);
        let noise = f64::from((n as u32).wrapping_mul(2_654_435_761) >> 20) / 2048.0 - 1.0;
        (loudness * (voice + 0.1 * noise) * 6000.0) as i32
    };
    let octet = |n: usize| match name {
        "PCMA/8000" => a_law(sample(n)),
        "PCMU/8000" => mu_law(sample(n)),
        // Any octets are a signal in G.722.
        _ => ((n as u32).wrapping_mul(2_246_822_519) >> 24) as u8,
    };
    (0..FRAMES).map(|frame| std::array::from_fn(|n| octet(frame * FRAME + n))).collect()
}

fn segment(magnitude: i32, first: i32) -> (i32, i32) {
    let mut segment = 0;
    while segment < 7 && magnitude >= first << segment {
        segment += 1;
    }
    (segment, magnitude)
}

fn a_law(sample: i32) -> u8 {
    let (segment, magnitude) = segment(sample.abs().min(32767), 256);
    let step = if segment < 2 { magnitude >> 4 } else { magnitude >> (segment + 3) };
    let sign = if sample >= 0 { 0x80 } else { 0 };
    ((segment << 4 | step & 15) as u8 | sign) ^ 0x55
}

fn mu_law(sample: i32) -> u8 {
    let (segment, magnitude) = segment(sample.abs().min(32635) + 0x84, 256);
    let step = magnitude >> (segment + 3) & 15;
    let sign = if sample >= 0 { 0x80 } else { 0 };
    !((segment << 4 | step) as u8 | if sign == 0 { 0x80 } else { 0 })
}
