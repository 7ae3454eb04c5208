//! Which SRTP keys are offered and answered in `a=crypto` lines (sdp.md §12).

use rtpengine_common::ng::{ByteString, Sdes};
use rtpengine_common::sdp::CryptoParams;
use rtpengine_common::srtp::{SUITES, SessionParameters, Suite};

use super::ctx::Random;

/// The keys of one media: what the peer sent, and what is printed for it.
#[derive(Clone, Debug, Default)]
pub struct SdesKeys {
    /// The lines of the peer's last SDP, as far as they are allowed.
    pub received: Vec<CryptoParams>,
    /// The lines printed towards the peer: several after an offer, one after an answer.
    pub own: Vec<CryptoParams>,
    /// `offerer_pref` moved something in `received`: the answer takes its head (§12.6).
    pub reordered: bool,
}

/// The `SDES` list of a message (§12.3).
#[derive(Clone, Debug, Default)]
pub struct SdesOptions {
    /// Excluded suites.
    pub no: Vec<Suite>,
    /// If not empty: the only suites allowed; `no` is then ignored.
    pub only: Vec<Suite>,
    /// Copy all received suites and add none.
    pub nonew: bool,
    /// Final order of an offer.
    pub order: Vec<Suite>,
    /// Preferred suites of the offerer.
    pub offerer_pref: Vec<Suite>,
    /// Keep what is in use in an answer.
    pub fixed: bool,
    /// Session parameters to set on offered lines.
    pub set: SessionParameters,
    /// Session parameters to clear on offered lines, in an answer on the accepted one.
    pub clear: SessionParameters,
}

impl SdesOptions {
    /// The options of a message. Session parameters are set by offers only, and cleared by both (§12.3).
    #[must_use]
    pub fn from_request(request: &Sdes, answer: bool) -> Self {
        let suites =
            |names: &[ByteString]| names.iter().filter_map(|n| Suite::from_name(n.as_str()?)).collect();
        let params = |wanted: bool| SessionParameters {
            unencrypted_srtp: request.unencrypted_srtp == Some(wanted),
            unencrypted_srtcp: request.unencrypted_srtcp == Some(wanted),
            unauthenticated_srtp: request.unauthenticated_srtp == Some(wanted),
        };
        Self {
            no: suites(&request.exclude),
            only: suites(&request.only),
            nonew: request.no_new,
            order: suites(&request.order),
            offerer_pref: suites(&request.offerer_preference),
            fixed: request.keep,
            set: if answer { SessionParameters::default() } else { params(true) },
            clear: params(false),
        }
    }

    fn excludes(&self, suite: Suite) -> bool {
        if self.only.is_empty() { self.no.contains(&suite) } else { !self.only.contains(&suite) }
    }

    fn apply(&self, params: &mut SessionParameters, set: bool) {
        if set {
            params.unencrypted_srtp |= self.set.unencrypted_srtp;
            params.unencrypted_srtcp |= self.set.unencrypted_srtcp;
            params.unauthenticated_srtp |= self.set.unauthenticated_srtp;
        }
        params.unencrypted_srtp &= !self.clear.unencrypted_srtp;
        params.unencrypted_srtcp &= !self.clear.unencrypted_srtcp;
        params.unauthenticated_srtp &= !self.clear.unauthenticated_srtp;
    }
}

fn position(list: &[CryptoParams], suite: Suite) -> Option<usize> {
    list.iter().position(|p| p.suite == suite)
}

fn next_tag(list: &[CryptoParams]) -> u32 {
    list.iter().map(|p| p.tag).max().unwrap_or(0).saturating_add(1)
}

fn fresh(tag: u32, suite: Suite, random: &mut dyn Random) -> CryptoParams {
    CryptoParams::generate(tag, suite, |key| random.fill(key))
}

impl SdesKeys {
    /// §12.7: a new SDP of the peer, with `lines` as its keys.
    pub fn receive(&mut self, lines: Vec<CryptoParams>, options: &SdesOptions) {
        self.received = lines;
        self.reordered = false;
        for at in (0..self.received.len()).rev() {
            if !options.nonew && self.received.len() > 1 && options.excludes(self.received[at].suite) {
                self.received.remove(at);
            }
        }
        if let Some(first) = self.received.first() {
            self.own.retain(|p| p.suite == first.suite && p.tag == first.tag);
        }
    }

    /// §12.6: reorders the offerer's keys for the later answer.
    pub fn prefer(&mut self, options: &SdesOptions) {
        let Some(at) = options.offerer_pref.iter().find_map(|&suite| position(&self.received, suite)) else {
            return;
        };
        if at > 0 {
            self.received[..=at].rotate_right(1);
            self.reordered = true;
        }
    }

    /// §12.4 rules 3 and 4: the lines of an offer to this peer, built on what the sender offered.
    pub fn offer(&mut self, sender: &[CryptoParams], options: &SdesOptions, random: &mut dyn Random) {
        let mut list: Vec<CryptoParams> = Vec::with_capacity(SUITES.len());
        list.extend(sender.iter().filter(|p| options.nonew || !options.excludes(p.suite)).cloned());
        for mut old in std::mem::take(&mut self.own) {
            if position(&list, old.suite).is_none() {
                old.tag = old.tag.max(next_tag(&list));
                list.push(old);
            }
        }
        if !options.nonew {
            let mut tag = next_tag(&list);
            for suite in SUITES.iter().map(|info| info.suite) {
                if position(&list, suite).is_none() && !options.excludes(suite) {
                    list.push(fresh(tag, suite, random));
                    tag = tag.saturating_add(1);
                }
            }
        }
        for params in &mut list {
            options.apply(&mut params.session, true);
        }
        self.own = ordered(list, &options.order);
    }

    /// §12.5: the line of an answer to this peer; `answerer` are the keys of the side that answered.
    pub fn answer(&mut self, answerer: &[CryptoParams], options: &SdesOptions, random: &mut dyn Random) {
        if options.fixed
            && let [own] = self.own.as_slice()
            && let Some(at) = self.received.iter().position(|p| p.suite == own.suite && p.tag == own.tag)
        {
            let kept = self.received.swap_remove(at);
            self.received = vec![kept];
            return;
        }
        let agreed = if self.reordered {
            None
        } else {
            answerer.first().and_then(|accepted| position(&self.received, accepted.suite))
        };
        let at = agreed.unwrap_or(0);
        if at >= self.received.len() {
            self.own.clear();
            return;
        }
        let candidate = self.received.swap_remove(at);
        self.received = vec![candidate.clone()];
        self.reordered = false;
        if let Some(kept) = self.own.iter().position(|p| p.suite == candidate.suite) {
            let mut own = self.own.swap_remove(kept);
            own.tag = candidate.tag;
            self.own = vec![own];
            return;
        }
        let shared = answerer.first().and_then(|accepted| candidate.with_key_of(accepted));
        let own = shared.unwrap_or_else(|| {
            let mut own = fresh(candidate.tag, candidate.suite, random);
            own.session = candidate.session;
            own
        });
        self.own = vec![own];
        for own in &mut self.own {
            options.apply(&mut own.session, false);
        }
    }

    /// No keys at all.
    pub fn clear_own(&mut self) {
        self.own.clear();
    }
}

/// §12.3 `order:`: named suites first, tags stay, the rest follows in its order.
fn ordered(mut list: Vec<CryptoParams>, order: &[Suite]) -> Vec<CryptoParams> {
    if order.is_empty() {
        return list;
    }
    list.sort_by_key(|p| order.iter().position(|&s| s == p.suite).unwrap_or(order.len()));
    list
}
