//! The answer algorithm (`codecs.md` §7).

use std::sync::Arc;

use rtpengine_common::codec::{Match, compare};

use smallvec::SmallVec;

use super::companions;
use super::handlers::{Action, Handler, HandlerPolicy, handlers};
use super::list::{CodecList, Entry, bit};
use super::message::{Environment, MediaCodecs, Report, Section, entries};
use super::operations;
use super::options::CodecOptions;
use super::original::Original;
use super::populate;

/// Takes the answer of `answerer` and prepares what `offerer` sees of it.
///
/// `policy` is that of the handlers answerer → offerer (its rule of refused supplementals is always on here). The caller
/// computes the final [`super::handlers()`] in both directions afterwards: answerer → offerer with
/// [`HandlerPolicy::refused_supplementals`], offerer → answerer without.
pub fn answer(
    answerer: &mut MediaCodecs,
    offerer: &mut MediaCodecs,
    section: &Section<'_>,
    options: &CodecOptions,
    policy: &HandlerPolicy,
    environment: &Environment<'_>,
) -> Report {
    let mut report = Report::default();
    let original = take_answer(answerer, Some(offerer), section, options, environment, &mut report);

    offerer.list = offerer.offered.clone();
    offerer.list = if section.not_rtp {
        first_for_audio(offerer)
    } else {
        let policy = HandlerPolicy { refused_supplementals: true, ..*policy };
        synthesise(answerer, offerer, options, &policy, environment)
    };

    let offered = Original::of(offerer.offered.shared());
    companions::update(&mut answerer.list, &original, answerer.audio, environment, &mut report);
    companions::update(&mut offerer.list, &offered, offerer.audio, environment, &mut report);
    report
}

/// Steps 1 and 2: the answerer's list from its SDP. Returns the original list.
pub(super) fn take_answer(
    answerer: &mut MediaCodecs,
    offerer: Option<&MediaCodecs>,
    section: &Section<'_>,
    options: &CodecOptions,
    environment: &Environment<'_>,
    report: &mut Report,
) -> Original {
    let own = entries(section, answerer.audio, &answerer.offered, environment.support);
    let original = Original::of(own.as_slice().into());
    if options.reuse_codecs {
        answerer.list = answerer.offered.clone();
        populate::refresh(&mut answerer.list, &own, false);
    } else {
        let offered = Offered { answerer: &answerer.offered, offerer: offerer.map(|media| &media.offered) };
        let checked = own.into_iter().filter_map(|entry| offered.check(entry, section, options));
        answerer.list = populate::anew(unique(checked));
    }
    let list = &mut answerer.list;
    operations::strip(list, &options.ignore, &options.except);
    operations::strip(list, &options.strip, &options.except);
    operations::offer(list, &original, &options.offer);
    operations::restore_if_empty(list, &original, section.rejected, options, report);
    original
}

/// An asymmetric answer may lead two answered codecs to one offered number; the first one has it.
fn unique(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut seen = 0u128;
    let fresh = |entry: &Entry| {
        let fresh = seen & bit(entry.payload_type) == 0;
        seen |= bit(entry.payload_type);
        fresh
    };
    entries.filter(fresh).collect()
}

/// What was offered to the answerer, and what the offerer had offered.
struct Offered<'a> {
    answerer: &'a CodecList,
    offerer: Option<&'a CodecList>,
}

impl Offered<'_> {
    /// §5.1(3): takes an answered codec that was offered, with the marks it had; others are stray.
    fn check(&self, mut entry: Entry, section: &Section<'_>, options: &CodecOptions) -> Option<Entry> {
        let fits = |offered: &&Entry| compare(&offered.codec, &entry.codec) != Match::Different;
        let number = entry.payload_type;
        if let Some(hit) = self.answerer.get(number).filter(fits) {
            entry.inherit(hit);
            return Some(entry);
        }
        if let Some(hit) = self.offerer.and_then(|list| list.get(number)).filter(fits) {
            if entry.codec.is_audio() {
                entry.inherit(hit);
            }
            return Some(entry);
        }
        if section.rejected {
            return Some(entry);
        }
        if !options.allow_asymmetric_codecs {
            return None;
        }
        let named = |offered: &&Entry| offered.codec.has_name(&entry.codec.name) && fits(offered);
        let hit = self.answerer.entries().iter().find(named)?;
        if entry.codec.is_audio() {
            entry.inherit(hit);
            entry.answered_as = Some(number);
            entry.payload_type = hit.payload_type;
        }
        Some(entry)
    }
}

/// §7.2: what the offerer sees of the answer, led by the handlers answerer → offerer.
fn synthesise(
    answerer: &MediaCodecs,
    offerer: &MediaCodecs,
    options: &CodecOptions,
    policy: &HandlerPolicy,
    environment: &Environment<'_>,
) -> CodecList {
    let table = handlers(answerer, offerer, policy, environment);
    let touched = |clock| offerer.list.touched().contains(clock) || answerer.list.touched().contains(clock);
    let mut synthesis = Synthesis::of(&offerer.list);
    for (entry, handler) in answerer.list.entries().iter().zip(&table.rows) {
        let is_audio = entry.codec.is_audio();
        if is_audio && options.single_codec && synthesis.audio {
            continue;
        }
        if handler.destination.is_none() && !entry.marks.for_transcoding {
            synthesis.pass_through(entry);
            continue;
        }
        if !is_audio && (entry.marks.for_transcoding || touched(entry.codec.clock)) {
            continue;
        }
        synthesis.lead(entry, handler);
    }
    let mut list = CodecList::from_entries(synthesis.finish());
    list.touched = offerer.list.touched().clone();
    list
}

/// The offerer's answer while it grows.
struct Synthesis<'a> {
    offerer: &'a CodecList,
    entries: Vec<Entry>,
    numbers: u128,
    audio: bool,
    queue: SmallVec<[u8; 8]>,
}

impl<'a> Synthesis<'a> {
    fn of(offerer: &'a CodecList) -> Self {
        let entries = Vec::with_capacity(offerer.entries().len());
        Self { offerer, entries, numbers: 0, audio: false, queue: SmallVec::new() }
    }

    fn add(&mut self, entry: Entry) {
        if self.numbers & bit(entry.payload_type) != 0 {
            return;
        }
        self.numbers |= bit(entry.payload_type);
        self.audio |= entry.codec.is_audio();
        self.entries.push(entry);
    }

    /// Rules 1 and 5: a copy of the answerer's entry under the number that the answerer used. What it is marked as is a matter of
    /// the offerer.
    fn pass_through(&mut self, entry: &Entry) {
        let mut copy = entry.clone();
        copy.payload_type = entry.answered_as.unwrap_or(entry.payload_type);
        copy.answered_as = None;
        if let Some(own) = self.offerer.get(entry.payload_type) {
            copy.marks = own.marks;
        }
        self.add(copy);
    }

    /// Rules 4 to 6: what the handler makes of an entry.
    fn lead(&mut self, entry: &Entry, handler: &Handler) {
        let Some(destination) = handler.destination else { return self.pass_through(entry) };
        match &handler.action {
            Action::Forward => self.pass_through(entry),
            Action::Process(_) => {
                if let Some(own) = self.offerer.get(destination) {
                    let mut own = own.clone();
                    own.shown = own.codec.answer_format(entry.codec.channels).map(Arc::new);
                    self.add(own);
                }
            }
        }
        for number in handler.cn.into_iter().chain(handler.dtmf) {
            if !self.queue.contains(&number) {
                self.queue.push(number);
            }
        }
    }

    fn finish(mut self) -> Vec<Entry> {
        for number in std::mem::take(&mut self.queue) {
            if let Some(entry) = self.offerer.get(number) {
                self.add(entry.clone());
            }
        }
        self.entries
    }
}

/// §7.2(7): towards an image medium the offerer's audio has the one codec that the internal player uses.
fn first_for_audio(offerer: &MediaCodecs) -> CodecList {
    let first = offerer.list.entries().iter().find(|e| e.codec.is_audio() && e.codec.is_supported());
    let mut list = CodecList::from_entries(first.cloned().into_iter().collect::<Vec<_>>());
    list.touched = offerer.list.touched().clone();
    list
}
