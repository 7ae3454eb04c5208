//! The request itself and the questions that several commands ask it.

use std::net::IpAddr;

use super::{
    AddressFamily, AliasKey, All, AudioPlayer, Bundle, Codecs, Defaults, DropTraffic, Dtls, Dtmf,
    DtmfSecurity, EndpointLearning, Extmap, FingerprintHash, Flag, Flags, Ice, IceLite, MediaEcho, MediaSpec,
    MediaType, MeshTags, MessageType, MusicOnHold, Osrtp, Play, RecordCall, Recording, Replace, RtcpMux,
    Sdes, SdpAttr, T38, Tos, TransportProtocol, Warning,
};
use crate::ng::{ByteString, Command, Encoding};

/// A request, typed. Strings are `None` when the key is absent or no string; an empty string stays, because for some
/// keys it means something: ask [`present`] where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// The encoding of the request and of its reply.
    pub encoding: Encoding,

    /// `call-id`
    pub call_id: Option<ByteString>,
    /// `from-tag`
    pub from_tag: Option<ByteString>,
    /// `to-tag`
    pub to_tag: Option<ByteString>,
    /// `via-branch`
    pub via_branch: Option<ByteString>,
    /// `label`
    pub label: Option<ByteString>,
    /// `set-label`
    pub set_label: Option<ByteString>,
    /// `to-label`
    pub to_label: Option<ByteString>,
    /// `from-tags`
    pub from_tags: Vec<ByteString>,
    /// `to-call-id`
    pub to_call_id: Option<ByteString>,
    /// `source-tag`
    pub source_tag: Option<ByteString>,
    /// `source-call-id`
    pub source_call_id: Option<ByteString>,
    /// `calls`
    pub calls: Vec<ByteString>,
    /// `tags`
    pub tags: Vec<MeshTags>,
    /// `address`, as given: it selects a party and has an error text of its own.
    pub address: Option<ByteString>,
    /// `alias-key`
    pub alias_key: AliasKey,
    /// `instance`
    pub instance: Option<ByteString>,
    /// `sip-message-type`
    pub message_type: Option<MessageType>,
    /// `sip-code`
    pub sip_code: Option<i32>,
    /// `all`
    pub all: All,

    /// `sdp`
    pub sdp: Option<ByteString>,
    /// `flags`, and flag words from elsewhere.
    pub flags: Flags,
    /// Flags `trust-address` and `SIP-source-address`; starts as configured.
    pub trust_address: bool,
    /// `replace`
    pub replace: Replace,
    /// `direction`[0], `from-interface`: towards the sender.
    pub from_interface: Option<ByteString>,
    /// `direction`[1], `to-interface`: towards the receiver.
    pub to_interface: Option<ByteString>,
    /// `interface`
    pub interface: Option<ByteString>,
    /// `inbound-peer`: in place of `from_interface`.
    pub inbound_peer: Option<IpAddr>,
    /// `outbound-peer`: in place of `to_interface`.
    pub outbound_peer: Option<IpAddr>,
    /// `peer`: in place of `interface`.
    pub peer: Option<IpAddr>,
    /// `received-from`
    pub received_from: Option<IpAddr>,
    /// `media-address`
    pub media_address: Option<IpAddr>,
    /// `address-family`
    pub address_family: Option<AddressFamily>,
    /// `transport-protocol`
    pub transport_protocol: Option<TransportProtocol>,
    /// `ICE`; `trickle` and `ice2` are in `flags`.
    pub ice: Ice,
    /// `ICE-lite`
    pub ice_lite: Option<IceLite>,
    /// `rtcp-mux`
    pub rtcp_mux: RtcpMux,
    /// `bundle`
    pub bundle: Bundle,
    /// `DTLS`
    pub dtls: Dtls,
    /// `DTLS-fingerprint`
    pub dtls_fingerprint: Option<FingerprintHash>,
    /// `SDES`
    pub sdes: Sdes,
    /// `OSRTP`
    pub osrtp: Osrtp,
    /// `T.38`, `T.38-version`
    pub t38: T38,
    /// `codec`
    pub codecs: Codecs,
    /// `ptime` in ms; counts in `offer` only.
    pub ptime_ms: Option<i32>,
    /// `ptime-reverse` in ms; counts in `offer` only.
    pub ptime_reverse_ms: Option<i32>,
    /// `extmap`
    pub extmap: Extmap,
    /// `sdp-attr`
    pub sdp_attr: SdpAttr,
    /// `sdp-media-remove`
    pub sdp_media_remove: Vec<MediaType>,
    /// `generate-RTCP`
    pub generate_rtcp: Option<bool>,
    /// `TOS`
    pub tos: Tos,
    /// `endpoint-learning`; starts as configured.
    pub endpoint_learning: EndpointLearning,
    /// `media-echo`
    pub media_echo: Option<MediaEcho>,
    /// `drop-traffic`
    pub drop_traffic: Option<DropTraffic>,
    /// `passthrough`
    pub passthrough: Option<bool>,
    /// `audio-player`
    pub audio_player: AudioPlayer,
    /// `supports` contains `load limit`.
    pub supports_load_limit: bool,
    /// `xmlrpc-callback`
    pub xmlrpc_callback: Option<IpAddr>,

    /// `metadata`
    pub metadata: Option<ByteString>,
    /// Recording.
    pub recording: Recording,
    /// What and how to play.
    pub play: Play,
    /// `moh`
    pub music_on_hold: Option<MusicOnHold>,
    /// DTMF.
    pub dtmf: Dtmf,
    /// `delay-buffer` in ms.
    pub delay_buffer_ms: Option<u32>,
    /// `delete-delay` in seconds.
    pub delete_delay_s: Option<u32>,
    /// `media`
    pub medias: Vec<MediaSpec>,
    /// `limit` (`list`), as given.
    pub limit: Option<i64>,
    /// `body` (`cli`)
    pub body: Option<ByteString>,

    /// Whether the message has a key `rtpp-flags`.
    pub has_rtpp_flags: bool,
    /// Whether the message itself (no flags string) has a key `to-tag`.
    pub has_to_tag_key: bool,
    /// What was not understood, at most [`Request::MAX_WARNINGS`].
    pub warnings: Vec<Warning>,
}

/// Which party a command is about (ng-control.md §11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector<'a> {
    /// `all` = `all`: the whole call.
    All,
    /// The party with this label.
    Label(&'a ByteString),
    /// The first party that advertised this address.
    Address(&'a ByteString),
    /// The party with this tag.
    FromTag(&'a ByteString),
    /// No party is named.
    None,
}

/// The string, if the key is there and not empty.
pub fn present(key: &Option<ByteString>) -> Option<&ByteString> {
    key.as_ref().filter(|value| !value.is_empty())
}

impl Request {
    /// Warnings kept per request; a further one says that there were more.
    pub const MAX_WARNINGS: usize = 64;

    /// A request without any key, with the start values of ng-control.md §4. Templates are not applied.
    pub fn new(command: Command, encoding: Encoding, defaults: &Defaults) -> Self {
        Self {
            command,
            encoding,
            call_id: None,
            from_tag: None,
            to_tag: None,
            via_branch: None,
            label: None,
            set_label: None,
            to_label: None,
            from_tags: Vec::new(),
            to_call_id: None,
            source_tag: None,
            source_call_id: None,
            calls: Vec::new(),
            tags: Vec::new(),
            address: None,
            alias_key: AliasKey::default(),
            instance: None,
            message_type: None,
            sip_code: None,
            all: All::default(),
            sdp: None,
            flags: Flags::default(),
            trust_address: !defaults.sip_source,
            replace: Replace::default(),
            from_interface: None,
            to_interface: None,
            interface: None,
            inbound_peer: None,
            outbound_peer: None,
            peer: None,
            received_from: None,
            media_address: None,
            address_family: None,
            transport_protocol: None,
            ice: Ice::default(),
            ice_lite: None,
            rtcp_mux: RtcpMux::default(),
            bundle: Bundle::default(),
            dtls: Dtls { off: false, passive: defaults.dtls_passive },
            dtls_fingerprint: None,
            sdes: Sdes::default(),
            osrtp: Osrtp::default(),
            t38: T38::default(),
            codecs: Codecs::default(),
            ptime_ms: None,
            ptime_reverse_ms: None,
            extmap: Extmap::default(),
            sdp_attr: SdpAttr::default(),
            sdp_media_remove: Vec::new(),
            generate_rtcp: None,
            tos: Tos::default(),
            endpoint_learning: defaults.endpoint_learning,
            media_echo: None,
            drop_traffic: None,
            passthrough: None,
            audio_player: AudioPlayer::default(),
            supports_load_limit: false,
            xmlrpc_callback: None,
            metadata: None,
            recording: Recording::default(),
            play: Play::default(),
            music_on_hold: None,
            dtmf: Dtmf::default(),
            delay_buffer_ms: None,
            delete_delay_s: None,
            medias: Vec::new(),
            limit: None,
            body: None,
            has_rtpp_flags: false,
            has_to_tag_key: false,
            warnings: Vec::new(),
        }
    }

    /// Whether the flag is set.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.has(flag)
    }

    /// The call-id, if not empty.
    pub fn call_id(&self) -> Option<&ByteString> {
        present(&self.call_id)
    }

    /// The from-tag, if not empty.
    pub fn from_tag(&self) -> Option<&ByteString> {
        present(&self.from_tag)
    }

    /// The to-tag, if not empty.
    pub fn to_tag(&self) -> Option<&ByteString> {
        present(&self.to_tag)
    }

    /// Every call-id the request touches, for routing: `call-id`, `to-call-id`, `source-call-id`, `calls`.
    pub fn call_ids(&self) -> impl Iterator<Item = &ByteString> {
        let single = [&self.call_id, &self.to_call_id, &self.source_call_id];
        single.into_iter().filter_map(present).chain(self.calls.iter().filter(|id| !id.is_empty()))
    }

    /// The party that the command selects. The one place where the rule about `directional` is decided: the six commands
    /// that agents always give a from-tag listen to it only with that flag (ng-control.md §11.1, current rule).
    pub fn selector(&self) -> Selector<'_> {
        if self.all == All::All {
            return Selector::All;
        }
        if let Some(label) = present(&self.label) {
            return Selector::Label(label);
        }
        if let Some(address) = present(&self.address) {
            return Selector::Address(address);
        }
        match self.from_tag() {
            Some(tag) if !self.needs_directional() || self.has(Flag::Directional) => Selector::FromTag(tag),
            _ => Selector::None,
        }
    }

    fn needs_directional(&self) -> bool {
        matches!(
            self.command,
            Command::BlockDtmf
                | Command::UnblockDtmf
                | Command::BlockMedia
                | Command::UnblockMedia
                | Command::StartForwarding
                | Command::StopForwarding
        )
    }

    /// The to-tag that `delete` honours: with the flag `to-tag`, or given as a key of a message without `rtpp-flags`
    /// (ng-control.md §11.4, combined rule).
    pub fn delete_to_tag(&self) -> Option<&ByteString> {
        let meant = self.has(Flag::ToTag) || (self.has_to_tag_key && !self.has_rtpp_flags);
        self.to_tag().filter(|_| meant)
    }

    /// The subscriber's tag in `subscribe request`; `None`: choose a random one (ng-control.md §11.9).
    pub fn subscriber_tag(&self) -> Option<&ByteString> {
        let meant = self.has(Flag::ToTag) || !self.has_rtpp_flags;
        self.to_tag().filter(|_| meant)
    }

    /// The label to store: for the sender of SDP that is `label`, for a selected party `set-label`, and for a subscriber
    /// `set-label` or else `to-label`.
    pub fn subscriber_label(&self) -> Option<&ByteString> {
        present(&self.set_label).or_else(|| present(&self.to_label))
    }

    /// What to do about recording in offer, answer and publish: key and flags together, start before stop before discard
    /// (recording.md §2.2).
    pub fn record_call(&self) -> Option<RecordCall> {
        if self.recording.call == Some(RecordCall::Start) || self.has(Flag::RecordCall) {
            return Some(RecordCall::Start);
        }
        if self.recording.call == Some(RecordCall::Stop) {
            return Some(RecordCall::Stop);
        }
        let discard = self.recording.call == Some(RecordCall::Discard) || self.has(Flag::DiscardRecording);
        discard.then_some(RecordCall::Discard)
    }

    /// The mode of `block DTMF`: as given, else `drop`, or `off` if a trigger or its mode is given
    /// (ng-control.md §11.7).
    pub fn dtmf_security(&self) -> DtmfSecurity {
        let default = match (&self.dtmf.trigger, self.dtmf.security_trigger) {
            (None, None) => DtmfSecurity::Drop,
            _ => DtmfSecurity::Off,
        };
        self.dtmf.security.unwrap_or(default)
    }

    pub(crate) fn warn(&mut self, warning: Warning) {
        match self.warnings.len() {
            count if count < Self::MAX_WARNINGS => self.warnings.push(warning),
            Self::MAX_WARNINGS => self.warnings.push(Warning::More),
            _ => {}
        }
    }
}
