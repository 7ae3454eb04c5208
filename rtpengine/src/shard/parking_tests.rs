//! Requests that wait for media: their order, calls that move or end meanwhile, media that never comes.

use super::message::{FromShard, ToShard};
use super::tests::{House, Phone};
use crate::call::CloseReason;
use crate::call::ids::Name;
use crate::player::{Answer, Media, OpenError, Output, Plan, Source, Sources, Track};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

type Tell = Box<dyn FnOnce(Answer) + Send>;

/// Opens nothing before it is told to.
#[derive(Default)]
struct Slow {
    asked: Mutex<Vec<(Source, Tell)>>,
}

impl std::fmt::Debug for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slow").finish_non_exhaustive()
    }
}

impl Sources for Slow {
    fn known(&self, _: &Source) -> Option<Arc<dyn Media>> {
        None
    }

    fn open(&self, source: &Source, tell: Tell) {
        self.asked.lock().push((source.clone(), tell));
    }
}

#[derive(Debug)]
struct Silence(Source);

impl Media for Silence {
    fn source(&self) -> &Source {
        &self.0
    }

    fn duration(&self) -> Option<Duration> {
        Some(Duration::from_millis(60))
    }

    fn play(&self, _: &Output, _: &Plan) -> Result<Arc<Track>, OpenError> {
        Ok(Track::private(None))
    }
}

impl Slow {
    /// Answers what was asked so far; tells how much that was.
    fn answers(&self, success: bool) -> usize {
        let asked = std::mem::take(&mut *self.asked.lock());
        let count = asked.len();
        for (source, tell) in asked {
            let media = || Arc::new(Silence(source.clone())) as Arc<dyn Media>;
            tell(if success { Ok(media()) } else { Err(OpenError("on purpose".into())) });
        }
        count
    }
}

struct Desk {
    house: House,
    slow: Arc<Slow>,
}

impl Desk {
    fn new(shards: u16) -> Self {
        let house = House::new(shards);
        let slow = Arc::new(Slow::default());
        let sources = Arc::clone(&slow) as Arc<dyn Sources>;
        house.shared.change_settings(|settings| settings.sources = Some(sources));
        Self { house, slow }
    }

    /// Sends a request to a shard.
    fn send(&mut self, shard: usize, command: &str, keys: &[(&str, &str)]) -> u64 {
        let order = self.house.order(command, keys);
        let ticket = order.ticket;
        self.house.mailboxes[shard].send(ToShard::Order(order)).unwrap();
        self.house.turn(shard);
        ticket
    }

    /// A turn of the first shard, with its timers.
    fn turn(&mut self) {
        self.house.turn(0);
        self.house.shards[0].timers();
    }

    /// Replies so far: ticket, and the result or the error.
    fn replies(&mut self) -> Vec<(u64, String)> {
        let mut replies = Vec::new();
        while let Some(report) = self.house.reports.next() {
            if let FromShard::Done(done) = report {
                let dict = done.reply.to_dict();
                let text = dict.text("error-reason").or_else(|| dict.text("result"));
                replies.push((done.ticket, text.unwrap_or_default().to_owned()));
            }
        }
        replies
    }
}

const PLAY: [(&str, &str); 3] = [("call-id", "x"), ("from-tag", "x-from"), ("file", "/tmp/a.wav")];
const STOP: [(&str, &str); 2] = [("call-id", "x"), ("from-tag", "x-from")];

#[test]
fn later_requests_of_the_call_keep_their_order_and_others_do_not_wait() {
    let mut desk = Desk::new(1);
    let phones = [Phone::new(), Phone::new(), Phone::new(), Phone::new()];
    desk.house.call(0, "x", &phones[0], &phones[1]);
    desk.house.call(0, "y", &phones[2], &phones[3]);
    let play = desk.send(0, "play media", &PLAY);
    let stop = desk.send(0, "stop media", &STOP);
    let query = desk.send(0, "query", &[("call-id", "y")]);
    assert_eq!(desk.replies(), [(query, "ok".to_owned())]);
    assert_eq!(desk.slow.answers(true), 1);
    desk.house.turn(0);
    assert_eq!(desk.replies(), [(play, "ok".to_owned()), (stop, "ok".to_owned())]);
    let play = desk.send(0, "play media", &PLAY);
    desk.slow.answers(false);
    desk.house.turn(0);
    assert_eq!(desk.replies(), [(play, "Failed to start media playback from file".to_owned())]);
}

#[test]
fn what_fails_anyway_asks_for_nothing() {
    let mut desk = Desk::new(1);
    let phones = [Phone::new(), Phone::new()];
    desk.house.call(0, "x", &phones[0], &phones[1]);
    let other = [("call-id", "x"), ("from-tag", "nobody"), ("file", "/tmp/a.wav")];
    let wrong = desk.send(0, "play media", &other);
    assert_eq!(desk.replies(), [(wrong, "From-tag given, but no such tag exists".to_owned())]);
    assert_eq!(desk.slow.answers(true), 0);
}

#[test]
fn a_call_that_ends_answers_who_waits() {
    let mut desk = Desk::new(1);
    let phones = [Phone::new(), Phone::new()];
    desk.house.call(0, "x", &phones[0], &phones[1]);
    let play = desk.send(0, "play media", &PLAY);
    let slot = desk.house.shards[0].calls.find(b"x").unwrap();
    desk.house.shards[0].end_call(slot, CloseReason::Forced);
    desk.turn();
    assert_eq!(desk.replies(), [(play, "Unknown call-ID".to_owned())]);
    // An answer for a call that is gone goes nowhere.
    desk.slow.answers(true);
    desk.house.turn(0);
    assert_eq!(desk.replies(), []);
}

#[test]
fn media_that_never_comes_is_given_up() {
    let mut desk = Desk::new(1);
    let phones = [Phone::new(), Phone::new()];
    desk.house.call(0, "x", &phones[0], &phones[1]);
    let play = desk.send(0, "play media", &PLAY);
    for _ in 0..9 {
        desk.house.pass(Duration::from_secs(1));
        desk.turn();
    }
    assert_eq!(desk.replies(), []);
    for _ in 0..3 {
        desk.house.pass(Duration::from_secs(1));
        desk.turn();
    }
    assert_eq!(desk.replies(), [(play, "Failed to start media playback from file".to_owned())]);
}

#[test]
fn a_call_that_moves_takes_its_waiting_requests_along() {
    let mut desk = Desk::new(2);
    let phones = [Phone::new(), Phone::new()];
    desk.house.call(0, "x", &phones[0], &phones[1]);
    let play = desk.send(0, "play media", &PLAY);
    desk.house.mailboxes[0].send(ToShard::Give { id: Name::from(b"x".as_slice()), to: 1 }).unwrap();
    desk.house.turn(0);
    desk.house.turn(1);
    assert_eq!(desk.replies(), []);
    assert_eq!(desk.slow.answers(true), 2, "asked again where it went");
    desk.house.turn(0);
    desk.house.turn(1);
    assert_eq!(desk.replies(), [(play, "ok".to_owned())]);
}
