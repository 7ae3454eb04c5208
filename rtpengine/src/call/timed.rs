//! What a call does at a time of its own, to the millisecond: packets that leave later, and features that asked to be woken.
//!
//! A feature asks with [`Plane::wake_at`](crate::flow::Plane::wake_at) from wherever it works on the call; the shard is told after each
//! datagram, command, alarm and tick, and [`Call::run_due`] comes to [`Call::woken`] in time.

use std::time::Instant;

use super::Call;
use super::ctx::{Ctx, Transmit};
use crate::flow::{Place, Purpose, Turn, Wake};

impl Call {
    /// When [`Call::run_due`] has something to do next, if the shard has to be told: once for each new, earlier moment. Costs nothing
    /// for a call that has planned nothing.
    #[inline]
    pub fn next_due(&mut self) -> Option<Instant> {
        self.plane.alarm_due()
    }

    /// Carries out what is due.
    pub fn run_due<T: Transmit>(&mut self, ctx: &mut Ctx<'_>, turn: &mut Turn<'_, T>) {
        while let Some(wake) = self.plane.run_due(turn) {
            self.woken(wake, ctx, turn);
        }
    }

    /// A T.38 gateway has samples to make.
    fn fax_woken<T: Transmit>(&mut self, place: Place, turn: &mut Turn<'_, T>) {
        #[cfg(feature = "codec")]
        if let Place::Stream(image) = place {
            self.plane.run_fax(turn, image);
        }
        #[cfg(not(feature = "codec"))]
        let _ = (place, turn);
    }

    /// A moment that somebody asked for.
    fn woken<T: Transmit>(&mut self, wake: Wake, ctx: &mut Ctx<'_>, turn: &mut Turn<'_, T>) {
        match wake.purpose {
            Purpose::Dtmf => self.expire_dtmf(ctx.now.instant),
            Purpose::Fax => self.fax_woken(wake.place, turn),
            Purpose::Player => match wake.place {
                Place::Party(party) => self.run_players(party, ctx, turn),
                Place::Stream(stream) => self.plane.run_mixer(turn, stream, &ctx.settings.instance_id),
                Place::Call | Place::Media(_) | Place::Edge(_) => {}
            },
            Purpose::JitterBuffer | Purpose::DelayBuffer => {
                if let Place::Stream(stream) = wake.place {
                    self.plane.run_buffers(turn, stream, wake.purpose);
                }
            }
            Purpose::Dtx => {
                if let Place::Stream(stream) = wake.place {
                    self.plane.run_gaps(turn, stream);
                }
            }
        }
    }
}
