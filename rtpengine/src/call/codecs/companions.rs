//! telephone-event, CN and red for each clock rate in use (`codecs.md` §9).

use std::sync::Arc;

use rtpengine_common::codec::{Codec, Supplemental};
use smallvec::SmallVec;

use super::list::{CodecList, Entry};
use super::message::{Environment, Report, Warning};
use super::numbers;
use super::original::{Original, returning};

/// Brings the companions of touched clock rates in order: adds the missing ones (in audio media), then removes those of rates
/// that no audio codec has.
pub(super) fn update(
    list: &mut CodecList,
    original: &Original,
    audio: bool,
    environment: &Environment<'_>,
    report: &mut Report,
) {
    let rates = audio_rates(list);
    if audio {
        for kind in KINDS.into_iter().filter(|&kind| is_present(list, kind)).collect::<SmallVec<[_; 3]>>() {
            for &rate in rates.iter().filter(|&&rate| rate != 0) {
                if list.touched().contains(rate) && list.supplemental(kind, rate).is_none() {
                    add(list, original, kind, rate, environment, report);
                }
            }
        }
    }
    let touched = list.touched().clone();
    list.remove(|entry| {
        let clock = entry.codec.clock;
        !entry.codec.is_audio() && !rates.contains(&clock) && touched.contains(clock)
    });
}

/// Clock rates of the audio codecs, ascending, each once.
fn audio_rates(list: &CodecList) -> SmallVec<[u32; 8]> {
    let audio = list.entries().iter().filter(|entry| entry.codec.is_audio());
    let mut rates: SmallVec<[u32; 8]> = audio.map(|entry| entry.codec.clock).collect();
    rates.sort_unstable();
    rates.dedup();
    rates
}

/// The order in which the kinds get their numbers and places; the answer synthesis has CN before telephone-event too.
const KINDS: [Supplemental; 3] =
    [Supplemental::ComfortNoise, Supplemental::TelephoneEvent, Supplemental::Redundancy];

fn is_present(list: &CodecList, kind: Supplemental) -> bool {
    list.entries().iter().any(|entry| entry.codec.supplemental == Some(kind))
}

fn add(
    list: &mut CodecList,
    original: &Original,
    kind: Supplemental,
    rate: u32,
    environment: &Environment<'_>,
    report: &mut Report,
) {
    if let Some(entry) = original.supplemental(kind, rate) {
        let mut back = returning(entry);
        back.marks.for_transcoding |= entry.marks.removed;
        if list.insert_before_mark(back) {
            return;
        }
    }
    let def = kind.codec().def();
    let codec = Codec::new(def.name, rate, 1, def.fmtp, true, environment.support);
    let Some(number) = numbers::assign(&codec, list, None) else {
        report.warn(Warning::NoPayloadType(format!("{}/{rate}", def.name).into()));
        return;
    };
    let mut entry = Entry::new(number, Arc::new(codec));
    entry.marks.for_transcoding = true;
    list.insert_before_mark(entry);
}
