//! Packet times of a media (`codecs.md` §12, `sdp.md` §17.3).

use super::message::MediaCodecs;

/// Packet times of a media in ms, 0 = not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketTime {
    /// What `a=ptime` prints towards this party, and how its encoders pack.
    pub ptime: u32,
    /// What `a=maxptime` prints.
    pub maxptime: u32,
    /// The value was set by `ptime` or `ptime-reverse`; SDP does not change it any more.
    pub overridden: bool,
}

/// Takes the packet times of a message over, before its codecs are negotiated.
///
/// `ptime` and `maxptime` are the received attributes, 0 if absent. `set_receiver` and `set_sender` are the options `ptime`
/// and `ptime-reverse` of an offer; pass 0 in answers, where they have no effect. Either option locks both medias against
/// received values, from the next message on.
pub fn apply_packet_times(
    sender: &mut MediaCodecs,
    receiver: &mut MediaCodecs,
    ptime: u32,
    maxptime: u32,
    set_receiver: u32,
    set_sender: u32,
) {
    let medias = [(&mut sender.packet_time, set_sender), (&mut receiver.packet_time, set_receiver)];
    for (times, set) in medias {
        times.maxptime = maxptime;
        if ptime != 0 && !times.overridden {
            times.ptime = ptime;
        }
        if set != 0 {
            times.ptime = set;
        }
        times.overridden |= set_receiver != 0 || set_sender != 0;
    }
}
