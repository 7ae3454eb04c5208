//! Making a list from SDP (`codecs.md` §§5.1, 5.2).

use std::sync::Arc;

use rtpengine_common::codec::{Codec, Match, compare};

use super::list::{CodecList, Entry};
use super::options::CodecOptions;

/// Lets the codecs of a message inherit from a party's former list (`codecs.md` §5.1(1)) and applies `set` (§3.3).
pub(super) fn inherit(entries: &mut [Entry], former: &CodecList, options: &CodecOptions) {
    for entry in entries {
        let hit = former.get(entry.payload_type);
        if let Some(hit) = hit.filter(|hit| compare(&hit.codec, &entry.codec) != Match::Different) {
            entry.inherit(hit);
        }
        apply_set(entry, options);
    }
}

impl CodecOptions {
    /// The codec of an entry with bit rate and coder options from `set` where it has none of its own.
    #[must_use]
    pub fn applied_to(&self, entry: &Entry) -> Arc<Codec> {
        let mut entry = entry.clone();
        apply_set(&mut entry, self);
        entry.codec
    }
}

/// Takes bit rate and coder options from `set` where the codec has none of its own.
fn apply_set(entry: &mut Entry, options: &CodecOptions) {
    if options.set.is_empty() {
        return;
    }
    let Some(set) = options.set_for(&entry.codec) else { return };
    let bitrate = entry.codec.bitrate == 0 && set.bitrate != 0;
    let coder_options = entry.codec.options.is_none().then(|| set.coder_options()).flatten();
    if !bitrate && coder_options.is_none() {
        return;
    }
    let codec = Arc::make_mut(&mut entry.codec);
    if bitrate {
        codec.bitrate = set.bitrate;
    }
    if coder_options.is_some() {
        codec.options = coder_options;
    }
}

/// A list built anew from these entries; inherited marks for transcoding touch their rates (`codecs.md` §5.1(1)).
pub(super) fn anew(entries: impl Into<Arc<[Entry]>>) -> CodecList {
    let mut list = CodecList::from_entries(entries);
    let mut touched = std::mem::take(&mut list.touched);
    for entry in list.entries() {
        if entry.marks.for_transcoding {
            touched.by(&entry.codec);
        }
    }
    list.touched = touched;
    list
}

/// Brings a list up to date with the SDP without changing its order: same numbers are refreshed in place and keep their
/// marks, others are removed and returned, new codecs go to the end if `append` (`codecs.md` §5.2).
pub(super) fn refresh(list: &mut CodecList, sdp: &[Entry], append: bool) -> Vec<Entry> {
    let in_sdp = |number: u8| sdp.iter().find(|entry| entry.payload_type == number);
    let gone: Vec<Entry> =
        list.entries().iter().filter(|entry| in_sdp(entry.payload_type).is_none()).cloned().collect();
    list.remove(|entry| in_sdp(entry.payload_type).is_none());
    for entry in list.entries_mut() {
        if let Some(new) = in_sdp(entry.payload_type) {
            let mut fresh = new.clone();
            fresh.inherit(entry);
            *entry = fresh;
        }
    }
    if append {
        for new in sdp {
            // A number the list has was refreshed above.
            list.push(new.clone());
        }
    }
    gone
}
