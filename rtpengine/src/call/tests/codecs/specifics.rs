//! What is peculiar to single codecs (codecs.md §17), gaps of the source and silence (§16), in whole calls.

use std::sync::Arc;
use std::time::Duration;

use rtpengine_common::codec::stream::{GapFilling, SilenceDetection};

use super::bench::{Bench, Heard, Source, shows};
use crate::call::handling::CodecSettings;

const AMR: &str = "96=AMR/8000|octet-align=1;mode-change-capability=2";

fn transcode(codec: &str) -> String {
    format!("\"codec\":{{\"transcode\":[\"{codec}\"]}}")
}

/// The encoder towards b, packet by packet.
struct Speech {
    bench: Bench,
    next: Source,
    back: u16,
}

impl Speech {
    fn new(bench: Bench) -> Self {
        Self { bench, next: Source { number: 0, sequence: 1000, timestamp: 0, ssrc: 0x1234 }, back: 0 }
    }

    /// One frame of a; what b hears.
    fn says(&mut self) -> Vec<u8> {
        self.bench.send_as("a", false, &self.next, &[0x10; 160]);
        self.next.sequence += 1;
        self.next.timestamp += 160;
        let mut heard = self.bench.hears_within("b", 20);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0).payload
    }

    /// A packet of b; what a hears is not looked at.
    fn answers(&mut self, number: u8, units: u32, payload: &[u8]) {
        self.bench.send("b", number, self.back, u32::from(self.back) * units, payload);
        self.back += 1;
        self.bench.hears_within("a", 0);
    }
}

/// An octet-aligned packet with a frame of AMR of this mode; `cmr` 15 is none.
fn amr(cmr: u8, mode: u8) -> Vec<u8> {
    let bits = [95, 103, 118, 134, 148, 159, 204, 244][usize::from(mode)];
    let mut payload = vec![cmr << 4, mode << 3 | 4];
    payload.resize(2 + usize::div_ceil(bits, 8), 0);
    payload
}

fn mode_of(payload: &[u8]) -> u8 {
    let mode = payload[1] >> 3 & 15;
    assert_eq!(payload.len(), amr(15, mode).len(), "{payload:?}");
    mode
}

/// §17.1(2), (3): the start mode is that of the bit rate, octet-aligned with CMR 15; bandwidth-efficient without `octet-align=1`.
#[test]
fn rule_17_1_layout_and_start_mode() {
    let mut bench = Bench::new();
    let offered = bench.offer("0", &transcode("AMR"));
    assert_eq!(offered, shows(&format!("0 {AMR}")));
    bench.answer(AMR, "");
    let payload = Speech::new(bench).says();
    assert_eq!((payload[0], payload[1], payload.len()), (0xf0, 3 << 3 | 4, 19), "6700 bit/s");
    // Bandwidth-efficient: CMR 15, F 0, mode 7, quality 1, 244 bits: 10 + 244 = 254 bits.
    let mut bench = Bench::new();
    let text = "AMR/8000/1/12200//";
    let offered = bench.offer("0", &transcode(text));
    assert_eq!(offered, shows("0 96=AMR/8000"), "an empty fmtp is none");
    bench.answer("96=AMR/8000", "");
    let payload = Speech::new(bench).says();
    assert_eq!((payload[0], payload[1] & 0xc0, payload.len()), (0xf3, 0xc0, 32));
    // A mode-set: the highest allowed mode not above the rate, else the lowest.
    for (set, rate, mode) in [("0,2,5", 7400, 2), ("5,7", 4750, 5), ("0,7", 12200, 7), ("1", 0, 1)] {
        let mut bench = Bench::new();
        let rate = if rate == 0 { String::new() } else { rate.to_string() };
        let offered =
            bench.offer("0", &transcode(&format!("AMR/8000/1/{rate}//octet-align=1;mode-set={set}")));
        let format = format!("96=AMR/8000|octet-align=1;mode-set={set}");
        assert_eq!(offered, shows(&format!("0 {format}")));
        bench.answer(&format, "");
        assert_eq!(mode_of(&Speech::new(bench).says()), mode, "{set}");
    }
}

/// §17.1(4): a request takes effect after the current packet, for modes of the mode-set only, 15 is none.
#[test]
fn rule_17_1_4_requests() {
    let mut bench = Bench::new();
    bench.connect(
        ("0", &transcode("AMR/8000/1/12200//octet-align=1;mode-set=0,2,4,7")),
        ("96=AMR/8000|octet-align=1;mode-set=0,2,4,7", ""),
    );
    let mut speech = Speech::new(bench);
    assert_eq!(mode_of(&speech.says()), 7);
    speech.answers(96, 160, &amr(2, 7));
    assert_eq!([mode_of(&speech.says()), mode_of(&speech.says())], [7, 2], "one more of the old mode");
    speech.answers(96, 160, &amr(15, 7));
    assert_eq!([mode_of(&speech.says()), mode_of(&speech.says())], [2, 2]);
    speech.answers(96, 160, &amr(5, 7));
    assert_eq!([mode_of(&speech.says()), mode_of(&speech.says())], [2, 2], "not in the mode-set");
    speech.answers(96, 160, &amr(0, 7));
    assert_eq!([mode_of(&speech.says()), mode_of(&speech.says())], [2, 0]);
}

/// §17.1(4): with `mode-change-period=2` modes change at packets 1, 3, 5, …; with `mode-change-neighbor=1` a step at a time.
#[test]
fn rule_17_1_4_period_and_neighbor() {
    let format = "96=AMR/8000|octet-align=1;mode-set=0,2,4,7;mode-change-period=2";
    let options = transcode("AMR/8000/1/12200//octet-align=1;mode-set=0,2,4,7;mode-change-period=2");
    let mut speech = Speech::new(Bench::call(("0", &options), (format, "")));
    let mut modes = vec![mode_of(&speech.says()), mode_of(&speech.says())];
    speech.answers(96, 160, &amr(0, 7));
    modes.extend((0..4).map(|_| mode_of(&speech.says())));
    assert_eq!(modes, [7, 7, 7, 0, 0, 0]);
    let mut speech = Speech::new(Bench::call(("0", &options), (format, "")));
    let mut modes = vec![mode_of(&speech.says())];
    speech.answers(96, 160, &amr(0, 7));
    modes.extend((0..4).map(|_| mode_of(&speech.says())));
    assert_eq!(modes, [7, 7, 7, 0, 0], "an odd packet switches nothing");
    let format = "96=AMR/8000|octet-align=1;mode-set=0,2,4,7;mode-change-neighbor=1";
    let options = transcode("AMR/8000/1/12200//octet-align=1;mode-set=0,2,4,7;mode-change-neighbor=1");
    let mut speech = Speech::new(Bench::call(("0", &options), (format, "")));
    let mut modes = vec![mode_of(&speech.says())];
    speech.answers(96, 160, &amr(0, 7));
    modes.extend((0..5).map(|_| mode_of(&speech.says())));
    assert_eq!(modes, [7, 7, 4, 2, 0, 0]);
}

/// §17.1(5): `CMR-interval` asks for the next higher mode three times.
#[test]
fn rule_17_1_5_cmr_interval() {
    let text = "AMR/8000/1/12200//octet-align=1;mode-set=0,2,4,7/CMR-interval=100";
    let format = "96=AMR/8000|octet-align=1;mode-set=0,2,4,7";
    let mut bench = Bench::new();
    assert_eq!(bench.offer("0", &transcode(text)), shows(&format!("0 {format}")));
    bench.answer(format, "");
    let mut speech = Speech::new(bench);
    let mut requests = Vec::new();
    for n in 0..14 {
        if n < 8 {
            speech.answers(96, 160, &amr(15, 2));
        }
        requests.push(speech.says()[0] >> 4);
    }
    let asked: Vec<usize> = (0..14).filter(|&n| requests[n] != 15).collect();
    assert_eq!(asked.len(), 3, "{requests:?}");
    assert!(asked[0] >= 4 && asked[2] == asked[0] + 2, "{requests:?}");
    assert!(asked.iter().all(|&n| requests[n] == 4), "{requests:?}");
}

/// §17.1(5): `mode-change-interval` steps the own encoder up where no request comes.
#[test]
fn rule_17_1_5_mode_change_interval() {
    let text = "AMR/8000/1/4750//octet-align=1;mode-set=0,2,4,7/mode-change-interval=100";
    let format = "96=AMR/8000|octet-align=1;mode-set=0,2,4,7";
    let mut speech = Speech::new(Bench::call(("0", &transcode(text)), (format, "")));
    let mut modes = Vec::new();
    for _ in 0..20 {
        speech.answers(96, 160, &amr(15, 2));
        modes.push(mode_of(&speech.says()));
    }
    let changes: Vec<u8> = modes.windows(2).filter(|pair| pair[0] != pair[1]).map(|pair| pair[1]).collect();
    assert_eq!((modes[0], changes), (0, vec![2, 4, 7]), "{modes:?}");
}

/// §22(2): the string of the checklist, in SDP and on the wire.
#[test]
fn rule_22_2_a_codec_string_with_options() {
    let mut bench = Bench::new();
    let text = "AMR-WB/16000/1/15850//mode-set--0,2,4/CMR-interval--300";
    let offered = bench.offer("0", &transcode(text));
    assert_eq!(offered, shows("0 96=AMR-WB/16000|mode-set=0,2,4"));
    bench.answer("96=AMR-WB/16000|mode-set=0,2,4", "");
    bench.send("a", 0, 1, 0, &[0x10; 160]);
    bench.send("a", 0, 2, 160, &[0x10; 160]);
    let heard = bench.hears_within("b", 20);
    // Bandwidth-efficient: 10 bits before the 317 of mode 4.
    assert_eq!((heard.len(), heard[0].head(), heard[0].payload.len()), (1, (96, false, 1, 0), 41));
    assert_eq!((heard[0].payload[0], heard[0].payload[1] & 0xc0), (0xf2, 0x40));
}

/// Whether a packet of opus says stereo (RFC 6716 §3.1).
fn is_stereo(packet: &Heard) -> bool {
    packet.payload[0] & 4 != 0
}

/// §17.2(3) and §22(5), §14.4: fmtp of the answer and channels of the encoder.
#[test]
fn rule_17_2_opus_channels() {
    for (offered, answered, stereo) in [
        ("96=opus/48000/2", "96=opus/48000/2|stereo=0;~useinbandfec=1", false),
        ("96=opus/48000/2|stereo=1", "96=opus/48000/2|stereo=0;~sprop-stereo=1;~useinbandfec=1", true),
        ("96=opus/48000/2|stereo=0", "96=opus/48000/2|stereo=0;~sprop-stereo=0;~useinbandfec=1", false),
        ("96=opus/48000/2|sprop-stereo=1", "96=opus/48000/2|stereo=1;~useinbandfec=1", false),
        ("96=opus/48000/2|useinbandfec=0", "96=opus/48000/2|stereo=0;~useinbandfec=1", false),
        (
            "96=opus/48000/2|minptime=10;maxaveragebitrate=20000;usedtx=1;cbr=1",
            "96=opus/48000/2|stereo=0;~useinbandfec=1",
            false,
        ),
    ] {
        let mut bench = Bench::new();
        bench.offer(offered, &transcode("PCMU"));
        assert_eq!(bench.answer("0", ""), shows(answered), "{offered}");
        bench.send("b", 0, 1, 0, &[0x10; 160]);
        bench.send("b", 0, 2, 160, &[0x10; 160]);
        let heard = bench.hears_within("a", 40);
        assert_eq!(heard[0].head(), (96, false, 1, 0));
        assert_eq!(is_stereo(&heard[0]), stereo, "{offered}");
    }
}

/// §17.4: iLBC encodes by its fmtp and decodes by the length of the payload.
#[test]
fn rule_17_4_ilbc_modes() {
    for (mode, frames, lengths) in [(20, 6, vec![38; 6]), (30, 6, vec![50; 4])] {
        let mut bench = Bench::new();
        let offered = bench.offer("0", &transcode(&format!("iLBC/8000/1///mode={mode}")));
        if offered == shows("0") {
            return;
        }
        let format = format!("96=iLBC/8000|mode={mode}");
        assert_eq!(offered, shows(&format!("0 {format}")));
        bench.answer(&format, "");
        let mut from = Source { number: 0, sequence: 1, timestamp: 0, ssrc: 0x1234 };
        let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0x10; 160]; frames]);
        assert_eq!(heard.iter().map(|p| p.payload.len()).collect::<Vec<_>>(), lengths);
        // Either length is decoded, on the fly.
        bench.send("b", 96, 0, 0, &heard[0].payload);
        let total: usize = bench.hears_within("a", 40).iter().map(|p| p.payload.len()).sum();
        assert_eq!(total, 160, "a whole frame of 20 ms");
    }
}

/// §17.3: ptime / 10 frames of 10 octets per packet.
#[test]
fn rule_17_3_g729_packets() {
    for (ptime, octets) in [(10, 10), (20, 20), (40, 40)] {
        let mut bench = Bench::new();
        let more = format!("{},\"ptime\":{ptime}", transcode("G729"));
        let offered = bench.offer("0", &more);
        if offered.len() < 3 {
            return;
        }
        assert_eq!(offered, shows(&format!("0 18|annexb=yes a:ptime:{ptime}")));
        bench.answer("18", "");
        let mut from = Source { number: 0, sequence: 1, timestamp: 0, ssrc: 0x1234 };
        let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0x10; 160]; 4]);
        let lengths: Vec<usize> = heard.iter().map(|p| p.payload.len()).collect();
        // G.729's least packet time is 20 ms.
        let octets = octets.max(20);
        assert_eq!(lengths, vec![octets; 80 / octets], "{ptime}");
    }
}

fn with_codecs(change: impl FnOnce(&mut CodecSettings)) -> Bench {
    Bench::with(|settings| {
        let mut codecs = CodecSettings::clone(&settings.codecs);
        change(&mut codecs);
        settings.codecs = Arc::new(codecs);
    })
}

fn gaps() -> GapFilling {
    GapFilling {
        delay: Duration::from_millis(50),
        max: Duration::from_secs(1),
        buffer: 10,
        lag: Duration::from_millis(100),
        shift: Duration::ZERO,
        noise: None,
        amr_noise: false,
    }
}

/// §16.1(1), (2), (5), §16.2: a packet each 20 ms from 50 ms after the first; silence where none came; after `max-dtx` nothing.
#[test]
fn rule_16_1_gaps_are_filled() {
    let mut bench = with_codecs(|codecs| codecs.gaps = Some(gaps()));
    bench.connect(("0", &transcode("PCMA")), ("8", ""));
    let mut from = Source { number: 0, sequence: 1000, timestamp: 3000, ssrc: 0x1234 };
    let mut heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0x10; 160]; 3]);
    heard.extend(bench.hears_within("b", 2000));
    let loud = heard[0].payload.clone();
    assert!(loud != [0xd5; 160]);
    for (n, packet) in heard.iter().enumerate() {
        assert_eq!(packet.at, 50 + 20 * n as u64);
        assert_eq!(packet.head(), (8, false, 1000 + n as u16, 3000 + 160 * n as u32));
        assert_eq!(packet.payload, if n < 3 { loud.clone() } else { vec![0xd5; 160] });
    }
    // The last packet was queued at 40 ms.
    let last = heard.last().unwrap().at;
    assert!((1020..=1060).contains(&last), "{last}");
    // When the source returns, all begins as with the first packet, and the numbers go on.
    let count = heard.len() as u16;
    let again = bench.now();
    from.timestamp += 100_000;
    let heard = bench.stream(("a", "b"), &mut from, (20, 160), &vec![vec![0x10; 160]; 5]);
    assert_eq!(heard[0].at, again + 50);
    assert_eq!(heard[0].sequence, 1000 + count);
}

/// §16.1(8), §10.7: numbers unknown to a transcoding medium are dropped in this mode.
#[test]
fn rule_16_1_8_unknown_numbers() {
    let mut bench = with_codecs(|codecs| codecs.gaps = Some(gaps()));
    bench.connect(("0", &transcode("PCMA")), ("8", ""));
    bench.send("a", 120, 1, 0, &[1; 10]);
    assert_eq!(bench.hears_within("b", 100), []);
}

/// §16.3: CN that the sink has passes under its number; CN that was accepted for a sink without becomes noise, never the same twice.
#[test]
fn rule_16_3_comfort_noise() {
    let mut bench = Bench::call(("0 13", &transcode("PCMA")), ("8 13", ""));
    bench.send("a", 0, 1, 0, &[0x10; 160]);
    bench.send("a", 13, 2, 160, &[0x20]);
    let heard = bench.hears_within("b", 40);
    assert_eq!((heard[1].head(), heard[1].payload.as_slice()), ((13, false, 2, 160), &[0x20][..]));
    let mut bench = Bench::new();
    bench.offer("0 13", "\"codec\":{\"transcode\":[\"PCMA\"],\"accept\":[\"CN\"]}");
    assert_eq!(bench.answer("8", ""), shows("0 13"));
    bench.send("a", 0, 1, 0, &[0x10; 160]);
    bench.hears_within("b", 20);
    let mut noises = Vec::new();
    for n in 2..5_u16 {
        bench.send("a", 13, n, 160 * u32::from(n - 1), &[0x20]);
        let heard = bench.hears_within("b", 20);
        assert_eq!(
            heard.iter().map(Heard::head).collect::<Vec<_>>(),
            [(8, false, n, 160 * u32::from(n - 1))]
        );
        assert_eq!(heard[0].payload.len(), 160);
        noises.push(heard[0].payload.clone());
    }
    assert!(noises[0] != noises[1] && noises[1] != noises[2] && noises[0] != [0xd5; 160]);
}

/// §16.4: a frame of silence becomes the octets of `cn-payload` under the sink's CN number.
#[test]
fn rule_16_4_silence_detection() {
    let mut bench = with_codecs(|codecs| codecs.silence = SilenceDetection::new(1.0, &[40, 5]));
    let offered = bench.offer("0", "\"codec\":{\"transcode\":[\"PCMA\",\"CN\"]}");
    assert_eq!(offered, shows("0 8 13"));
    bench.answer("8 13", "");
    bench.send("a", 0, 1, 0, &[0xff; 160]);
    bench.send("a", 0, 2, 160, &[0x10; 160]);
    bench.send("a", 0, 3, 320, &[0xff; 160]);
    let heard = bench.hears_within("b", 60);
    let heads: Vec<_> = heard.iter().map(Heard::head).collect();
    assert_eq!(heads, [(13, false, 1, 0), (8, false, 2, 160), (13, false, 3, 320)]);
    assert_eq!((heard[0].payload.as_slice(), heard[2].payload.as_slice()), (&[40, 5][..], &[40, 5][..]));
}

/// §17.1(7): requests change no SDP.
#[test]
fn rule_17_1_7_sdp_stays() {
    let mut bench = Bench::new();
    let text = transcode("AMR/8000/1/12200//octet-align=1");
    let format = "96=AMR/8000|octet-align=1";
    let offered = bench.offer("0", &text);
    assert_eq!(offered, shows(&format!("0 {format}")));
    bench.answer(format, "");
    let mut speech = Speech::new(bench);
    speech.says();
    speech.answers(96, 160, &amr(0, 7));
    assert_eq!([mode_of(&speech.says()), mode_of(&speech.says())], [7, 0]);
    assert_eq!(speech.bench.re_offer("a", "b", "0", &text), offered);
    speech.bench.answer(format, "");
    assert_eq!(mode_of(&speech.says()), 0, "the encoder goes on");
}

/// §17.2(6): packets longer than 20 ms are decoded: three frames of 20 ms in one packet make three packets.
#[test]
fn rule_17_2_6_long_packets() {
    let mut bench = Bench::call(("96=opus/48000/2", &transcode("PCMU")), ("0", ""));
    // RFC 6716 §3: CELT, 20 ms, mono, code 3 with three frames of no octets, which are silent.
    bench.send("a", 96, 1, 0, &[31 << 3 | 3, 3]);
    let heard = bench.hears_within("b", 100);
    let samples: usize = heard.iter().map(|p| p.payload.len()).sum();
    assert!(samples >= 320 && heard.iter().all(|p| p.payload.len() == 160), "{heard:?}");
    assert_eq!(heard[0].head(), (0, false, 1, 0));
}

/// §16.1(3e), §14.3(2): a packet from later waits for its time behind the fill; numbers and times of the output run on, whatever the input's
/// say, also with the usual shift.
#[test]
fn rule_16_1_3_a_packet_from_later() {
    let shift = Duration::from_millis(5);
    let mut bench = with_codecs(|codecs| codecs.gaps = Some(GapFilling { shift, ..gaps() }));
    bench.connect(("8", &transcode("PCMU")), ("0", ""));
    bench.send("a", 8, 1000, 3000, &[0x2a; 160]);
    let mut heard = bench.hears_within("b", 130);
    assert_eq!(heard.len(), 5);
    bench.send("a", 8, 1001, 3000 + 1600, &[0x2a; 160]);
    heard.extend(bench.hears_within("b", 600));
    let heads: Vec<_> = heard.iter().map(Heard::head).collect();
    let expected: Vec<_> =
        (0..heard.len()).map(|n| (0, false, 1000 + n as u16, 3000 + 160 * n as u32)).collect();
    assert_eq!(heads, expected);
    let spoken: Vec<usize> = (0..heard.len()).filter(|&n| heard[n].payload != [0xff; 160]).collect();
    assert_eq!(spoken, [0, 10]);
}
