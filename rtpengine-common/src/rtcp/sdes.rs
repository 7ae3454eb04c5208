//! Source description, goodbye and application-defined packets (RFC 3550 sections 6.5 to 6.7).

/// Types of SDES items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SdesItemType {
    /// Canonical name.
    Cname,
    /// User name.
    Name,
    /// Electronic mail address.
    Email,
    /// Phone number.
    Phone,
    /// Geographic location.
    Location,
    /// Name of application or tool.
    Tool,
    /// Notice about the source.
    Note,
    /// Private extension.
    Private,
    /// Media identification (RFC 8843 section 15.2).
    Mid,
    /// Any other number but 0.
    Other(u8),
}

impl SdesItemType {
    /// The type with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Cname,
            2 => Self::Name,
            3 => Self::Email,
            4 => Self::Phone,
            5 => Self::Location,
            6 => Self::Tool,
            7 => Self::Note,
            8 => Self::Private,
            15 => Self::Mid,
            other => Self::Other(other),
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Cname => 1,
            Self::Name => 2,
            Self::Email => 3,
            Self::Phone => 4,
            Self::Location => 5,
            Self::Tool => 6,
            Self::Note => 7,
            Self::Private => 8,
            Self::Mid => 15,
            Self::Other(number) => number,
        }
    }
}

/// One item of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesItem<'a> {
    /// What it says.
    pub item_type: SdesItemType,
    /// The text, at most 255 bytes, meant to be UTF-8.
    pub value: &'a [u8],
}

/// The items about one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesChunk<'a> {
    /// The source.
    pub ssrc: u32,
    items: &'a [u8],
}

impl<'a> SdesChunk<'a> {
    /// The items in order; a truncated one ends the list.
    pub fn items(&self) -> impl Iterator<Item = SdesItem<'a>> + use<'a> {
        let mut rest = self.items;
        std::iter::from_fn(move || {
            let (item, after) = split_item(rest)?;
            rest = after;
            Some(item)
        })
    }
}

fn split_item(bytes: &[u8]) -> Option<(SdesItem<'_>, &[u8])> {
    let (&[number, length], rest) = bytes.split_first_chunk::<2>()?;
    if number == 0 {
        return None;
    }
    let (value, rest) = rest.split_at_checked(usize::from(length))?;
    Some((SdesItem { item_type: SdesItemType::from_number(number), value }, rest))
}

/// Source description.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    body: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body }
    }

    /// The chunks in order; the packet's end ends the list, its count field is not trusted.
    pub fn chunks(&self) -> impl Iterator<Item = SdesChunk<'a>> + use<'a> {
        let mut rest = self.body;
        std::iter::from_fn(move || {
            let (ssrc, after) = rest.split_first_chunk::<4>()?;
            let mut tail = after;
            while let Some((_, after)) = split_item(tail) {
                tail = after;
            }
            let items_len = after.len() - tail.len();
            // The list ends with at least one zero byte and goes on to a word boundary.
            let chunk_len = (items_len / 4 + 1) * 4;
            rest = after.get(chunk_len..).unwrap_or_default();
            Some(SdesChunk {
                ssrc: u32::from_be_bytes(*ssrc),
                items: after.get(..items_len).unwrap_or_default(),
            })
        })
    }
}

/// Goodbye.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    sources: &'a [[u8; 4]],
    reason: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn new(count: u8, body: &'a [u8]) -> Self {
        let (sources, reason) = body.split_at_checked(4 * usize::from(count)).unwrap_or((body, &[]));
        Self { sources: sources.as_chunks().0, reason }
    }

    /// The sources that leave.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.sources.iter().map(|ssrc| u32::from_be_bytes(*ssrc))
    }

    /// Why, if they say so.
    #[must_use]
    pub fn reason(&self) -> Option<&'a [u8]> {
        let (&length, rest) = self.reason.split_first()?;
        rest.get(..usize::from(length))
    }
}

/// Application-defined packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct App<'a> {
    /// Subtype, 0..=31.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// Four ASCII characters.
    pub name: [u8; 4],
    /// The rest.
    pub data: &'a [u8],
}

impl<'a> App<'a> {
    pub(super) fn read(subtype: u8, body: &'a [u8]) -> Option<Self> {
        let (ssrc, rest) = body.split_first_chunk()?;
        let (name, data) = rest.split_first_chunk()?;
        Some(Self { subtype, ssrc: u32::from_be_bytes(*ssrc), name: *name, data })
    }
}
