//! RTCP reports: what received ones tell about quality, and those the daemon sends itself (media-plane.md §13.5, §13.6).

use std::time::{Duration, Instant};

use rtpengine_common::rtcp::{
    Compound, Element, NtpTime, ReportBlock, SdesItemType, SenderInfo, XrBlock, write_sdes,
    write_sender_report,
};

use crate::call::ctx::{Now, Transmit};
use crate::call::ids::StreamId;

use super::events::{Events, Notice};
use super::mos::Conditions;
use super::plane::{MediaPlane, Plane, Turn};
use super::quality::QualitySample;
use super::ssrc::SsrcEntry;
use super::stream::{Component, Stream};

/// Report blocks of one generated packet.
const MAX_BLOCKS: usize = 30;
/// Spread added to each interval.
const SPREAD_MS: u64 = 1000;

/// What generated RTCP needs to know.
#[derive(Clone, Copy, Debug)]
pub struct ReportOptions<'a> {
    /// `--rtcp-interval`
    pub interval: Duration,
    /// CNAME: the instance id, 12 hexadecimal digits.
    pub cname: &'a str,
    /// A fresh random number.
    pub random: u64,
}

/// A report that was sent.
struct Generated {
    media: usize,
    ssrc: u32,
    ntp: NtpTime,
    blocks: Vec<ReportBlock>,
}

impl Plane {
    /// Takes in the reports of a compound packet that came for a stream.
    pub(super) fn take_reports(&mut self, id: StreamId, bytes: &[u8], now: Now, events: &mut Events) {
        let Some(media) = self.transport(id).map(|stream| stream.media.index()) else { return };
        let Ok(compound) = Compound::parse(bytes) else { return };
        for packet in compound.packets() {
            match packet.element() {
                Element::SenderReport(report) => {
                    self.note_report(media, report.ssrc, report.info.ntp.middle(), now.instant);
                    report
                        .blocks()
                        .for_each(|block| self.take_block(media, id, report.ssrc, &block, now, events));
                }
                Element::ReceiverReport(report) => {
                    report
                        .blocks()
                        .for_each(|block| self.take_block(media, id, report.ssrc, &block, now, events));
                }
                Element::ExtendedReport(report) => {
                    report
                        .blocks()
                        .flatten()
                        .for_each(|block| self.take_xr(media, report.ssrc, &block, now.instant));
                }
                _ => {}
            }
        }
    }

    fn note_report(&mut self, media: usize, sender: u32, ntp_middle: u32, now: Instant) {
        if let Some(media) = self.medias.get_mut(media) {
            media.ssrc_in.touch(sender).0.quality_mut().note_report(ntp_middle, now);
        }
    }

    fn take_xr(&mut self, media: usize, sender: u32, block: &XrBlock<'_>, now: Instant) {
        let Some(plane) = self.medias.get_mut(media) else { return };
        match block {
            XrBlock::ReferenceTime(time) => self.note_report(media, sender, time.middle(), now),
            XrBlock::VoipMetrics(metrics) => {
                plane.ssrc_in.touch(sender).0.quality_mut().note_voip_delay(metrics.round_trip_delay);
            }
            _ => {}
        }
    }

    /// One report block: `reporter` about what we sent to `media`.
    fn take_block(
        &mut self,
        media: usize,
        stream: StreamId,
        reporter: u32,
        block: &ReportBlock,
        now: Now,
        events: &mut Events,
    ) {
        if block.last_sr == 0 || block.delay_since_last_sr == 0 {
            return;
        }
        let Some(source) = self.medias.get(media).and_then(|media| media.ssrc_out.get(block.ssrc)) else {
            return;
        };
        let Some(payload_type) = source.most_used_payload_type() else {
            events.push(now.instant, stream, Notice::ReportWithoutPayloadType {});
            return;
        };
        let Some(clock_rate @ 1..) = self.clock_rate(media, payload_type) else {
            events.push(now.instant, stream, Notice::ReportInvalidPayloadType { payload_type });
            return;
        };
        let delay = Duration::from_micros(NtpTime::delay_micros(block.delay_since_last_sr));
        let sender = self.medias.iter_mut().find_map(|media| {
            let quality = media.ssrc_in.get_mut(block.ssrc)?.quality_mut();
            quality.knows_report(block.last_sr).then_some(quality)
        });
        let trip = sender.and_then(|sender| sender.round_trip_us(block.last_sr, delay, now.instant));
        let rtt_leg_us = trip.unwrap_or(0);
        let mos = self.mos;
        let Some(media) = self.medias.get_mut(media) else { return };
        let quality = media.ssrc_in.touch(reporter).0.quality_mut();
        let conditions = Conditions {
            rtt_us: quality.end_to_end_us(rtt_leg_us),
            jitter_ms: u32::try_from(u64::from(block.jitter) * 1000 / u64::from(clock_rate))
                .unwrap_or(u32::MAX),
            loss_percent: (u16::from(block.fraction_lost) * 100 / 256) as u8,
            clock_rate,
        };
        let sample = QualitySample {
            reported_us: now.unix_us,
            mos: mos.score(conditions).unwrap_or(0),
            rtt_us: conditions.rtt_us,
            rtt_leg_us,
            jitter_ms: conditions.jitter_ms,
            loss_percent: conditions.loss_percent,
        };
        if quality.add(sample, now.instant) {
            events.tally.quality.add(&sample);
        }
    }

    /// Clock rate of a payload type among the medias that count at `media`.
    fn clock_rate(&self, media: usize, payload_type: u8) -> Option<u32> {
        let streams = self.streams.iter().enumerate().filter(|(at, stream)| {
            stream.component == Component::Rtp
                && self.transport(StreamId::at(*at)).is_some_and(|transport| transport.media.index() == media)
        });
        let mut known = streams.filter_map(|(_, stream)| stream.spec.payload_types.as_ref());
        known.find_map(|types| types.clock_rate(payload_type))
    }

    /// When [`Plane::generate_reports`] has something to do next.
    #[must_use]
    pub fn next_report(&self) -> Option<Instant> {
        self.medias.iter().filter_map(|media| media.report_due).min()
    }

    /// Sends the reports that are due (media-plane.md §13.5), and plans the next ones. To be called once per tick, or at
    /// [`Plane::next_report`].
    pub fn generate_reports<T: Transmit>(&mut self, turn: &mut Turn<'_, T>, options: &ReportOptions<'_>) {
        // Accounted only when all are written: each tells of what was known before this turn.
        let mut generated = Vec::new();
        for at in 0..self.streams.len() {
            let stream = &self.streams[at];
            if stream.component != Component::Rtp || stream.spec.head.is_some() {
                continue;
            }
            let (generates, media) = (stream.spec.generate_rtcp, stream.media.index());
            let Some(plane) = self.medias.get_mut(media) else { continue };
            if !generates {
                plane.report_due = None;
                continue;
            }
            let spread = options.random.rotate_left(media as u32 * 11) % SPREAD_MS;
            let next = turn.now.instant + options.interval + Duration::from_millis(spread);
            match plane.report_due {
                Some(due) if due > turn.now.instant => {}
                Some(_) => {
                    plane.report_due = Some(next);
                    self.report_media(turn, StreamId::at(at), (media, None), options.cname, &mut generated);
                }
                None => plane.report_due = Some(next),
            }
        }
        for report in &generated {
            self.account_generated(turn, report);
        }
    }

    /// Sends a sender report about one SSRC that goes out of a stream: that of a player (media-plane.md §13.5 rule 7).
    pub fn report_source<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        id: StreamId,
        ssrc: u32,
        cname: &str,
    ) {
        let Some(media) = self.transport(id).map(|stream| stream.media.index()) else { return };
        let mut generated = Vec::new();
        self.report_media(turn, id, (media, Some(ssrc)), cname, &mut generated);
        for report in &generated {
            self.account_generated(turn, report);
        }
    }

    /// One packet for each SSRC we send to a media, or for the one named.
    fn report_media<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        id: StreamId,
        (media, only): (usize, Option<u32>),
        cname: &str,
        generated: &mut Vec<Generated>,
    ) {
        let Some(plane) = self.medias.get(media) else { return };
        let now = turn.now;
        let ntp = NtpTime::from_unix(Duration::from_micros(now.unix_us));
        let sources = plane.ssrc_in.by_recency().into_iter().filter(|entry| entry.packets() > 0);
        let blocks: Vec<ReportBlock> =
            sources.take(MAX_BLOCKS).map(|entry| entry.report_block(now.instant)).collect();
        let wanted = |entry: &&SsrcEntry| entry.packets() > 0 && only.is_none_or(|ssrc| entry.ssrc() == ssrc);
        let sent = plane.ssrc_out.by_recency().into_iter().filter(wanted);
        let senders: Vec<(u32, SenderInfo)> =
            sent.map(|entry| (entry.ssrc(), entry.sender_info(ntp))).collect();
        let to = self.report_stream(id, plane);
        for (ssrc, info) in senders {
            let mid = self.mid_of(id, ssrc).map(Box::<[u8]>::from);
            let mut items = vec![(SdesItemType::Cname, cname.as_bytes())];
            items.extend(mid.as_deref().map(|mid| (SdesItemType::from_number(15), mid)));
            let mut packet = Vec::with_capacity(128);
            write_sender_report(&mut packet, ssrc, &info, &blocks);
            write_sdes(&mut packet, &[(ssrc, &items)]);
            turn.spare.copy_from(&packet);
            self.send_spare_rtcp(turn, to);
            generated.push(Generated { media, ssrc, ntp, blocks: blocks.clone() });
        }
    }

    /// The RTCP stream where it has a port, else the RTP stream: muxed.
    fn report_stream(&self, rtp: StreamId, media: &MediaPlane) -> StreamId {
        let separate =
            media.rtcp.filter(|id| self.stream(*id).is_some_and(|stream| stream.selected().is_some()));
        separate.unwrap_or(rtp)
    }

    /// A generated report counts as if it had been received from the side whose packets it is about (rule 6).
    fn account_generated<T>(&mut self, turn: &mut Turn<'_, T>, report: &Generated) {
        let Some((origin, stream)) = self.origin(report.media, report.ssrc) else { return };
        self.note_report(origin, report.ssrc, report.ntp.middle(), turn.now.instant);
        for block in &report.blocks {
            self.take_block(origin, stream, report.ssrc, block, turn.now, turn.events);
        }
    }

    /// The MID of the media that a source sent out of the head of a bundle belongs to.
    fn mid_of(&self, head: StreamId, ssrc: u32) -> Option<&[u8]> {
        let bundle = self.streams[head.index()].spec.bundle.as_ref()?;
        let member = |to: StreamId| bundle.members.iter().find(|member| member.stream == to);
        let comes_from = |id: StreamId| {
            let media = self.transport(id).and_then(|stream| self.medias.get(stream.media.index()));
            let entry = media.and_then(|media| media.ssrc_in.get(ssrc));
            entry.is_some_and(|entry| entry.member.is_none_or(|member| member == id))
        };
        let sources = (0..self.streams.len()).map(StreamId::at).filter(|&id| comes_from(id));
        let mut sinks = sources.flat_map(|id| self.streams[id.index()].spec.rtp.iter().map(|sink| sink.to));
        let of = sinks.find_map(member).or_else(|| member(head))?;
        Some(&*of.mid).filter(|mid| !mid.is_empty())
    }

    /// The media an SSRC that is sent to `media` comes from, and its stream.
    fn origin(&self, media: usize, ssrc: u32) -> Option<(usize, StreamId)> {
        let leads_here = |stream: &Stream| {
            stream
                .spec
                .rtp
                .iter()
                .any(|sink| self.transport(sink.to).is_some_and(|to| to.media.index() == media))
        };
        (0..self.streams.len()).map(StreamId::at).find_map(|id| {
            let origin = self.transport(id).filter(|_| leads_here(&self.streams[id.index()]))?.media.index();
            self.medias.get(origin)?.ssrc_in.get(ssrc).map(|_| (origin, id))
        })
    }
}

impl SsrcEntry {
    /// What we tell the sender of this SSRC.
    fn report_block(&self, now: Instant) -> ReportBlock {
        let expected = self.packets() + u64::from(self.lost());
        let last = self.quality().and_then(|quality| quality.last_report(now));
        ReportBlock {
            ssrc: self.ssrc(),
            fraction_lost: u8::try_from(u64::from(self.lost()) * 256 / expected.max(1)).unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(self.lost()).unwrap_or(i32::MAX),
            highest_sequence: self.extended_sequence(),
            jitter: self.jitter_times_16() >> 4,
            last_sr: last.map_or(0, |(middle, _)| middle),
            delay_since_last_sr: last.map_or(0, |(_, age)| NtpTime::delay_units(age)),
        }
    }

    /// What we tell the receiver of this SSRC about it.
    fn sender_info(&self, ntp: NtpTime) -> SenderInfo {
        SenderInfo {
            ntp,
            rtp_timestamp: self.last_timestamp(),
            packet_count: self.packets() as u32,
            octet_count: self.bytes() as u32,
        }
    }
}
