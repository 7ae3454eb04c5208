//! The numbered rules of ng-control.md about calls: each test names the rule it is about (`tests/rules/ng-control.md` has the list).

mod bounds;
mod deletion;
mod errors;
mod exchange;
mod flags;
mod medias;
mod parties;
mod ports;
mod proxies;
mod rules;

use rtpengine_common::ng::Dict;

use super::super::party::PartyFlags;
use super::{Desk, audio};

/// The names of the parties in a `query`, in order.
fn names(desk: &mut Desk) -> Vec<String> {
    let query = desk.query();
    let tags = query.dict("tags").expect("tags");
    tags.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
}

/// What `query` says about one party.
fn party(desk: &mut Desk, tag: &str) -> Dict<'static> {
    let query = desk.query();
    query.dict("tags").and_then(|tags| tags.dict(tag)).expect("a party").clone().into_owned()
}

/// The tags of one member of a party's entry: `subscriptions` or `subscribers`.
fn tags_of(party: &Dict<'_>, member: &str) -> Vec<String> {
    let list = party.list(member).expect("a list").iter();
    list.map(|link| link.as_dict().and_then(|link| link.text("tag")).expect("a tag").to_owned()).collect()
}

/// What `query` says about the first media of a party.
fn media(desk: &mut Desk, tag: &str) -> Dict<'static> {
    let party = party(desk, tag);
    party.list("medias").and_then(|list| list.first()?.as_dict()).expect("a media").clone().into_owned()
}

/// The strings of a list.
fn texts(dict: &Dict<'_>, key: &str) -> Vec<String> {
    let list = dict.list(key).expect("a list").iter();
    list.map(|value| value.as_str().expect("a string").to_owned()).collect()
}

/// The keys of a dictionary, in order.
fn keys(dict: &Dict<'_>) -> Vec<String> {
    dict.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
}

/// The local port of the first stream of a party's first media.
fn local_port(desk: &mut Desk, tag: &str) -> Option<i64> {
    let media = media(desk, tag);
    media.list("streams").and_then(|list| list.first()?.as_dict()?.int("local port"))
}

/// An offer inside a dialogue.
fn re_offer(desk: &mut Desk, from: &str, to: &str, sdp: &str, more: &str) -> String {
    desk.sdp("offer", &format!("\"from-tag\":\"{from}\",\"to-tag\":\"{to}\""), sdp, more)
}

fn caller() -> String {
    audio("10.0.0.1", 4000)
}

fn callee() -> String {
    audio("10.0.0.2", 5000)
}
