//! rtcp-mux of both sides of an exchange (media-plane.md §6 rules 6 to 8, sdp.md §9.2).

use rtpengine_common::ng::RtcpMux;

use super::media::{Media, MediaFlags};

/// The `rtcp-mux` list of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MuxOptions {
    /// `offer`
    pub offer: bool,
    /// `require`
    pub require: bool,
    /// `demux`
    pub demux: bool,
    /// `accept`
    pub accept: bool,
    /// `reject`
    pub reject: bool,
}

impl From<&RtcpMux> for MuxOptions {
    fn from(mux: &RtcpMux) -> Self {
        Self {
            offer: mux.offer,
            require: mux.require,
            demux: mux.demux,
            accept: mux.accept,
            reject: mux.reject,
        }
    }
}

/// An offer: decides what the receiver is offered, and whether the answer follows the receiver's choice. `options.require` is switched on for the rest of the
/// message when the receiver muxes already, since its RTCP port may be gone.
pub(super) fn offer(sender: &mut Media, receiver: &mut Media, options: &mut MuxOptions) {
    let offered = sender.has(MediaFlags::RTCP_MUX);
    if receiver.has(MediaFlags::RTCP_MUX) {
        options.require = true;
    } else {
        receiver.flags.set(MediaFlags::RTCP_MUX, offered);
    }
    if options.demux && !(options.offer || options.require) {
        receiver.flags.remove(MediaFlags::RTCP_MUX);
    } else if options.offer || options.require {
        receiver.flags.insert(MediaFlags::RTCP_MUX);
    }
    let forwarded = receiver.has(MediaFlags::RTCP_MUX);
    let fixed = match (offered, forwarded) {
        (true, true) => options.accept || options.reject,
        (true, false) | (false, _) => true,
    };
    receiver.flags.set(MediaFlags::RTCP_MUX_OVERRIDE, fixed);
    // Where both are given for a choice that is the receiver's, `accept` counts.
    if offered && options.reject && !(forwarded && options.accept) {
        sender.flags.remove(MediaFlags::RTCP_MUX);
    }
}

/// An answer of `sender` to `receiver`: the offerer gets the answerer's choice unless the offer fixed it.
pub(super) fn answer(sender: &Media, receiver: &mut Media) {
    if !sender.has(MediaFlags::RTCP_MUX_OVERRIDE) {
        receiver.flags.set(MediaFlags::RTCP_MUX, sender.has(MediaFlags::RTCP_MUX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ids::PartyId;

    fn media(mux: bool) -> Media {
        let mut media = Media::new(PartyId(0), 1);
        media.flags.set(MediaFlags::RTCP_MUX, mux);
        media
    }

    /// The table of sdp.md §9.2: offered by the sender, options, towards the receiver, answered by the receiver, answered to the sender.
    #[test]
    fn sdp_9_2_table() {
        let none = MuxOptions::default();
        let offer_ = MuxOptions { offer: true, ..none };
        let require = MuxOptions { offer: true, require: true, ..none };
        let demux = MuxOptions { demux: true, ..none };
        let demux_reject = MuxOptions { demux: true, reject: true, ..none };
        let accept = MuxOptions { accept: true, ..none };
        let reject = MuxOptions { reject: true, ..none };
        let both = MuxOptions { accept: true, reject: true, ..none };
        let rows = [
            (false, none, false, true, false),
            (false, accept, false, true, false),
            (false, reject, false, false, false),
            (false, demux, false, false, false),
            (false, offer_, true, true, false),
            (false, offer_, true, false, false),
            (false, require, true, true, false),
            (true, none, true, true, true),
            (true, none, true, false, false),
            (true, offer_, true, true, true),
            (true, require, true, true, true),
            (true, require, true, false, false),
            (true, demux, false, false, true),
            (true, demux, false, true, true),
            (true, demux_reject, false, true, false),
            (true, accept, true, false, true),
            (true, reject, true, true, false),
            (true, both, true, false, true),
        ];
        for (offered, options, forwarded, answered, result) in rows {
            let (mut a, mut b) = (media(offered), media(false));
            let mut used = options;
            offer(&mut a, &mut b, &mut used);
            assert_eq!(b.has(MediaFlags::RTCP_MUX), forwarded, "towards the receiver: {offered} {options:?}");
            b.flags.set(MediaFlags::RTCP_MUX, answered);
            answer(&b, &mut a);
            assert_eq!(
                a.has(MediaFlags::RTCP_MUX),
                result,
                "to the sender: {offered} {options:?} {answered}"
            );
        }
    }

    #[test]
    fn a_party_that_muxes_already_gets_no_fallback_port() {
        let (mut a, mut b) = (media(false), media(true));
        let mut options = MuxOptions::default();
        offer(&mut a, &mut b, &mut options);
        assert!(options.require && b.has(MediaFlags::RTCP_MUX));
    }
}
