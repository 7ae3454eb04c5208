//! RTP header extensions: the one-byte and two-byte forms of RFC 8285, read, built and replaced in
//! place (media-plane.md 14).

use std::ops::Range;

use arrayvec::ArrayVec;
use thiserror::Error;

use super::packet::{RtpError, RtpPacket};

/// Profile of the one-byte form (RFC 8285 section 4.2).
pub const PROFILE_ONE_BYTE: u16 = 0xbede;
/// Profile of the two-byte form with "appbits" 0 (RFC 8285 section 4.3).
pub const PROFILE_TWO_BYTE: u16 = 0x1000;

/// Bytes of elements a rebuilt extension may have. Real ones stay below 100 bytes; the bound only
/// keeps a hostile packet from growing past the room around it.
const MAX_BODY: usize = 2048;

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionForm {
    /// Ids 1..=14, values of 1..=16 bytes.
    OneByte,
    /// Ids 1..=255, values of 0..=255 bytes.
    TwoByte,
}

impl ExtensionForm {
    /// The profile value written in front of the elements.
    #[must_use]
    pub fn profile(self) -> u16 {
        match self {
            Self::OneByte => PROFILE_ONE_BYTE,
            Self::TwoByte => PROFILE_TWO_BYTE,
        }
    }

    /// Form announced by a received profile; `None` for profiles without elements.
    #[must_use]
    pub fn from_profile(profile: u16) -> Option<Self> {
        match profile {
            PROFILE_ONE_BYTE => Some(Self::OneByte),
            0x1000..=0x100f => Some(Self::TwoByte),
            _ => None,
        }
    }
}

/// The header extension of a packet: profile and the words after the length field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The 16 bits "defined by profile".
    pub profile: u16,
    /// What follows the length field; a multiple of 4 bytes.
    pub body: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The elements in received order; none for profiles other than those of RFC 8285.
    #[must_use]
    pub fn elements(&self) -> Elements<'a> {
        match ExtensionForm::from_profile(self.profile) {
            Some(form) => Elements { form, rest: self.body },
            None => Elements { form: ExtensionForm::OneByte, rest: &[] },
        }
    }

    /// Value of the first element with this id.
    #[must_use]
    pub fn find(&self, id: u8) -> Option<&'a [u8]> {
        self.elements().find(|element| element.id == id).map(|element| element.value)
    }
}

/// One extension element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Local identifier as negotiated by `a=extmap`, never 0.
    pub id: u8,
    /// The value.
    pub value: &'a [u8],
}

/// Iterator over the elements of an extension. A truncated element ends it.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    form: ExtensionForm,
    rest: &'a [u8],
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let padding = self.rest.iter().take_while(|&&byte| byte == 0).count();
        let rest = self.rest.get(padding..)?;
        // An early return ends the iteration for good.
        self.rest = &[];
        let (id, length, rest) = match self.form {
            ExtensionForm::OneByte => {
                let (&head, rest) = rest.split_first()?;
                let id = head >> 4;
                // Id 15 is reserved, and id 0 with a length is no padding: both end the processing
                // of the whole extension (RFC 8285 section 4.2).
                if matches!(id, 0 | 15) {
                    return None;
                }
                (id, usize::from(head & 0x0f) + 1, rest)
            }
            ExtensionForm::TwoByte => {
                let (&[id, length], rest) = rest.split_first_chunk::<2>()?;
                (id, usize::from(length), rest)
            }
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Element { id, value })
    }
}

/// Why an element was left out of an [`ExtensionBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PushError {
    /// Id or length cannot be written in the one-byte form.
    #[error("RTP extension with id {id} length {length} not valid for short form")]
    NotShort {
        /// The element's id.
        id: u8,
        /// Length of its value.
        length: usize,
    },
    /// Id 0, or a value of more than 255 bytes: no form can carry it.
    #[error("RTP extension with id {id} length {length} not valid")]
    Invalid {
        /// The element's id.
        id: u8,
        /// Length of its value.
        length: usize,
    },
    /// The extension has reached its largest size.
    #[error("RTP header extension too long")]
    Full,
}

/// Collects elements for an outgoing packet, without allocation.
#[derive(Clone, Debug)]
pub struct ExtensionBuilder {
    form: ExtensionForm,
    body: ArrayVec<u8, MAX_BODY>,
}

impl ExtensionBuilder {
    /// An empty extension of the given form.
    #[must_use]
    pub fn new(form: ExtensionForm) -> Self {
        Self { form, body: ArrayVec::new() }
    }

    /// The form elements are written in.
    #[must_use]
    pub fn form(&self) -> ExtensionForm {
        self.form
    }

    /// Whether an element can be written in a form.
    #[must_use]
    pub fn fits(form: ExtensionForm, id: u8, length: usize) -> bool {
        match form {
            ExtensionForm::OneByte => (1..=14).contains(&id) && (1..=16).contains(&length),
            ExtensionForm::TwoByte => id != 0 && length <= 255,
        }
    }

    /// Appends an element.
    ///
    /// # Errors
    /// [`PushError`]; the element is left out and the builder stays as it was.
    pub fn push(&mut self, id: u8, value: &[u8]) -> Result<(), PushError> {
        let length = value.len();
        let (Ok(length_byte), true) = (u8::try_from(length), id != 0) else {
            return Err(PushError::Invalid { id, length });
        };
        let head_len = match self.form {
            ExtensionForm::OneByte => 1,
            ExtensionForm::TwoByte => 2,
        };
        if !Self::fits(self.form, id, length) {
            return Err(PushError::NotShort { id, length });
        }
        // MAX_BODY is a multiple of 4, so what fits here also fits after padding.
        if self.body.remaining_capacity() < head_len + length {
            return Err(PushError::Full);
        }
        let pushed = match self.form {
            ExtensionForm::OneByte => self.body.try_extend_from_slice(&[(id << 4) | (length_byte - 1)]),
            ExtensionForm::TwoByte => self.body.try_extend_from_slice(&[id, length_byte]),
        };
        pushed.and_then(|()| self.body.try_extend_from_slice(value)).map_err(|_| PushError::Full)
    }

    /// No element was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Pads to whole words and gives the extension; `None` when it is empty.
    pub fn finish(&mut self) -> Option<Extension<'_>> {
        if self.body.is_empty() {
            return None;
        }
        while !self.body.len().is_multiple_of(4) {
            self.body.try_push(0).ok()?;
        }
        Some(Extension { profile: self.form.profile(), body: &self.body })
    }
}

/// Why [`replace_extension`] left the packet alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplaceError {
    /// The bytes are no RTP packet.
    #[error(transparent)]
    NotRtp(#[from] RtpError),
    /// The new extension is no whole number of words, or longer than its length field can say.
    #[error("invalid length of header extension")]
    Length,
    /// Neither in front of nor behind the packet is enough room.
    #[error("no room for header extension")]
    NoRoom,
}

/// Replaces the header extension of the packet at `room[span]`: `None` takes it out.
///
/// Growth goes into the room in front of the packet where possible, so that the payload stays where
/// it is; otherwise the payload moves into the room behind. Returns the packet's new place.
///
/// # Errors
/// [`ReplaceError`]; the packet is unchanged then.
pub fn replace_extension(
    room: &mut [u8],
    span: Range<usize>,
    extension: Option<Extension<'_>>,
) -> Result<Range<usize>, ReplaceError> {
    let packet = RtpPacket::parse(room.get(span.clone()).ok_or(RtpError::ShortHeader)?)?;
    let csrc_end = packet.csrc_end();
    let old = packet.payload_start() - csrc_end;
    let new = extension.map_or(0, |extension| 4 + extension.body.len());
    let words = u16::try_from(new.saturating_sub(4) / 4).map_err(|_| ReplaceError::Length)?;
    if !new.is_multiple_of(4) {
        return Err(ReplaceError::Length);
    }
    let moved = if new <= span.start + old {
        let start = span.start + old - new;
        room.copy_within(span.start..span.start + csrc_end, start);
        start..span.end
    } else {
        let end = span.end + (new - old);
        if end > room.len() {
            return Err(ReplaceError::NoRoom);
        }
        let payload = span.start + csrc_end + old;
        room.copy_within(payload..span.end, payload + (new - old));
        span.start..end
    };
    let packet = room.get_mut(moved.clone()).ok_or(ReplaceError::NoRoom)?;
    if let Some(first) = packet.first_mut() {
        *first = (*first & !0x10) | (u8::from(extension.is_some()) << 4);
    }
    let place = packet.get_mut(csrc_end..csrc_end + new).unwrap_or_default();
    if let (Some(extension), Some((head, body))) = (extension, place.split_first_chunk_mut::<4>()) {
        head[..2].copy_from_slice(&extension.profile.to_be_bytes());
        head[2..].copy_from_slice(&words.to_be_bytes());
        body.copy_from_slice(extension.body);
    }
    Ok(moved)
}
