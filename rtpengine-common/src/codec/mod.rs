//! Codecs as data: the one table, codec strings, format parameters and their comparison (`codecs.md` §§1–4).
//!
//! * [`table`]: what is known of each codec by name, and the static payload numbers.
//! * [`support`]: what is implemented; negotiation takes it as an argument ([`EngineSupport`]).
//! * [`definition`]: [`Codec`], one codec of one payload type as SDP or an option described it.
//! * [`text`]: codec strings (`name/clock/channels/bitrate/ptime/fmtp/options`) and index strings.
//! * [`compare`]: is one codec the other one, a broader one, another one.
//! * [`fmtp`], [`amr`], [`evs`]: format parameters.
//! * [`dtmf`]: events, digits to be sent, what hides them.
//! * [`engine`]: what decodes and encodes; [`stream`]: the same for RTP packets of one SSRC.

pub mod amr;
pub mod compare;
pub mod definition;
pub mod dtmf;
pub mod engine;
pub mod evs;
pub mod fmtp;
pub mod stream;
pub mod support;
pub mod table;
pub mod text;

pub use compare::{Match, basic_match, compare};
pub use definition::{Codec, Format};
pub use support::{EngineSupport, Linked, Support, support_lines};
pub use table::{CODECS, CodecDef, CodecId, Supplemental};
pub use text::{CodecString, IndexString};

/// Runs the parsers of foreign bytes of this module over `bytes` and checks what must hold of their results: the entry of the fuzz
/// target and of a property test.
///
/// # Panics
/// If something does not hold.
pub fn exercise(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let codec = CodecString::parse(&text).codec(&Linked);
    assert!(compare(&codec, &codec) != Match::Different);
    if let Some(index) = IndexString::parse(&text) {
        let _ = index.finds(&codec);
    }
    let opus = fmtp::Opus::parse(&text).to_string();
    assert_eq!(fmtp::Opus::parse(&opus).to_string(), opus);
    let evs = evs::Evs::parse(&text).to_string();
    assert_eq!(evs::Evs::parse(&evs).to_string(), evs);
    let amr = amr::Amr::parse(&text);
    assert_eq!(amr.compare(amr), Match::Exact);
    for band in [engine::rfc4867::Band::Narrow, engine::rfc4867::Band::Wide] {
        for parameters in ["", "octet-align=1", "crc=1", "interleaving=1", "robust-sorting=1"] {
            let _ = engine::rfc4867::unpack(band, &amr::Amr::parse(parameters), bytes);
        }
    }
    exercise_stream(bytes);
}

/// Feeds foreign octets as payloads to a codec of this build and its neighbour in the table, decoded, resampled and encoded: the
/// entry of a fuzz target. The first octet chooses the codec, the rest are payloads with a length octet each.
///
/// # Panics
/// If what comes out is beyond all measure.
pub fn exercise_payloads(bytes: &[u8]) {
    use engine::{Coder, Frame, Frames, Transcoder, TranscoderSpec};
    const NAMES: [&str; 16] = [
        "PCMA",
        "PCMU",
        "G722",
        "G729",
        "GSM",
        "G723",
        "iLBC",
        "speex/8000",
        "speex/32000",
        "opus",
        "AMR",
        "AMR-WB",
        "G726-24",
        "L16/44100/2",
        "CN",
        "AMR/8000/1///octet-align=1",
    ];
    let Some((&choice, mut rest)) = bytes.split_first() else { return };
    let codec = |at: u8| CodecString::parse(NAMES[usize::from(at % 16)]).codec(&Linked);
    let (input, output) = (codec(choice), codec(choice.wrapping_shr(4)));
    let spec =
        TranscoderSpec { input: &input, input_ptime: 20, output: &output, output_ptime: 20, linear: false };
    let Ok(mut transcoder) = Transcoder::open(&spec) else { return };
    let mut out = Frames::new();
    while let Some((&length, tail)) = rest.split_first() {
        let (payload, tail) = tail.split_at(tail.len().min(usize::from(length)));
        rest = tail;
        out.clear();
        let _ = transcoder.push(Frame::Encoded(payload), &mut out);
        let octets: usize = out.encoded().map(|packet| packet.octets.len()).sum();
        // A second of audio at most, and the widest is stereo of 44,100 Hz.
        assert!(octets < 200_000, "{octets} octets of {payload:?}");
    }
}

/// A stream of packets cut out of `bytes`: audio, events, unknown numbers in any order.
fn exercise_stream(bytes: &[u8]) {
    let route = |number: u8, name: &str, dtmf| stream::Route {
        input_payload_type: number,
        input: CodecString::parse(name).codec(&Linked).into(),
        input_ptime: 20,
        output_payload_type: 0,
        output: CodecString::parse("PCMU").codec(&Linked).into(),
        output_ptime: 20,
        dtmf,
        cn: Some(13),
        detect_tones: true,
    };
    let routes = vec![
        route(8, "PCMA", Some(97)),
        route(101, "telephone-event", Some(97)),
        route(102, "telephone-event", None),
    ];
    let mut transcoder = stream::RtpTranscoder::new(routes, stream::SilenceDetection::new(1.0, &[32]), false);
    let mut out = stream::Outgoing::new();
    let mut now = std::time::Duration::ZERO;
    let modes =
        [dtmf::Mode::Off, dtmf::Mode::Tone, dtmf::Mode::Zero, dtmf::Mode::Silence, dtmf::Mode::Random];
    let mut mask = dtmf::Mask::new(dtmf::Policy { delay_ms: 40, ..dtmf::Policy::default() }, 8000);
    let mut watch = dtmf::EventWatch::default();
    for chunk in bytes.chunks(12).take(64) {
        let &[number, a, b, c, d, ref payload @ ..] = chunk else { continue };
        let mode = modes.get(usize::from(number >> 5)).copied().unwrap_or_default();
        mask.set_policy(dtmf::Policy { mode, ..mask.policy().clone() });
        let timestamp = u32::from_be_bytes([a >> 1, c, d, 0]);
        let event = dtmf::EventPayload::parse(payload);
        match event.map(|event| watch.packet(1, timestamp, event)).unwrap_or_default() {
            (Some(dtmf::Seen::Started { event, volume, .. }), _) => {
                mask.started(timestamp, event, volume, c);
            }
            (_, Some(_)) => mask.ended(timestamp.wrapping_add(u32::from(d))),
            _ => {}
        }
        if number & 8 != 0 {
            let passing = stream::Passing { payload_type: 97, clock: 8000, frame: 160, events: 1 << 99 };
            let (duration_ms, pause_ms) = (u32::from(c) * 8, u32::from(d));
            let digit = dtmf::Digit { event: b, volume: a, duration_ms, pause_ms };
            transcoder.inject(digit, (number & 16 != 0).then_some(passing));
        }
        let packet = stream::InPacket {
            payload_type: [8, 101, 102, 99][usize::from(number & 3)],
            marker: number & 4 != 0,
            sequence_number: u16::from_be_bytes([a & 1, b]),
            timestamp,
            payload,
        };
        out.clear();
        transcoder.set_mask(Some(std::sync::Arc::new(mask.clone())));
        let _ = transcoder.push(now, &packet, &mut out);
        assert!(out.packets().all(|packet| packet.send_at >= now));
        assert!(out.len() < 1000);
        now += std::time::Duration::from_millis(u64::from(d));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            super::exercise(&bytes);
        }

        #[test]
        fn any_parameters(text in "([a-z-]{1,20}=[0-9a-z.,-]{0,12};?){0,6}") {
            super::exercise(text.as_bytes());
        }

        #[test]
        fn known_parameters(
            keys in proptest::collection::vec(
                (
                    proptest::sample::select(vec!["br", "bw", "br-recv", "cmr", "hf-only", "evs-mode-switch", "mode-set", "stereo", "minptime"]),
                    proptest::sample::select(vec!["1", "0", "-1", "9.6-24.4", "0.5", "nb-fb", "fb-nb", "0,2,8", "6553.6", "99999999999"]),
                ),
                0..6,
            )
        ) {
            let pairs: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            super::exercise(pairs.join(";").as_bytes());
        }
    }
}
