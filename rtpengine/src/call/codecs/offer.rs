//! The offer algorithm (`codecs.md` §6).

use std::sync::Arc;

use super::companions;
use super::list::{CodecList, Entry};
use super::message::{Environment, MediaCodecs, Report, Section, entries};
use super::operations;
use super::options::CodecOptions;
use super::original::Original;
use super::populate;

/// Takes an offer of `sender` and prepares what `receiver` is offered.
///
/// Both medias keep their offered lists (step 14). Packet times are applied before
/// ([`super::apply_packet_times`]); the caller computes [`super::handlers()`] receiver → sender afterwards (step 13).
pub fn offer(
    sender: &mut MediaCodecs,
    receiver: &mut MediaCodecs,
    section: &Section<'_>,
    options: &CodecOptions,
    environment: &Environment<'_>,
) -> Report {
    let mut report = Report::default();
    let mut own = entries(section, sender.audio, &sender.list, environment.support);
    offer_sender(&mut sender.list, &mut own, section, options, environment, &mut report);

    let keep = options.static_codecs && !receiver.list.is_empty();
    if !keep {
        offer_receiver(receiver, own, section, options, environment, &mut report);
    }
    sender.offered = sender.list.clone();
    receiver.offered = receiver.list.clone();
    report
}

/// Steps 1 to 6. What the SDP's codecs inherit here stays with them for the receiver's list (§5.1).
fn offer_sender(
    list: &mut CodecList,
    own: &mut [Entry],
    section: &Section<'_>,
    options: &CodecOptions,
    environment: &Environment<'_>,
    report: &mut Report,
) {
    populate::inherit(own, list, options);
    let original = Original::of((&*own).into());
    if options.reuse_codecs {
        populate::refresh(list, own, true);
    } else {
        *list = populate::anew(Arc::clone(original.own()));
    }
    operations::strip(list, &options.ignore, &options.except);
    operations::restore_if_empty(list, &original, section.rejected, options, report);
    operations::accept(list, options, environment);
    operations::consume(list, &original, options, environment);
    operations::track_mask(list, options);
}

/// Steps 7 to 13.
fn offer_receiver(
    receiver: &mut MediaCodecs,
    mut own: Vec<Entry>,
    section: &Section<'_>,
    options: &CodecOptions,
    environment: &Environment<'_>,
    report: &mut Report,
) {
    let original = if section.not_rtp {
        // T.38 towards audio: the receiver goes on with what was negotiated before (§6 step 7, §19.1(1)).
        Original::of(receiver.list.shared())
    } else {
        populate::inherit(&mut own, &receiver.list, options);
        receiver_list(receiver, own, options)
    };
    let audio = receiver.audio;
    let list = &mut receiver.list;
    let stripped = operations::strip(list, &options.strip, &options.except);
    operations::strip(list, &options.consume, &options.except);
    operations::strip(list, &options.mask, &options.except);
    operations::offer(list, &original, &options.offer);
    if audio {
        operations::transcode(list, &original, &options.transcode, stripped, environment, report);
    }
    operations::restore_if_empty(list, &original, section.rejected, options, report);
    if section.not_rtp && audio {
        operations::synthesise(list, environment);
    }
    companions::update(list, &original, audio, environment, report);
    // Companions whose clock rate was stripped do not keep a list from being empty (§5.8).
    operations::restore_if_empty(list, &original, section.rejected, options, report);
}

/// Step 7: the list, and the original list with the receiver's former codecs merged in.
fn receiver_list(receiver: &mut MediaCodecs, own: Vec<Entry>, options: &CodecOptions) -> Original {
    let mut original = Original::of(own.into());
    if options.reuse_codecs {
        let gone = populate::refresh(&mut receiver.list, original.own(), true);
        original.merge(gone.iter());
    } else {
        let former = std::mem::replace(&mut receiver.list, populate::anew(Arc::clone(original.own())));
        original.merge(former.entries().iter().rev());
    }
    original
}
