//! RTP header extensions of a media as signalled (sdp.md §16).

use rtpengine_common::sdp;

/// The URI of the MID extension (RFC 9143).
pub const MID_URI: &[u8] = b"urn:ietf:params:rtp-hdrext:sdes:mid";

/// One extension of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtEntry {
    /// Identifier and URI.
    pub map: sdp::ExtMap,
    /// Answered positively whatever the other side says: MID with `bundle=accept`, or masked.
    pub accepted: bool,
    /// Added by the daemon, not passed to the other side.
    pub synthetic: bool,
}

/// The extensions of one side, in order.
#[derive(Clone, Debug, Default)]
pub struct ExtMaps {
    /// In the order they are printed.
    pub list: Vec<ExtEntry>,
}

/// The `extmap` dictionary of a message.
#[derive(Clone, Debug, Default)]
pub struct ExtMapOptions {
    /// URIs not passed on, or `all`.
    pub strip: Vec<Vec<u8>>,
    /// URIs answered positively and not passed on (offers only), or `all`.
    pub mask: Vec<Vec<u8>>,
}

fn named(list: &[Vec<u8>], uri: &[u8]) -> bool {
    list.iter().any(|name| name == b"all" || name.eq_ignore_ascii_case(uri))
}

impl ExtMaps {
    /// Rule 1: the sender's list becomes what it sent; equal entries keep their state.
    pub fn receive(
        &mut self,
        received: &[sdp::ExtMap],
        options: &ExtMapOptions,
        offer: bool,
        accept_mid: bool,
    ) {
        let old = std::mem::take(&mut self.list);
        self.list = received
            .iter()
            .map(|map| {
                let kept = old.iter().find(|e| e.map == *map);
                let uri = map.uri.as_bytes();
                let accepted = offer && (named(&options.mask, uri) || (accept_mid && uri == MID_URI));
                ExtEntry {
                    map: map.clone(),
                    accepted: accepted || kept.is_some_and(|e| e.accepted),
                    synthetic: kept.is_some_and(|e| e.synthetic),
                }
            })
            .collect();
    }

    /// Rule 2: the receiver's list is its accepted entries, then what the sender offers and the options let through.
    pub fn offer_from(&mut self, sender: &ExtMaps, options: &ExtMapOptions, offer: bool) {
        self.list.retain(|e| e.accepted);
        for entry in sender.list.iter().filter(|e| !e.synthetic) {
            let uri = entry.map.uri.as_bytes();
            let hidden = named(&options.strip, uri) || (offer && named(&options.mask, uri));
            if !hidden && !self.list.iter().any(|e| e.map.id == entry.map.id) {
                self.list.push(ExtEntry { map: entry.map.clone(), accepted: false, synthetic: false });
            }
        }
    }

    /// The identifier of the extension `uri`.
    #[must_use]
    pub fn id_of(&self, uri: &[u8]) -> Option<u8> {
        self.list.iter().find(|e| e.map.uri.as_bytes() == uri).map(|e| e.map.id)
    }

    /// Adds the MID extension the daemon offers itself; another extension under that number goes (sdp.md §15.4).
    pub fn add_mid(&mut self, id: u8) {
        self.list.retain(|e| e.map.id != id);
        let map = sdp::ExtMap { id, uri: sdp::Text::constant(MID_URI) };
        self.list.push(ExtEntry { map, accepted: true, synthetic: true });
    }
}
