//! RTCP beside transcoded RTP: what reports say is made to fit what was sent and received here (media-plane.md §13.4).

use rtpengine_common::rtcp::{Measurement, Rewrite, SenderCounts, rewrite};

use crate::call::ids::StreamId;

use super::plane::{MediaPlane, Plane};

/// The figures of the media that reports go to. SSRCs stay: transcoded streams keep those of their sources (codecs.md §14.1).
struct Figures<'a>(&'a MediaPlane);

impl Rewrite for Figures<'_> {
    fn sender(&mut self, ssrc: u32) -> u32 {
        ssrc
    }

    fn source(&mut self, ssrc: u32) -> u32 {
        ssrc
    }

    fn sender_counts(&mut self, ssrc: u32) -> Option<SenderCounts> {
        let sent = self.0.ssrc_out.get(ssrc).filter(|sent| sent.packets() != 0)?;
        Some(SenderCounts {
            packets: sent.packets() as u32,
            octets: sent.bytes() as u32,
            rtp_timestamp: sent.last_timestamp(),
        })
    }

    /// What we received of a source is what its sender is told: the far side counts what we made of it.
    fn measurement(&mut self, ssrc: u32) -> Option<Measurement> {
        let received = self.0.ssrc_in.get(ssrc).filter(|received| received.packets() != 0)?;
        Some(Measurement {
            packets: received.packets() as u32,
            lost: received.lost(),
            duplicates: received.duplicates(),
            highest_sequence: received.extended_sequence(),
        })
    }
}

impl Plane {
    /// Rewrites a compound packet that leaves through `to`, on a link whose RTP is transcoded.
    pub(super) fn translate_reports(&self, to: StreamId, packet: &mut [u8]) {
        let Some(media) = self.transport(to).and_then(|stream| self.medias.get(stream.media.index())) else {
            return;
        };
        rewrite(packet, &mut Figures(media));
    }
}
