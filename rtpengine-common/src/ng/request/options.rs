//! What signalling options can be: one type per key that has a closed list (ng-control.md §6.2, §8).

use crate::ng::ByteString;
pub use crate::sdp::{AddressFamily, FingerprintHash, MediaType, Transport};

/// Key `transport-protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportProtocol {
    /// The receiver's side speaks this.
    Use(Transport),
    /// `accept`: an answer's change of protocol is passed through.
    Accept,
}

/// Key `all` (and flag `all`): what a command reaches beyond one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum All {
    /// Not given, or `none`.
    #[default]
    None,
    /// The whole call.
    All,
    /// All flows made by offer and answer.
    OfferAnswer,
    /// All flows made otherwise.
    NotOfferAnswer,
    /// All flows.
    Flows,
}

/// Key `alias-key` (ng-control.md §10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum AliasKey {
    /// Not given, or switched off.
    #[default]
    None,
    /// The whole received SDP identifies the party.
    Sdp,
    /// Address and port of the first media identify the party.
    Address,
}

/// Key `sip-message-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// The SDP came in a SIP request.
    Request,
    /// The SDP came in a SIP response.
    Response,
}

/// Key `ICE`: the last of these words wins (sdp.md §14.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Ice {
    /// Not given: the same as `default` (ng-control.md §17).
    #[default]
    NotGiven,
    /// `default`: as the sender, or as the receiver itself last signalled.
    Default,
    /// `remove`: no ICE.
    Remove,
    /// `force`: ICE with the daemon as only candidate.
    Force,
    /// `force-relay`: ICE with the daemon as a relay candidate beside the received ones.
    ForceRelay,
    /// `optional`: ICE with the daemon as a candidate of low priority beside the received ones.
    Optional,
}

/// Key `ICE-lite`, and the `lite…` values of `ICE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IceLite {
    /// Full ICE on both sides.
    Off,
    /// ICE-lite towards the receiver.
    Forward,
    /// ICE-lite towards the sender.
    Backward,
    /// ICE-lite on both sides.
    Both,
}

/// Key `rtcp-mux` (ng-control.md §8.2). `require` implies `offer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RtcpMux {
    /// Offer it even if the sender does not.
    pub offer: bool,
    /// Offer it without a port to fall back to.
    pub require: bool,
    /// Do not offer it, accept it back.
    pub demux: bool,
    /// Accept it whatever the receiver says.
    pub accept: bool,
    /// Reject it whatever the receiver says.
    pub reject: bool,
}

/// Key `bundle` (ng-control.md §8.2). Each of `offer`, `require`, `strict` sets the ones before it and `generate-mid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Bundle {
    /// Accept an offered bundle.
    pub accept: bool,
    /// Offer a bundle.
    pub offer: bool,
    /// Offer it in the bundle-only style.
    pub require: bool,
    /// Refuse what is outside the bundle.
    pub strict: bool,
    /// Reject an offered bundle.
    pub reject: bool,
}

/// Key `DTLS` (ng-control.md §8.4). In an answer `passive` and `active` are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Dtls {
    /// No DTLS-SRTP.
    pub off: bool,
    /// Prefer the passive role; starts as configured.
    pub passive: bool,
}

/// Key `SDES` (sdp.md §12.3). Suite names are as the client wrote them; they compare without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sdes {
    /// Do not offer SDES.
    pub off: bool,
    /// Set or clear `UNENCRYPTED_SRTP`.
    pub unencrypted_srtp: Option<bool>,
    /// Set or clear `UNENCRYPTED_SRTCP`.
    pub unencrypted_srtcp: Option<bool>,
    /// Set or clear `UNAUTHENTICATED_SRTP`.
    pub unauthenticated_srtp: Option<bool>,
    /// Suites of `no-SUITE`.
    pub exclude: Vec<ByteString>,
    /// Suites of `only-SUITE`; when there are any, `exclude` is ignored.
    pub only: Vec<ByteString>,
    /// Suites of `order:`, the first ones of an offer.
    pub order: Vec<ByteString>,
    /// Suites of `offerer_pref:` (sdp.md §12.6).
    pub offerer_preference: Vec<ByteString>,
    /// Add a lifetime to keys.
    pub lifetime: bool,
    /// Keep the padding of base64; also the flag `pad-crypto`.
    pub pad: bool,
    /// Do not change keys of a running session.
    pub keep: bool,
    /// Copy all received suites, add none.
    pub no_new: bool,
    /// Prefer SDES over DTLS.
    pub prefer: bool,
}

/// Key `OSRTP` (sdp.md §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Osrtp {
    /// `offer`, `offer-RFC`: add keys to a plain protocol.
    pub offer: bool,
    /// `offer-legacy`: duplicate sections.
    pub offer_legacy: bool,
    /// `accept-RFC`: accept what the receiver declined.
    pub accept: bool,
    /// `accept-legacy`.
    pub accept_legacy: bool,
}

/// Keys `T.38` and `T.38-version` (codecs.md §19.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct T38 {
    /// Turn an image section into audio.
    pub decode: bool,
    /// Turn an audio section into image.
    pub force: bool,
    /// Back to pass-through.
    pub stop: bool,
    /// No error correction mode.
    pub no_ecm: bool,
    /// Without the V.17 modem.
    pub no_v17: bool,
    /// Without the V.27ter modem.
    pub no_v27ter: bool,
    /// Without the V.29 modem.
    pub no_v29: bool,
    /// Without the V.34 modem.
    pub no_v34: bool,
    /// Without internet-aware fax mode.
    pub no_iaf: bool,
    /// Parity FEC instead of redundancy.
    pub fec: bool,
    /// The version to announce.
    pub version: Option<u32>,
}

/// Key `replace` (ng-control.md §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Replace {
    /// Address in `o=`.
    pub origin: bool,
    /// The whole of `o=`.
    pub origin_full: bool,
    /// Accepted; the session address is always replaced by media addresses.
    pub session_connection: bool,
    /// User name in `o=`.
    pub username: bool,
    /// `s=`.
    pub session_name: bool,
    /// Version in `o=`.
    pub sdp_version: bool,
    /// Also zero addresses.
    pub zero_address: bool,
    /// Increment the version with every SDP.
    pub force_increment_sdp_version: bool,
}

/// Keys `codec` and its flag forms. Entries are codec strings as written (codecs.md §2), escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Codecs {
    /// Remove from what the receiver sees; words `all`, `full`.
    pub strip: Vec<ByteString>,
    /// Put back what `strip` removed.
    pub offer: Vec<ByteString>,
    /// Exceptions to `strip` and `ignore` of everything.
    pub except: Vec<ByteString>,
    /// Act as though the sender had not listed them; word `all`.
    pub ignore: Vec<ByteString>,
    /// Add for transcoding.
    pub transcode: Vec<ByteString>,
    /// Hide from the receiver, transcode; words `all`, `full`.
    pub mask: Vec<ByteString>,
    /// As `mask`, and accepted.
    pub consume: Vec<ByteString>,
    /// Accepted whatever the receiver says; words `all`, `full`, `any`.
    pub accept: Vec<ByteString>,
    /// Options for codecs of the SDP; see [`set_prefixes`].
    pub set: Vec<ByteString>,
}

/// Under which names an entry of `codec` → `set` applies: the whole string, then cut at `/` from the right
/// (ng-control.md §8.6).
pub fn set_prefixes(entry: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut next = Some(entry);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.iter().rposition(|byte| *byte == b'/').and_then(|slash| current.get(..slash));
        Some(current)
    })
}

/// Key `extmap` (sdp.md §16). Entries are URIs, or `all`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Extmap {
    /// Header extensions that the receiver does not get.
    pub strip: Vec<ByteString>,
    /// Header extensions that are accepted and not offered on.
    pub mask: Vec<ByteString>,
}

/// A level of the SDP that `sdp-attr` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SdpLevel {
    /// `none` or `global`: the session level.
    Session,
    /// All sections of this type.
    Media(MediaType),
}

/// What `sdp-attr` does on one level. All texts stand for what follows `a=`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SdpAttributes {
    /// Appended at the end of the level.
    pub add: Vec<ByteString>,
    /// Suppressed.
    pub remove: Vec<ByteString>,
    /// Replaced: from, to.
    pub substitute: Vec<(ByteString, ByteString)>,
}

/// Key `sdp-attr` (sdp.md §18): the levels that are mentioned, each once.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SdpAttr {
    levels: Vec<(SdpLevel, SdpAttributes)>,
}

impl SdpAttr {
    /// What is to be done on this level, if anything.
    pub fn level(&self, level: SdpLevel) -> Option<&SdpAttributes> {
        self.levels.iter().find(|(found, _)| *found == level).map(|(_, attributes)| attributes)
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    pub(crate) fn level_mut(&mut self, level: SdpLevel) -> &mut SdpAttributes {
        let position = self.levels.iter().position(|(found, _)| *found == level).unwrap_or_else(|| {
            self.levels.push((level, SdpAttributes::default()));
            self.levels.len() - 1
        });
        &mut self.levels[position].1
    }
}

/// Key `endpoint-learning`, and the option of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum EndpointLearning {
    /// `delayed`
    Delayed,
    /// `off`
    Off,
    /// `immediate`
    Immediate,
    /// `heuristic`
    #[default]
    Heuristic,
}

/// Key `media-echo` (ng-control.md §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaEcho {
    /// Both medias discard.
    Blackhole,
    /// The receiver's media echoes, the sender's discards.
    Forward,
    /// The sender's media echoes, the receiver's discards.
    Backward,
    /// Both echo.
    Both,
}

/// Key `drop-traffic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropTraffic {
    /// Discard every packet of the call.
    Start,
    /// End that.
    Stop,
}

/// Key `audio-player`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum AudioPlayer {
    /// Not given, or `default`: as configured.
    #[default]
    Default,
    /// `on`, `transcoding`: for transcoded media.
    On,
    /// `off`
    Off,
    /// `force`: for all media.
    Force,
}

/// Key `TOS` (ng-control.md §10.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Tos {
    /// Absent or 256 and more: the configured value.
    #[default]
    Default,
    /// Negative: as it is.
    Unchanged,
    /// This value.
    Value(u8),
}
