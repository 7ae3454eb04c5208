//! The conversions of `transform`: which payload types of a media are transcoded, and into what (ng-control.md §11.11).

use std::sync::Arc;

use rtpengine_common::codec::stream::Route;
use rtpengine_common::codec::{Codec, CodecId, CodecString, Linked, Supplemental};
use rtpengine_common::ng::{ByteString, CodecSpec, Conversion, present};

use super::codecs::Entry;

/// What a media of `transform` does with the packets that come in.
#[derive(Clone, Debug, Default)]
pub(super) struct Conversions {
    /// What may come in, one entry per payload type. Packets of other types pass.
    pub inputs: Vec<Entry>,
    /// What is converted; without any, everything passes.
    pub routes: Vec<Route>,
}

impl Conversions {
    /// Reads the pairs of a media. Of several pairs for one payload type the first counts.
    ///
    /// # Errors
    /// The pair that differs and that this build cannot convert, for the log.
    pub(super) fn new(pairs: &[Conversion], audio: bool) -> Result<Self, String> {
        let mut conversions = Self::default();
        for pair in pairs {
            if is_same(&pair.input, &pair.output) {
                if let Some((number, codec)) = codec(&pair.input, audio) {
                    conversions.take_input(number, codec);
                }
                continue;
            }
            let ends = codec(&pair.input, audio).zip(codec(&pair.output, audio));
            let Some(((from, input), (to, output))) =
                ends.filter(|((_, input), (_, output))| is_possible(input, output))
            else {
                return Err(format!(
                    "Conversion from '{}' to '{}' is not supported",
                    name(&pair.input),
                    name(&pair.output)
                ));
            };
            let (input, output_kind) = (Arc::new(input), output.supplemental);
            if conversions.take_input(from, Arc::clone(&input)) {
                conversions.routes.push(Route {
                    input_payload_type: from,
                    input_ptime: input.packet_time(from, 0),
                    input,
                    output_payload_type: to,
                    output_ptime: output.packet_time(to, 0),
                    output: Arc::new(output),
                    dtmf: (output_kind == Some(Supplemental::TelephoneEvent)).then_some(to),
                    cn: (output_kind == Some(Supplemental::ComfortNoise)).then_some(to),
                    detect_tones: false,
                });
            }
        }
        Ok(conversions)
    }

    fn take_input(&mut self, number: u8, codec: impl Into<Arc<Codec>>) -> bool {
        let new = self.inputs.iter().all(|entry| entry.payload_type != number);
        if new {
            self.inputs.push(Entry::new(number, codec.into()));
        }
        new
    }
}

fn name(spec: &CodecSpec) -> String {
    spec.codec.as_ref().map(|codec| codec.to_text().into_owned()).unwrap_or_default()
}

/// The payload type and the codec that a specification describes; what it leaves out is as usual for the codec. Format parameters are
/// only those given. `None`: no payload type.
fn codec(spec: &CodecSpec, audio: bool) -> Option<(u8, Codec)> {
    let text = |value: &Option<ByteString>| {
        present(value).map(|value| value.to_text().into_owned()).unwrap_or_default()
    };
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0);
    let (name, format, options) = (text(&spec.codec), text(&spec.format), text(&spec.options));
    let string = CodecString {
        name: &name,
        id: CodecId::by_name(&name),
        clock: number(spec.clock_rate),
        channels: number(spec.channels),
        bitrate: 0,
        ptime: 0,
        fmtp: Some(&format),
        options: &options,
    };
    let codec = if audio {
        string.codec(&Linked)
    } else {
        let (clock, channels) = string.clock_and_channels();
        Codec::new(&name, clock, channels, Some(&format), false, &Linked)
    };
    let payload_type = match spec.payload_type {
        Some(number) => u8::try_from(number).ok().filter(|number| *number < 128)?,
        None => codec.static_payload_type()?,
    };
    Some((payload_type, codec))
}

/// Both can be transcoded. Into events or comfort noise only such can be made.
fn is_possible(input: &Codec, output: &Codec) -> bool {
    let fits = output.is_audio() || input.supplemental == output.supplemental;
    fits && input.is_supported() && output.is_supported()
}

/// Nothing is to be done between the two.
fn is_same(input: &CodecSpec, output: &CodecSpec) -> bool {
    let name = |spec: &CodecSpec| spec.codec.as_ref().map(|codec| codec.as_bytes().to_ascii_lowercase());
    let channels = |spec: &CodecSpec| spec.channels.unwrap_or(1).max(1);
    name(input) == name(output)
        && input.payload_type == output.payload_type
        && input.clock_rate == output.clock_rate
        && channels(input) == channels(output)
        && present(&input.format) == present(&output.format)
}
