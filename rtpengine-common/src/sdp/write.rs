//! A parsed body back to bytes.

use std::net::IpAddr;

use super::address::AddressFamily;
use super::model::{Common, Media, Sdp, Session};

/// Appends `LETTER=value` and CR LF.
pub(crate) fn line(out: &mut Vec<u8>, letter: u8, value: &[u8]) {
    out.extend_from_slice(&[letter, b'=']);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a number: dozens stand in a body, and the general way costs several times as much.
pub(super) fn number(out: &mut Vec<u8>, value: impl Into<u64>) {
    let mut left = value.into();
    let mut digits = [b'0'; 20];
    let mut begin = digits.len() - 1;
    while left > 9 {
        digits[begin] = b'0' + (left % 10) as u8;
        left /= 10;
        begin -= 1;
    }
    digits[begin] = b'0' + left as u8;
    out.extend_from_slice(&digits[begin..]);
}

/// Appends an address. Every candidate has one, so that the common kind does not go the general way.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            number(out, a);
            for octet in [b, c, d] {
                out.push(b'.');
                number(out, octet);
            }
        }
        IpAddr::V6(address) => out.extend_from_slice(address.to_string().as_bytes()),
    }
}

/// Appends `IN IP4 ADDRESS`.
pub(super) fn network_address(out: &mut Vec<u8>, ip: IpAddr) {
    out.extend_from_slice(b"IN ");
    out.extend_from_slice(AddressFamily::of(ip).name().as_bytes());
    out.push(b' ');
    address(out, ip);
}

fn optional(out: &mut Vec<u8>, letter: u8, value: Option<&[u8]>) {
    if let Some(value) = value {
        line(out, letter, value);
    }
}

impl Sdp<'_> {
    /// Prints what was kept of the body, in RFC 8866 order.
    ///
    /// What holds: parsing the printed body gives an equal model (`sessions`; there is nothing to warn of any more), and printing that gives
    /// the same bytes. Attributes keep their text, known ones too. Not kept are: what a later line of the same letter replaced, attributes that
    /// failed their syntax, `k=`, `r=` and `z=` lines, other bandwidth types, what follows the address in `c=` and `o=` and the digits in an
    /// `m=` port, and everything behind a blank line.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 64);
        for session in &self.sessions {
            write_session(&mut out, session);
        }
        out
    }
}

fn write_session(out: &mut Vec<u8>, session: &Session<'_>) {
    if !session.implicit {
        line(out, b'v', b"0");
    }
    if let Some(origin) = &session.origin {
        let version = origin.version.to_string();
        let fields = [
            origin.username,
            origin.session_id,
            version.as_bytes(),
            origin.network_type,
            origin.address_type,
            origin.address,
        ];
        line(out, b'o', &fields.join(&b' '));
    }
    optional(out, b's', session.name);
    optional(out, b'i', session.common.information);
    optional(out, b'u', session.uri);
    optional(out, b'e', session.email);
    optional(out, b'p', session.phone);
    write_addresses(out, &session.common);
    optional(out, b't', session.timing);
    write_attributes(out, &session.common);
    for media in &session.media {
        write_media(out, media);
    }
}

fn write_media(out: &mut Vec<u8>, media: &Media<'_>) {
    let mut port = media.port.to_string();
    if media.port_count != 1 {
        port.push_str(&format!("/{}", media.port_count));
    }
    line(out, b'm', &[media.media_type, port.as_bytes(), media.protocol, media.formats].join(&b' '));
    optional(out, b'i', media.common.information);
    write_addresses(out, &media.common);
    write_attributes(out, &media.common);
}

fn write_addresses(out: &mut Vec<u8>, common: &Common<'_>) {
    if let Some(address) = common.connection {
        out.extend_from_slice(b"c=");
        network_address(out, address);
        out.extend_from_slice(b"\r\n");
    }
    for (kind, value) in common.bandwidth.iter() {
        line(out, b'b', format!("{}:{value}", kind.name()).as_bytes());
    }
}

fn write_attributes(out: &mut Vec<u8>, common: &Common<'_>) {
    for attribute in &common.attributes {
        line(out, b'a', attribute.text);
    }
}
