//! Which side does ICE, with which credentials, and when it restarts (sdp.md §14).

use rtpengine_common::ng::{Ice, IceLite};
use rtpengine_common::sdp::Text;

use super::ctx::Random;
use super::media::{IceParams, Media, MediaFlags};

/// What a message says about ICE.
#[derive(Clone, Copy, Debug, Default)]
pub struct IceOptions {
    /// Key `ICE`.
    pub mode: Ice,
    /// Key `ICE-lite`.
    pub lite: Option<IceLite>,
    /// Flag `reject-ICE`.
    pub reject: bool,
    /// Flag `trickle-ICE`.
    pub trickle: bool,
    /// `ICE=ice2`.
    pub ice2: bool,
    /// Key or flag `passthrough`.
    pub passthrough: Option<bool>,
}

/// What the sender's section says about ICE.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// It does ICE: there is an `a=ice-ufrag`.
    pub in_use: bool,
    /// `a=ice-ufrag`
    pub ufrag: Text,
    /// `a=ice-pwd`
    pub pwd: Text,
    /// Trickle ICE, announced or assumed.
    pub trickle: bool,
    /// ICE2 announced.
    pub ice2: bool,
    /// The peer is lite.
    pub lite: bool,
    /// `a=end-of-candidates`
    pub end_of_candidates: bool,
}

const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Random characters of `[0-9a-zA-Z]`, each equally likely.
pub fn random_text<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut text = [0; N];
    let mut at = 0;
    let mut pool = [0; 32];
    while at < N {
        random.fill(&mut pool);
        // Of 256 byte values the last 8 would make some characters likelier; they are drawn again.
        for byte in pool.iter().filter(|b| **b < 248) {
            if let Some(place) = text.get_mut(at) {
                *place = ALPHANUMERIC[usize::from(byte % 62)];
                at += 1;
            }
        }
    }
    text
}

/// The sender's own flags, from a section with a port that is not 0 (§23.1 step 3.5).
pub fn receive(sender: &mut Media, received: &Received) {
    sender.flags.set(MediaFlags::ICE, received.in_use);
    sender.flags.set(MediaFlags::TRICKLE_ICE, received.trickle);
    sender.flags.set(MediaFlags::ICE2, received.ice2);
    sender.flags.set(MediaFlags::ICE_LITE_PEER, received.lite);
    sender.flags.set(MediaFlags::END_OF_CANDIDATES, received.end_of_candidates);
}

/// Whether each side does ICE after this message (§14.2), whether both are in passthrough mode (§14.3), and the roles (§14.6).
pub fn decide(sender: &mut Media, receiver: &mut Media, answer: bool, options: &IceOptions) {
    let first = !receiver.has(MediaFlags::INITIALIZED);
    if answer {
        // The offerer keeps its own ICE; only `remove` takes it away.
        if options.mode == Ice::Remove {
            receiver.flags.remove(MediaFlags::ICE);
        }
    } else {
        offer_mode(sender, receiver, first, options);
    }
    passthrough(sender, receiver, answer, options);
    if options.reject {
        sender.flags.remove(MediaFlags::ICE);
    }
    roles(sender, receiver, answer, first, options);
}

fn offer_mode(sender: &Media, receiver: &mut Media, first: bool, options: &IceOptions) {
    match options.mode {
        Ice::NotGiven | Ice::Default => {
            if first {
                receiver.flags.set(MediaFlags::ICE, sender.has(MediaFlags::ICE));
            }
        }
        Ice::Remove => receiver.flags.remove(MediaFlags::ICE),
        Ice::Force | Ice::Optional | Ice::ForceRelay => receiver.flags.insert(MediaFlags::ICE),
    }
    if options.trickle {
        receiver.flags.insert(MediaFlags::TRICKLE_ICE);
    }
    if options.ice2 {
        receiver.flags.insert(MediaFlags::ICE2);
    }
}

fn passthrough(sender: &mut Media, receiver: &mut Media, answer: bool, options: &IceOptions) {
    let both = sender.has(MediaFlags::ICE) && receiver.has(MediaFlags::ICE);
    let keeps = matches!(options.mode, Ice::Optional | Ice::ForceRelay);
    match options.passthrough {
        Some(on) => {
            for media in [sender, receiver] {
                media.flags.set(MediaFlags::PASSTHROUGH, on);
            }
        }
        None if keeps && both => {
            for media in [sender, receiver] {
                media.flags.insert(MediaFlags::PASSTHROUGH);
            }
        }
        None if keeps && answer && !sender.has(MediaFlags::ICE) && receiver.ice.is_none() => {
            receiver.flags.remove(MediaFlags::ICE);
        }
        None => {}
    }
}

fn roles(sender: &mut Media, receiver: &mut Media, answer: bool, first: bool, options: &IceOptions) {
    if answer {
        return;
    }
    match options.lite {
        Some(IceLite::Off) => {
            sender.flags.remove(MediaFlags::ICE_LITE_SELF);
            receiver.flags.remove(MediaFlags::ICE_LITE_SELF);
        }
        Some(IceLite::Forward) => receiver.flags.insert(MediaFlags::ICE_LITE_SELF),
        Some(IceLite::Backward) => sender.flags.insert(MediaFlags::ICE_LITE_SELF),
        Some(IceLite::Both) => {
            sender.flags.insert(MediaFlags::ICE_LITE_SELF);
            receiver.flags.insert(MediaFlags::ICE_LITE_SELF);
        }
        None => {}
    }
    // The role is set when a side is first set up, also without ICE; a lite agent is always controlled.
    if first {
        receiver.flags.insert(MediaFlags::ICE_CONTROLLING);
    }
    if !sender.has(MediaFlags::INITIALIZED) {
        sender.flags.remove(MediaFlags::ICE_CONTROLLING);
    }
    for media in [sender, receiver] {
        if media.has(MediaFlags::ICE_LITE_SELF) {
            media.flags.remove(MediaFlags::ICE_CONTROLLING);
        } else if media.has(MediaFlags::ICE_LITE_PEER) {
            media.flags.insert(MediaFlags::ICE_CONTROLLING);
        }
    }
}

/// Takes over the peer's credentials. Our own are renewed when the peer's or the interface changed (offers only); true if
/// a restart was detected where it is not allowed, which deserves a warning.
pub fn credentials(
    media: &mut Media,
    received: &Received,
    may_restart: bool,
    random: &mut dyn Random,
) -> bool {
    if !media.has(MediaFlags::ICE) || media.has(MediaFlags::PASSTHROUGH) {
        return false;
    }
    let interface = media.interface;
    let ice = media.ice.get_or_insert_with(|| Box::new(fresh(random)));
    let known = !ice.peer_ufrag.is_empty();
    let changed =
        received.in_use && known && (ice.peer_ufrag != received.ufrag || ice.peer_pwd != received.pwd);
    let moved = ice.interface.is_some() && ice.interface != interface;
    if received.in_use {
        ice.peer_ufrag = received.ufrag.clone();
        ice.peer_pwd = received.pwd.clone();
    }
    ice.interface = interface;
    if !(changed || moved) {
        return false;
    }
    if !may_restart {
        return true;
    }
    restart(ice, random);
    false
}

/// New credentials for a media that has none or whose ports changed.
pub fn ensure(media: &mut Media, random: &mut dyn Random) {
    if media.has(MediaFlags::ICE) && !media.has(MediaFlags::PASSTHROUGH) && media.ice.is_none() {
        media.ice = Some(Box::new(fresh(random)));
    }
}

/// Renews our user fragment and password.
pub fn restart(ice: &mut IceParams, random: &mut dyn Random) {
    ice.ufrag = random_text(random);
    ice.pwd = random_text(random);
    ice.generation = ice.generation.wrapping_add(1);
}

fn fresh(random: &mut dyn Random) -> IceParams {
    IceParams { ufrag: random_text(random), pwd: random_text(random), ..IceParams::default() }
}
