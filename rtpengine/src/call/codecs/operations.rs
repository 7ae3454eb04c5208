//! The operations that codec options do on a list (`codecs.md` §§5.3–5.8, 5.10).

use std::sync::Arc;

use rtpengine_common::codec::{Codec, CodecString, IndexString, Match, compare};

use super::list::{CodecList, Entry};
use super::message::{Environment, Report, Warning};
use super::numbers;
use super::options::{CodecOptions, Everything, finds, indexes};
use super::original::{Original, returning};

/// `strip`, and everything that works like it: removes the named codecs, with `all` or `full` every codec that `except` does
/// not name (§5.3). Says whether `all` or `full` was in force.
pub(super) fn strip(list: &mut CodecList, names: &[String], except: &[String]) -> Everything {
    let everything = Everything::of(names);
    if names.is_empty() {
        return everything;
    }
    let (named, except) = (indexes(names), indexes(except));
    list.strip(|entry| everything.is_any() && !finds(&except, &entry.codec) || finds(&named, &entry.codec));
    everything
}

/// `offer`: puts back what the original list has and the list has not (§5.4).
pub(super) fn offer(list: &mut CodecList, original: &Original, names: &[String]) {
    for index in names.iter().filter_map(|name| IndexString::parse(name)) {
        if list.has_index(&index) {
            continue;
        }
        for entry in original.find(&index) {
            put_back(list, returning(entry));
        }
    }
}

/// Inserts before the mark; the entry's rate is touched. `false` if its number is taken.
fn put_back(list: &mut CodecList, entry: Entry) -> bool {
    let codec = Arc::clone(&entry.codec);
    let inserted = list.insert_before_mark(entry);
    if inserted {
        list.touched.by(&codec);
    }
    inserted
}

/// What one codec string finds (§4.4): everything under it as an index; if nothing is, what is not different from the codec
/// that it describes.
struct Candidates<'a> {
    index: Option<IndexString<'a>>,
    codec: Codec,
}

impl<'a> Candidates<'a> {
    fn of(name: &'a str, environment: &Environment<'_>) -> Self {
        Self { index: IndexString::parse(name), codec: CodecString::parse(name).codec(environment.support) }
    }

    fn indexed(&self, entry: &Entry) -> bool {
        self.index.is_some_and(|index| index.finds(&entry.codec))
    }

    fn compared(&self, entry: &Entry) -> bool {
        entry.codec.has_name(&self.codec.name) && compare(&entry.codec, &self.codec) != Match::Different
    }
}

/// Is this entry exactly the codec described? Searches go by name, so G729a is no G729 here (§5.6).
fn is_exactly(entry: &Entry, codec: &Codec) -> bool {
    entry.codec.has_name(&codec.name) && compare(&entry.codec, codec) == Match::Exact
}

/// Accepts the entries a codec string finds; `false` if it finds none.
fn accept_candidates(list: &mut CodecList, candidates: &Candidates<'_>) -> bool {
    let by_index = list.entries().iter().any(|entry| candidates.indexed(entry));
    if !by_index && !list.entries().iter().any(|entry| candidates.compared(entry)) {
        return false;
    }
    list.accept(|entry| if by_index { candidates.indexed(entry) } else { candidates.compared(entry) });
    true
}

/// `accept` (and the flag `always transcode`): marks the sender's codecs (§5.5).
pub(super) fn accept(list: &mut CodecList, options: &CodecOptions, environment: &Environment<'_>) {
    if options.always_transcode || Everything::of(&options.accept).is_any() {
        list.accept(|_| true);
        return;
    }
    for name in &options.accept {
        accept_candidates(list, &Candidates::of(name, environment));
    }
}

/// `consume` on the sender's side: a codec that is missing but in the original list is put back, then it is accepted (§5.5).
pub(super) fn consume(
    list: &mut CodecList,
    original: &Original,
    options: &CodecOptions,
    environment: &Environment<'_>,
) {
    if Everything::of(&options.consume).is_any() {
        let except = indexes(&options.except);
        list.accept(|entry| !finds(&except, &entry.codec));
    }
    for name in options.consume.iter().filter(|name| !matches!(name.as_str(), "all" | "full")) {
        let candidates = Candidates::of(name, environment);
        if accept_candidates(list, &candidates) {
            continue;
        }
        let by_index = original.entries().any(|entry| candidates.indexed(entry));
        for entry in original.entries() {
            if if by_index { candidates.indexed(entry) } else { candidates.compared(entry) } {
                put_back(list, returning(entry));
            }
        }
        accept_candidates(list, &candidates);
    }
}

/// `mask` on the sender's side: nothing but touched marks (§5.7).
pub(super) fn track_mask(list: &mut CodecList, options: &CodecOptions) {
    if Everything::of(&options.mask).is_any() {
        list.touched.all();
        return;
    }
    let named = indexes(&options.mask);
    let mut touched = std::mem::take(&mut list.touched);
    for entry in list.entries().iter().filter(|entry| finds(&named, &entry.codec)) {
        touched.by(&entry.codec);
    }
    list.touched = touched;
}

/// `transcode`: makes sure the receiver sees these codecs (§5.6). A string that is an index is satisfied by whatever the list
/// has under it; others are compared in full.
pub(super) fn transcode(
    list: &mut CodecList,
    original: &Original,
    names: &[String],
    stripped: Everything,
    environment: &Environment<'_>,
    report: &mut Report,
) {
    for name in names {
        let string = CodecString::parse(name);
        if string.has_wrong_opus_clock() {
            report.warn(Warning::OpusClock);
        }
        let codec = string.codec(environment.support);
        let present = IndexString::parse(name).is_some_and(|index| list.has_index(&index));
        if present || list.entries().iter().any(|entry| is_exactly(entry, &codec)) {
            continue;
        }
        if stripped != Everything::Full && bring_back(list, original, name) {
            continue;
        }
        let exact = original.entries().find(|entry| is_exactly(entry, &codec));
        if exact.is_some_and(|entry| put_back(list, returning(entry))) {
            continue;
        }
        add(list, original, name, codec, report);
    }
}

/// Rule 2 of §5.6: entries of the original list found under the string as an index return, those of the receiver's former
/// list for transcoding. `true` if the string is satisfied that way.
fn bring_back(list: &mut CodecList, original: &Original, name: &str) -> bool {
    let Some(index) = IndexString::parse(name) else { return false };
    let mut satisfied = false;
    for entry in original.find(&index) {
        let mut back = returning(entry);
        back.marks.for_transcoding |= entry.marks.removed;
        satisfied |= put_back(list, back);
    }
    satisfied
}

/// Rule 4 of §5.6: a new entry with a number of its own.
fn add(list: &mut CodecList, original: &Original, name: &str, codec: Codec, report: &mut Report) {
    if !codec.is_supported() {
        report.warn(Warning::NotSupported(name.into()));
        return;
    }
    let Some(number) = numbers::assign(&codec, list, Some(original)) else {
        report.warn(Warning::NoPayloadType(name.into()));
        return;
    };
    let mut entry = Entry::new(number, Arc::new(codec));
    entry.marks.for_transcoding = true;
    put_back(list, entry);
}

/// The empty check (§5.8): an empty list becomes the SDP's own codecs again.
pub(super) fn restore_if_empty(
    list: &mut CodecList,
    original: &Original,
    rejected: bool,
    options: &CodecOptions,
    report: &mut Report,
) {
    if !list.is_empty() || rejected || options.allow_no_codec_media || original.own().is_empty() {
        return;
    }
    *list = CodecList::from_entries(Arc::clone(original.own()));
    report.warn(Warning::ListEmpty);
}

/// Audio that faces an image medium (§5.10): what cannot be transcoded goes, and an empty list becomes PCMU and PCMA.
pub(super) fn synthesise(list: &mut CodecList, environment: &Environment<'_>) {
    list.remove(|entry| entry.codec.is_audio() && !entry.codec.is_supported());
    if !list.is_empty() {
        return;
    }
    for name in ["PCMU", "PCMA"] {
        let codec = CodecString::parse(name).codec(environment.support);
        if let Some(number) = codec.static_payload_type() {
            list.push(Entry::new(number, Arc::new(codec)));
        }
    }
}
