//! Codecs of publish, subscribe and create (`codecs.md` §§5.9, 7.3; `sdp.md` §22).

use std::sync::Arc;

use rtpengine_common::codec::{CodecString, IndexString, Match, compare};

use super::answer::take_answer;
use super::companions;
use super::list::{CodecList, Entry, Marks};
use super::message::{Environment, MediaCodecs, Report, Section, entries};
use super::numbers;
use super::operations;
use super::options::CodecOptions;
use super::original::Original;
use super::populate;

/// Publish found no codec that it may accept; the section is not set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Publish error")]
pub struct NothingToPublish;

/// A subscribe answer without `allow transcoding` left out a codec of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Not all codecs of the source were accepted")]
pub struct NotAllCodecsAccepted;

/// Takes the SDP of a publisher: its list is cut to one codec (`codecs.md` §5.9).
///
/// # Errors
/// If no codec is left that may be accepted. The list is empty then.
pub fn publish(
    media: &mut MediaCodecs,
    section: &Section<'_>,
    options: &CodecOptions,
    environment: &Environment<'_>,
) -> Result<Report, NothingToPublish> {
    let mut report = Report::default();
    let mut own = entries(section, media.audio, &media.list, environment.support);
    populate::inherit(&mut own, &media.list, options);
    let original = Original::of(own.into());
    media.list = populate::anew(Arc::clone(original.own()));
    operations::strip(&mut media.list, &options.ignore, &options.except);
    operations::strip(&mut media.list, &options.strip, &options.except);
    operations::offer(&mut media.list, &original, &options.offer);
    operations::restore_if_empty(&mut media.list, &original, section.rejected, options, &mut report);
    if media.audio {
        cut(&mut media.list, &options.accept)?;
    }
    media.offered = media.list.clone();
    Ok(report)
}

/// Keeps what publish accepts.
fn cut(list: &mut CodecList, accept: &[String]) -> Result<(), NothingToPublish> {
    let word = |word: &str| accept.iter().any(|text| text == word);
    let any = word("any");
    let usable = |entry: &&Entry| entry.codec.is_audio() && (any || entry.codec.is_supported());
    if word("all") || word("full") {
        list.remove(|entry| entry.codec.is_audio() && !usable(&entry));
        let has_audio = list.entries().iter().any(|entry| entry.codec.is_audio());
        return if has_audio { Ok(()) } else { Err(NothingToPublish) };
    }
    let mut names = accept.iter().filter(|text| *text != "any").peekable();
    let usable_entries = || list.entries().iter().filter(usable);
    let chosen = if names.peek().is_none() {
        usable_entries().next()
    } else {
        names
            .filter_map(|name| IndexString::parse(name))
            .find_map(|i| usable_entries().find(|e| i.finds(&e.codec)))
    };
    let chosen = chosen.map(|entry| (entry.payload_type, entry.codec.clock));
    list.remove(|entry| match chosen {
        Some((number, _)) if entry.codec.is_audio() => entry.payload_type != number,
        Some((_, clock)) => entry.codec.clock != clock,
        None => true,
    });
    chosen.map(|_| ()).ok_or(NothingToPublish)
}

/// Prepares what a subscriber is offered of `source` (`codecs.md` §7.3). `source_not_rtp`: the source media is not RTP.
pub fn subscribe_request(
    source: &MediaCodecs,
    subscriber: &mut MediaCodecs,
    source_not_rtp: bool,
    options: &CodecOptions,
    environment: &Environment<'_>,
) -> Report {
    let mut report = Report::default();
    let mut own: Vec<Entry> = source.list.entries().iter().map(as_sent).collect();
    populate::inherit(&mut own, &CodecList::default(), options);
    let original = Original::of(own.into());
    let audio = subscriber.audio;
    let list = &mut subscriber.list;
    *list = populate::anew(Arc::clone(original.own()));
    let stripped = operations::strip(list, &options.strip, &options.except);
    operations::strip(list, &options.consume, &options.except);
    operations::strip(list, &options.mask, &options.except);
    operations::offer(list, &original, &options.offer);
    if audio {
        operations::transcode(list, &original, &options.transcode, stripped, environment, &mut report);
    }
    operations::restore_if_empty(list, &original, false, options, &mut report);
    if source_not_rtp && audio {
        operations::synthesise(list, environment);
    }
    companions::update(list, &original, audio, environment, &mut report);
    subscriber.offered = subscriber.list.clone();
    report
}

/// An entry of the source as the subscriber is shown it: the codec as it is sent, under its listed number, without the marks
/// that belong to the source's own negotiation.
fn as_sent(entry: &Entry) -> Entry {
    Entry { shown: None, answered_as: None, marks: Marks::default(), ..entry.clone() }
}

/// Takes the answer of a subscriber (`codecs.md` §7.3). The caller computes [`super::handlers()`] source → subscriber.
///
/// # Errors
/// Without `allow transcoding`, if an audio codec of the source is not in the answer (same number, not different). Nothing was
/// changed then.
pub fn subscribe_answer(
    source: &MediaCodecs,
    subscriber: &mut MediaCodecs,
    section: &Section<'_>,
    options: &CodecOptions,
    environment: &Environment<'_>,
) -> Result<Report, NotAllCodecsAccepted> {
    if !options.allow_transcoding && !section.rejected && !section.not_rtp {
        let answered = entries(section, subscriber.audio, &subscriber.offered, environment.support);
        let accepted = |entry: &Entry| {
            let hit = answered.iter().find(|answered| answered.payload_type == entry.payload_type);
            hit.is_some_and(|answered| compare(&entry.codec, &answered.codec) != Match::Different)
        };
        let audio = || source.list.entries().iter().filter(|entry| entry.codec.is_audio());
        if !audio().all(accepted) {
            return Err(NotAllCodecsAccepted);
        }
    }
    let mut report = Report::default();
    let original = take_answer(subscriber, None, section, options, environment, &mut report);
    companions::update(&mut subscriber.list, &original, subscriber.audio, environment, &mut report);
    Ok(report)
}

/// Prepares what `create` offers to a party (`sdp.md` §22, `ng-control.md` §11.10): `codecs` (of the media entry, else the
/// option `offer`) are appended to what the party has, then `strip` removes; an empty audio list becomes PCMU, PCMA, and audio
/// codecs that cannot be transcoded are dropped.
pub fn create(
    media: &mut MediaCodecs,
    codecs: &[String],
    options: &CodecOptions,
    environment: &Environment<'_>,
) -> Report {
    let mut report = Report::default();
    let wanted = if codecs.is_empty() { &options.offer } else { codecs };
    for name in wanted {
        append(&mut media.list, name, media.audio, environment, &mut report);
    }
    operations::strip(&mut media.list, &options.strip, &options.except);
    if media.audio {
        operations::synthesise(&mut media.list, environment);
    }
    media.offered = media.list.clone();
    report
}

/// Appends the codec of a string unless the list has it.
fn append(list: &mut CodecList, name: &str, audio: bool, environment: &Environment<'_>, report: &mut Report) {
    let mut codec = CodecString::parse(name).codec(environment.support);
    if !audio {
        let fmtp = codec.fmtp.clone();
        codec = rtpengine_common::codec::Codec::new(
            &codec.name,
            codec.clock,
            codec.channels,
            fmtp.as_deref(),
            false,
            environment.support,
        );
    }
    if list.entries().iter().any(|entry| compare(&entry.codec, &codec) == Match::Exact) {
        return;
    }
    match numbers::assign(&codec, list, None) {
        Some(number) => {
            list.push(Entry::new(number, Arc::new(codec)));
        }
        None => report.warn(super::message::Warning::NoPayloadType(name.into())),
    }
}

/// Takes the SDP of a party made by `create` as its own: the list is the SDP's, with `set`, then `strip` and `offer`.
pub fn create_answer(
    media: &mut MediaCodecs,
    section: &Section<'_>,
    options: &CodecOptions,
    environment: &Environment<'_>,
) -> Report {
    let mut report = Report::default();
    let mut own = entries(section, media.audio, &media.list, environment.support);
    populate::inherit(&mut own, &media.offered, options);
    let original = Original::of(own.into());
    media.list = populate::anew(Arc::clone(original.own()));
    operations::strip(&mut media.list, &options.ignore, &options.except);
    operations::strip(&mut media.list, &options.strip, &options.except);
    operations::offer(&mut media.list, &original, &options.offer);
    operations::restore_if_empty(&mut media.list, &original, section.rejected, options, &mut report);
    report
}
