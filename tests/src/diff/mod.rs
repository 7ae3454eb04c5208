//! Two daemons, the same signalling: random but valid calls whose replies are compared after everything that is
//! random in them (ports, keys, ICE strings, tags) has been replaced by its order of appearance.
//!
//! Each *kind* of difference is either a line in the table of [`accepted`], with the rule of the specification that
//! says why, or a failure.

pub mod accepted;
pub mod compare;
pub mod generate;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::daemon::Daemon;
use crate::ng::{Reply, Request, Value};
use compare::{Difference, Names};
use generate::{Mux, Party};

/// What became of one call.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was said, in order.
    pub exchanges: Vec<Exchange>,
    /// Every difference found.
    pub differences: Vec<Found>,
}

/// One request and both replies.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The request to our daemon; that to the peer has other crypto tags at most.
    pub request: String,
    /// Our reply.
    pub ours: String,
    /// The peer's reply.
    pub peers: String,
}

/// A difference and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The difference.
    pub difference: Difference,
    /// The call it was found in; the same seed makes the same call.
    pub seed: u64,
    /// The number of the exchange in its call.
    pub exchange: usize,
}

/// One call at both daemons.
struct Twin<'d> {
    daemons: [&'d Daemon; 2],
    names: [Names; 2],
    id: String,
    seed: u64,
    outcome: Outcome,
}

/// Plays the call that `seed` describes on both daemons.
#[must_use]
pub fn play(ours: &Daemon, peer: &Daemon, seed: u64) -> Outcome {
    let mut random = StdRng::seed_from_u64(seed);
    let mut twin = Twin {
        daemons: [ours, peer],
        names: [Names::default(), Names::default()],
        id: format!("diff-{seed}"),
        seed,
        outcome: Outcome::default(),
    };
    let rounds = random.random_range(1..=4);
    let mux = match rounds {
        1 => Mux::Varied,
        _ if random.random_bool(0.5) => Mux::Everywhere,
        _ => Mux::Nowhere,
    };
    let mut alice = Party::new("alice", ours.network().phone(0), mux, &mut random);
    let mut bob = Party::new("bob", ours.network().phone(1), mux, &mut random);
    twin.dialogue(&mut alice, &mut bob, rounds, mux, &mut random);
    let delete = Request::new("delete").set("call-id", &twin.id).set("delete-delay", 0);
    for daemon in twin.daemons {
        let _ = daemon.request(&delete);
    }
    twin.outcome
}

impl Twin<'_> {
    fn dialogue(&mut self, alice: &mut Party, bob: &mut Party, rounds: u32, mux: Mux, random: &mut StdRng) {
        let mut known = false;
        for _ in 0..rounds {
            let swap = known && random.random_bool(0.3);
            let (from, to) = if swap { (&mut *bob, &mut *alice) } else { (&mut *alice, &mut *bob) };
            if known {
                from.changes(random);
            }
            if from.has_rejected_everything() {
                return;
            }
            let options = generate::offer_options(mux, random);
            let mut offer = Request::new("offer").set("call-id", &self.id).set("from-tag", from.tag);
            offer = offer.set("sdp", from.offer()).with(&options);
            if known {
                offer = offer.set("to-tag", to.tag);
            }
            let Some(offered) = self.exchange(&[offer.clone(), offer]) else { return };
            if random.random_bool(0.1) {
                // Offered again before an answer, or given up.
                continue;
            }
            let options = generate::answer_options(random);
            let choice = random.random();
            let before = to.clone();
            let answers = offered.map(|sdp| {
                // Both answers start from the same state and make the same choices.
                *to = before.clone();
                let mut choices = StdRng::seed_from_u64(choice);
                let answer = Request::new("answer").set("call-id", &self.id).set("from-tag", from.tag);
                answer.set("to-tag", to.tag).set("sdp", to.answer(&sdp, &mut choices)).with(&options)
            });
            if plain(&answers[0]) != plain(&answers[1]) {
                // The offers differed in a way that is accepted but leads to other answers: no longer the same call.
                return;
            }
            let Some(returned) = self.exchange(&answers) else { return };
            from.remembers(&returned[0]);
            known = true;
            if !self.query() {
                return;
            }
        }
    }

    /// Sends one request to each and compares the replies. `None` when the call cannot go on in step, also after a
    /// difference that is not accepted: what follows from it would only hide it.
    fn exchange(&mut self, requests: &[Request; 2]) -> Option<[String; 2]> {
        let replies = [0, 1].map(|side| self.daemons[side].request(&requests[side]));
        for (names, reply) in self.names.iter_mut().zip(&replies) {
            names.learn(reply);
        }
        let differences = compare::replies(&replies, &mut self.names);
        let in_step = self.note(differences, &requests[0], &replies);
        let [ours, peers] = replies;
        if !in_step {
            return None;
        }
        if ours.result() != "ok" || peers.result() != "ok" {
            return None;
        }
        Some([ours.sdp().to_string(), peers.sdp().to_string()])
    }

    fn query(&mut self) -> bool {
        let request = Request::new("query").set("call-id", &self.id);
        let replies = self.daemons.map(|daemon| daemon.request(&request));
        let mut differences = compare::queries(&replies);
        // A companion that only one of the two keeps is transcoded only there.
        let before = &self.outcome.differences;
        if before.iter().any(|found| found.difference.kind.contains("section companion")) {
            differences.retain(|difference| !difference.kind.contains(" flag transcoding "));
        }
        self.note(differences, &request, &replies)
    }

    /// Records differences; `true` when all are of accepted kinds and the two daemons still count their ports alike.
    fn note(&mut self, differences: Vec<Difference>, request: &Request, replies: &[Reply; 2]) -> bool {
        let in_step =
            |difference: &Difference| accepted::rule(difference).is_some() && compare::in_step(difference);
        let accepted = differences.iter().all(in_step);
        let (seed, exchange) = (self.seed, self.outcome.exchanges.len());
        let found = differences.into_iter().map(|difference| Found { difference, seed, exchange });
        self.outcome.differences.extend(found);
        self.outcome.exchanges.push(Exchange {
            request: readable(&request.value()),
            ours: readable(&replies[0].value),
            peers: readable(&replies[1].value),
        });
        accepted
    }
}

/// A request without the crypto tags, which follow those of the offer.
fn plain(request: &Request) -> String {
    let text = readable(&request.value());
    let lines = text.lines().map(|line| match line.trim_start().strip_prefix("a=crypto:") {
        Some(rest) => rest.split_once(' ').map_or("", |(_, rest)| rest),
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A message in lines, SDP unfolded.
fn readable(value: &Value) -> String {
    format!("{value:#?}").replace("\\r\\n", "\n        ")
}
