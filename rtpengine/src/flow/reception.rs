//! The way of a datagram from the socket to its sinks (media-plane.md §3.2).

use rtpengine_common::rtp::{PacketIndex, is_dtls, is_rtcp, is_stun};

use crate::call::ctx::Transmit;
use crate::call::ids::StreamId;

use super::events::{Notice, Tally};
use super::ingress::RtpFields;
use super::learn::{Refusal, Sight};
use super::packet::{MAX_PACKET, Packet};
use super::plane::{Arrival, DropCause, Outcome, Plane, Received, Turn};
use super::rtcp;
use super::spec::FlowKind;
use super::ssrc::Tracked;

impl Received {
    const ACCEPTED: Self = Self { outcome: Outcome::Accepted, error: false };

    fn dropped(cause: DropCause) -> Self {
        Self { outcome: Outcome::Dropped(cause), error: false }
    }
}

impl Plane {
    /// Handles one datagram. What is left to others comes back untouched as [`Outcome::Stun`] or [`Outcome::Dtls`].
    pub fn receive<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
    ) -> Received {
        // Step 1
        if self.streams.get(arrival.stream.index()).is_none_or(|stream| stream.places.is_empty()) {
            return Received::dropped(DropCause::NoSocket);
        }
        if self.drop_traffic {
            return Received::dropped(DropCause::TrafficDropped);
        }
        if self.crypto_stale {
            self.plan_crypto();
        }
        let stream = &self.streams[arrival.stream.index()];
        if packet.len() >= MAX_PACKET {
            turn.events.push(turn.now.instant, arrival.stream, Notice::Truncated {});
        }
        // Step 2
        if stream.spec.ice && is_stun(packet.bytes()) {
            return Received { outcome: Outcome::Stun, error: false };
        }
        self.after_stun(turn, arrival, packet)
    }

    /// Goes on with a datagram that [`Plane::receive`] gave back and that was not taken as what it looked like.
    pub fn resume<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
        looked_like: Outcome,
    ) -> Received {
        match looked_like {
            Outcome::Stun => self.after_stun(turn, arrival, packet),
            Outcome::Dtls => self.after_dtls(turn, arrival, packet),
            Outcome::Accepted | Outcome::Dropped(_) => Received { outcome: looked_like, error: false },
        }
    }

    /// Steps 3 and 4.
    fn after_stun<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
    ) -> Received {
        let Some(stream) = self.streams.get(arrival.stream.index()) else {
            return Received::dropped(DropCause::NoSocket);
        };
        if stream.spec.ice && !stream.authenticated(arrival.socket, arrival.source) {
            return Received::dropped(DropCause::NotAuthenticated);
        }
        if stream.spec.dtls && is_dtls(packet.bytes()) {
            return Received { outcome: Outcome::Dtls, error: false };
        }
        self.after_dtls(turn, arrival, packet)
    }

    /// Steps 5 to 14.
    fn after_dtls<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
    ) -> Received {
        let Some(stream) = self.streams.get(arrival.stream.index()) else {
            return Received::dropped(DropCause::NoSocket);
        };
        if stream.spec.loop_check && !self.admitted_by_loop_check(turn, arrival, packet.bytes()) {
            return Received::dropped(DropCause::Loop);
        }
        if self.streams[arrival.stream.index()].spec.kind == FlowKind::Raw {
            return self.receive_raw(turn, arrival, packet);
        }
        if is_rtcp(packet.bytes()) {
            return self.receive_rtcp(turn, arrival, packet);
        }
        match RtpFields::read(packet.bytes()) {
            Some(header) => self.receive_rtp(turn, arrival, packet, header),
            None => self.receive_raw(turn, arrival, packet),
        }
    }

    fn admitted_by_loop_check<T>(&mut self, turn: &mut Turn<'_, T>, arrival: Arrival, bytes: &[u8]) -> bool {
        let memory = &mut self.streams[arrival.stream.index()].rare_mut().loop_memory;
        let admitted = memory.admits(bytes, turn.now.instant);
        if !admitted {
            turn.events.push(turn.now.instant, arrival.stream, Notice::Loop { from: arrival.source });
        }
        admitted
    }

    /// What is not RTP, or not to be read as such, goes unmodified to the RTP sinks.
    fn receive_raw<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
    ) -> Received {
        if self.deciphers(arrival.stream) {
            return self.refuse(arrival.stream, DropCause::Crypto);
        }
        if !self.accept_source(turn, arrival, false) {
            return self.refuse(arrival.stream, DropCause::Source);
        }
        self.count_in(turn, arrival, arrival.stream, packet.len());
        self.pass_on(turn, arrival, packet, None);
        Received::ACCEPTED
    }

    fn receive_rtp<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
        header: RtpFields,
    ) -> Received {
        // Step 8
        let (handled, member) = self.demultiplex(arrival.stream, packet.bytes(), &header);
        // Step 9
        let datagram_len = packet.len();
        let stream = &self.streams[handled.index()];
        let Some(media) = self.medias.get_mut(stream.media.index()) else {
            return Received::dropped(DropCause::NoSocket);
        };
        media.count_payload_type(header.payload_type, datagram_len);
        let clock_rate = match &stream.spec.payload_types {
            Some(known) => known.clock_rate(header.payload_type).ok_or(()),
            None => Ok(0),
        };
        let unknown = clock_rate.is_err();
        let ciphered = self.deciphers(handled);
        let event =
            stream.spec.payload_types.as_ref().is_some_and(|known| known.is_event(header.payload_type));
        let Some(media) = self.ssrc_media(handled) else {
            return Received::dropped(DropCause::NoSocket);
        };
        let (before, index) = Self::estimate_index(media, &header, ciphered);
        // Step 10
        if ciphered {
            let (events, now) = (&mut *turn.events, turn.now.instant);
            let mut say = |notice| events.push(now, handled, notice);
            if self.unprotect_rtp(handled, packet, &header, index, &mut say).is_err() {
                self.keep_index(handled, header.ssrc, before);
                return self.refuse(handled, DropCause::Crypto);
            }
        }
        if member.is_some()
            && let Some(media) = self.ssrc_media(handled)
        {
            media.ssrc_in.touch(header.ssrc).0.member = member;
        }
        // Step 12
        if !self.accept_source(turn, arrival, false) {
            return self.refuse(handled, DropCause::Source);
        }
        // Step 13
        self.count_in(turn, arrival, handled, datagram_len);
        let stream = &mut self.streams[handled.index()];
        if unknown {
            stream.incoming.errors += 1;
            let notice =
                Notice::UnknownPayloadType { payload_type: header.payload_type, from: arrival.source };
            turn.events.push(turn.now.instant, handled, notice);
        }
        if let Some(media) = self.ssrc_media(handled) {
            let (entry, _) = media.ssrc_in.touch(header.ssrc);
            entry.count(packet.len(), header.timestamp, header.payload_type);
            if let Some(found) = entry.track(header.sequence_number) {
                tally(&mut turn.events.tally, found);
            }
            if let Ok(rate @ 1..) = clock_rate {
                entry.measure_jitter(turn.now.unix_us, header.timestamp, rate);
            }
        }
        if event && !self.streams[handled.index()].is_ciphered() {
            let clock = clock_rate.unwrap_or(0);
            self.watch_event((handled, arrival.source), &header, packet.bytes(), clock, turn.now.unix_us);
        } else if self.streams[handled.index()].listens() {
            self.listen(handled, packet.bytes(), &header, turn.now.unix_us);
        }
        // Step 14
        self.pass_on(turn, Arrival { stream: handled, ..arrival }, packet, Some(&header));
        Received { outcome: Outcome::Accepted, error: unknown }
    }

    fn receive_rtcp<T: Transmit>(
        &mut self,
        turn: &mut Turn<'_, T>,
        arrival: Arrival,
        packet: &mut Packet,
    ) -> Received {
        let (events, now) = (&mut *turn.events, turn.now.instant);
        let mut say = |notice| events.push(now, arrival.stream, notice);
        let datagram_len = packet.len();
        let ciphered = self.streams[arrival.stream.index()].spec.srtp;
        if ciphered && self.unprotect_rtcp(arrival.stream, packet, &mut say).is_err() {
            return self.refuse(arrival.stream, DropCause::Crypto);
        }
        let survey = rtcp::survey(packet.bytes(), &mut say);
        let Ok(survey) = survey else {
            return self.refuse(arrival.stream, DropCause::InvalidRtcp);
        };
        if !self.accept_source(turn, arrival, !survey.has_app) {
            return self.refuse(arrival.stream, DropCause::Source);
        }
        turn.events.received_rtcp(packet.bytes());
        let handled = self.demultiplex_rtcp(arrival.stream, packet.bytes());
        self.count_in(turn, arrival, handled, datagram_len);
        self.take_reports(handled, packet.bytes(), turn.now, turn.events);
        if !self.streams[handled.index()].spec.rtcp_terminated {
            self.forward_rtcp(turn, Arrival { stream: handled, ..arrival }, packet);
        }
        Received::ACCEPTED
    }

    /// With replay protection a packet that was not taken leaves no trace in the index either; without it the estimate stays
    /// (media-plane.md §9.4 rule 3).
    fn keep_index(&mut self, id: StreamId, ssrc: u32, before: PacketIndex) {
        if self.replay_window != 0
            && let Some(entry) = self.ssrc_media(id).and_then(|media| media.ssrc_in.get_mut(ssrc))
        {
            entry.set_index(before);
        }
    }

    /// Whether RTP of a stream is deciphered on arrival.
    fn deciphers(&self, stream: StreamId) -> bool {
        let stream = &self.streams[stream.index()];
        stream.spec.srtp && !stream.untouched && stream.spec.kind != FlowKind::Raw
    }

    fn count_in<T>(&mut self, turn: &Turn<'_, T>, arrival: Arrival, handled: StreamId, bytes: usize) {
        self.streams[arrival.stream.index()].received = true;
        let stream = &mut self.streams[handled.index()];
        stream.received = true;
        stream.incoming.count(bytes);
        stream.last_packet = turn.now.instant;
    }

    fn refuse(&mut self, stream: StreamId, cause: DropCause) -> Received {
        self.streams[stream.index()].incoming.errors += 1;
        Received { outcome: Outcome::Dropped(cause), error: true }
    }

    /// Source check and learning (step 12; media-plane.md §4.3). `false`: the datagram is to be dropped.
    fn accept_source<T>(&mut self, turn: &mut Turn<'_, T>, arrival: Arrival, plain_rtcp: bool) -> bool {
        let stream = &mut self.streams[arrival.stream.index()];
        if !stream.peer.filled || !stream.spec.own_sdp {
            return true;
        }
        let policy = stream.spec.source;
        let confirmed = stream.is_confirmed(arrival.socket);
        let quiet =
            confirmed && !(policy.strict || policy.handover || policy.unidirectional || stream.spec.ice);
        if quiet {
            return true;
        }
        if plain_rtcp && !confirmed && stream.spec.kind == FlowKind::Rtp {
            return true;
        }
        self.learn(turn, arrival, confirmed)
    }

    #[cold]
    fn learn<T>(&mut self, turn: &mut Turn<'_, T>, arrival: Arrival, confirmed: bool) -> bool {
        let last_signal = self.last_signal;
        let stream = &mut self.streams[arrival.stream.index()];
        let policy = stream.spec.source;
        let Some(selected) = stream.selected().copied() else { return false };
        let position = stream.position(arrival.socket);
        let local = stream.socket(arrival.socket).unwrap_or(selected);
        let step = stream.peer.observe(&Sight {
            source: arrival.source,
            policy,
            ice: stream.spec.ice,
            last_signal,
            now: turn.now.instant,
            confirmed,
            selected: selected.key == arrival.socket,
            owner_expects: if policy.asymmetric { stream.peer.learned } else { stream.peer.endpoint },
            family_fits: local.address.is_ipv4() == arrival.source.is_ipv4(),
        });
        let mut say = |notice| turn.events.push(turn.now.instant, arrival.stream, notice);
        if step.confirm {
            stream.set_confirmed(arrival.socket, true);
        }
        if let Some((Some(from), to)) = step.moved {
            say(Notice::PeerChanged { from, to });
        }
        if let Some(peer) = step.confirmed_as {
            say(Notice::PeerConfirmed { peer });
        }
        if let Some(peer) = step.handover {
            say(Notice::PeerHandover { peer });
            stream.set_confirmed(arrival.socket, false);
        }
        if let Some(peer) = step.wrong_family {
            say(Notice::FamilyMismatch { peer, local: local.address });
        }
        if step.switch && selected.key != arrival.socket {
            match position {
                Some(at) => {
                    stream.selected = at;
                    say(Notice::SocketSwitched { from: selected.address, to: local.address });
                }
                None => say(Notice::SocketNotInList { from: selected.address, to: local.address }),
            }
        }
        if let Some(refusal) = step.refused {
            say(match refusal {
                Refusal::WorseThan(best) => Notice::StrictSourceLearning { got: arrival.source, best },
                Refusal::Foreign { expected } => Notice::StrictSource {
                    got: arrival.source,
                    on: local.address,
                    expected: expected.unwrap_or(arrival.source),
                    selected: selected.address,
                },
            });
        }
        if step.touch_signal {
            self.last_signal = Some(turn.now.instant);
        }
        if policy.unidirectional {
            self.confirm_sinks(arrival.stream, true);
        }
        if step.handover.is_some() {
            self.confirm_sinks(arrival.stream, false);
        }
        step.refused.is_none()
    }

    /// Confirms or unconfirms the selected sockets of all sinks of a stream.
    fn confirm_sinks(&mut self, stream: StreamId, confirmed: bool) {
        let sinks = self.streams[stream.index()].spec.sink_streams();
        for sink in sinks {
            if let Some(sink) = self.streams.get_mut(sink.index()) {
                sink.confirm_selected(confirmed);
            }
        }
    }
}

#[cold]
fn tally(tally: &mut Tally, found: Tracked) {
    tally.lost += found.lost;
    tally.duplicates += u32::from(found.duplicate);
    tally.skips += found.skipped;
    tally.resets += u32::from(found.reset);
    tally.reordered += u32::from(found.reordered);
}
