//! What players do while they run: packets in time, and what a new negotiation makes of them.

use std::time::{Duration, Instant};

use rtpengine_common::rtp::RtpHeader;

use super::super::Call;
use super::super::ctx::{Ctx, Transmit};
use super::super::ids::PartyId;
use super::Role;
use crate::flow::{Place, Purpose, Turn, Wake};
use crate::player::source::Position;
use crate::player::{Action, Plan};

/// Interval of a player's sender reports, and what is added at random (players.md §3 rule 10).
const REPORTS: Duration = Duration::from_secs(5);
const REPORT_SPREAD_MS: u64 = 2000;

/// Packets a player may send in a row: a shard that was late goes on with others in between.
const BURST: usize = 16;

impl Call {
    /// Sends what the players of a party have to send.
    pub(in crate::call) fn run_players<T: Transmit>(
        &mut self,
        party: PartyId,
        ctx: &mut Ctx<'_>,
        turn: &mut Turn<'_, T>,
    ) {
        for role in [Role::Media, Role::Announcement] {
            let Some(slot) = self.players.slot_mut(party, role) else { continue };
            let Some((_, stream)) = slot.target else { continue };
            slot.woken = slot.woken.filter(|at| *at > turn.now.instant);
            let mut ended = false;
            let mut next = None;
            for sent in 0..=BURST {
                if sent == BURST {
                    next = Some(turn.now.instant);
                    break;
                }
                let packet = match slot.player.poll(turn.now.instant) {
                    Action::Send(packet) => packet,
                    Action::Wait(until) => {
                        next = Some(until);
                        break;
                    }
                    Action::Ended => {
                        ended = true;
                        break;
                    }
                    Action::Idle => break,
                };
                if slot.mixed {
                    let samples: Vec<i16> = packet
                        .payload
                        .chunks_exact(2)
                        .map(|pair| i16::from_be_bytes([pair[0], pair[1]]))
                        .collect();
                    self.plane.mix_played(stream, packet.ssrc, &samples, turn.now.instant);
                    continue;
                }
                let header = RtpHeader {
                    marker: packet.marker,
                    payload_type: packet.payload_type,
                    sequence_number: packet.sequence_number,
                    timestamp: packet.timestamp,
                    ssrc: packet.ssrc,
                };
                let left = self.plane.send_media(turn, (None, stream), &header, None, packet.payload);
                if left && slot.report_due.is_none_or(|due| due <= turn.now.instant) {
                    slot.report_due = Some(turn.now.instant + REPORTS + random_spread(ctx));
                    self.plane.report_source(turn, stream, header.ssrc, &ctx.settings.instance_id);
                }
            }
            if let Some(at) = next.filter(|at| slot.woken.is_none_or(|woken| *at < woken)) {
                slot.woken = Some(at);
                self.plane.wake_at(at, Wake { purpose: Purpose::Player, place: Place::Party(party) });
            }
            if ended {
                self.stop_blocking(party, role);
                self.end_playback_mixer(party, role, ctx);
            }
        }
    }

    /// What was negotiated anew may want another codec, or cannot be played to any more (players.md §3 rule 13).
    pub(in crate::call) fn refresh_players(&mut self, ctx: &mut Ctx<'_>) {
        for at in 0..self.players.slots.len() {
            let slot = &self.players.slots[at];
            let Some(present) = slot.player.output().cloned() else { continue };
            let (party, role, target) = (slot.party, slot.role, slot.target);
            let (mut wish, media) = (slot.wish.clone(), slot.media.clone());
            let outlet = self.outlet(party, &wish, ctx);
            let mixed = slot.mixed;
            let stays = outlet.as_ref().is_some_and(|outlet| {
                let wanted =
                    if mixed { self.mixed_output(outlet.stream) } else { Some(outlet.output.clone()) };
                wanted.as_ref() == Some(&present) && Some((outlet.media, outlet.stream)) == target
            });
            if stays {
                continue;
            }
            let (heard, left) = (slot.player.heard(), slot.player.repeats_left());
            if outlet.is_some()
                && let Some(media) = media
            {
                wish.plan = resumed(&wish.plan, heard, left, media.duration());
                if self.start_player(party, role, &media, &wish, ctx).is_ok() {
                    continue;
                }
            }
            self.end_player(party, role, ctx.now.instant);
        }
    }

    pub(super) fn end_player(&mut self, party: PartyId, role: Role, now: Instant) {
        if let Some(slot) = self.players.slot_mut(party, role) {
            slot.player.stop(now);
        }
        self.stop_blocking(party, role);
    }
}

/// A plan that goes on where a player is.
fn resumed(plan: &Plan, heard: Duration, left: u32, length: Option<Duration>) -> Plan {
    let length = length.filter(|length| !length.is_zero());
    let passes = length.map_or(0, |length| heard.as_micros() / length.as_micros().max(1));
    let passed = u32::try_from(passes).unwrap_or(u32::MAX);
    let within = length.map_or(heard, |length| heard.saturating_sub(length.saturating_mul(passed)));
    let times = plan.times.saturating_sub(passed).max(left.saturating_add(1)).min(plan.times).max(1);
    Plan { times, from: Position::After(within), ..*plan }
}

fn random_spread(ctx: &mut Ctx<'_>) -> Duration {
    let mut random = [0; 8];
    ctx.random.fill(&mut random);
    Duration::from_millis(u64::from_ne_bytes(random) % REPORT_SPREAD_MS)
}
