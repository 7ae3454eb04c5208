//! RTP header extensions of a media as signalled (sdp.md §16).

use rtpengine_common::sdp::Text;

/// The URI of the MID extension (RFC 9143).
pub const MID_URI: &[u8] = b"urn:ietf:params:rtp-hdrext:sdes:mid";

/// One extension of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtMap {
    /// Identifier: 1…14 and 16…255.
    pub id: u8,
    /// Its name.
    pub uri: Text,
    /// Answered positively whatever the other side says: MID with `bundle=accept`, or masked.
    pub accepted: bool,
    /// Added by the daemon, not passed to the other side.
    pub synthetic: bool,
}

/// The extensions of one side, in order.
#[derive(Clone, Debug, Default)]
pub struct ExtMaps {
    /// In the order they are printed.
    pub list: Vec<ExtMap>,
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
    pub fn receive(&mut self, received: impl Iterator<Item = (u8, Text)>, options: &ExtMapOptions, offer: bool, accept_mid: bool) {
        let old = std::mem::take(&mut self.list);
        self.list = received
            .map(|(id, uri)| {
                let kept = old.iter().find(|e| e.id == id && e.uri == uri);
                let mut entry = kept.cloned().unwrap_or(ExtMap { id, uri, accepted: false, synthetic: false });
                entry.accepted |= offer && (named(&options.mask, entry.uri.as_bytes()) || (accept_mid && entry.uri.as_bytes() == MID_URI));
                entry
            })
            .collect();
    }

    /// Rule 2: the receiver's list is its accepted entries, then what the sender offers and the options let through.
    pub fn offer_from(&mut self, sender: &ExtMaps, options: &ExtMapOptions, offer: bool) {
        self.list.retain(|e| e.accepted);
        for entry in sender.list.iter().filter(|e| !e.synthetic) {
            let uri = entry.uri.as_bytes();
            let hidden = named(&options.strip, uri) || (offer && named(&options.mask, uri));
            if !hidden && !self.list.iter().any(|e| e.id == entry.id) {
                self.list.push(ExtMap { accepted: false, ..entry.clone() });
            }
        }
    }

    /// The identifier of the extension `uri`.
    #[must_use]
    pub fn id_of(&self, uri: &[u8]) -> Option<u8> {
        self.list.iter().find(|e| e.uri.as_bytes() == uri).map(|e| e.id)
    }
}
