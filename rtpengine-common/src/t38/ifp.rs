//! The grammar of IFP messages (T.38 §8, Annex A), as far as it takes to know where a message ends and that it is one. Only what
//! passes here is given to the library.

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IfpError {
    /// It ends too early.
    #[error("message is cut off")]
    Truncated,
    /// An indicator carries a data field.
    #[error("indicator with data")]
    IndicatorWithData,
    /// Number of an indicator, data type or field type that does not exist.
    #[error("unknown {0}")]
    Unknown(&'static str),
}

/// Last indicator and data type of T.38 without extension, and in the extension.
const INDICATORS: u8 = 15;
const MORE_INDICATORS: u8 = 6;
const DATA_TYPES: u8 = 8;
const MORE_DATA_TYPES: u8 = 5;
/// Last field type in the extension; without, all eight numbers have a meaning.
const MORE_FIELD_TYPES: u8 = 3;

/// Length in octets of the message at the start of `bytes`. `version`: that of T.38 in use; 0 writes data fields in another way (the
/// first edition had no extension mark there, and packs fields without data into half octets).
///
/// # Errors
/// If there is no complete message.
pub fn measure(bytes: &[u8], version: u32) -> Result<usize, IfpError> {
    let mut reader = Reader { bytes, at: 0 };
    let first = reader.octet()?;
    let (has_data, is_data, extended) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x20 != 0);
    let number = if extended { (first << 2 & 0x3c) | (reader.octet()? >> 6) } else { first >> 1 & 0x0f };
    if !is_data {
        if has_data {
            return Err(IfpError::IndicatorWithData);
        }
        let last = if extended { MORE_INDICATORS } else { INDICATORS };
        return if number > last { Err(IfpError::Unknown("indicator")) } else { Ok(reader.at) };
    }
    if number > if extended { MORE_DATA_TYPES } else { DATA_TYPES } {
        return Err(IfpError::Unknown("data type"));
    }
    if has_data {
        let count = reader.octet()?;
        if version == 0 { reader.first_edition(count)? } else { reader.fields(count)? }
    }
    Ok(reader.at)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn octet(&mut self) -> Result<u8, IfpError> {
        let octet = self.bytes.get(self.at).copied().ok_or(IfpError::Truncated)?;
        self.at += 1;
        Ok(octet)
    }

    /// The data of a field: 16 bits with its length less one, then that.
    fn data(&mut self) -> Result<(), IfpError> {
        let length = u16::from_be_bytes([self.octet()?, self.octet()?]);
        self.at += usize::from(length) + 1;
        if self.at > self.bytes.len() { Err(IfpError::Truncated) } else { Ok(()) }
    }

    fn fields(&mut self, count: u8) -> Result<(), IfpError> {
        for _ in 0..count {
            let first = self.octet()?;
            if first & 0x40 != 0 {
                let number = (first << 2 & 0x3c) | (self.octet()? >> 6);
                if number > MORE_FIELD_TYPES {
                    return Err(IfpError::Unknown("field type"));
                }
            }
            if first & 0x80 != 0 {
                self.data()?;
            }
        }
        Ok(())
    }

    fn first_edition(&mut self, count: u8) -> Result<(), IfpError> {
        // The low half of this octet is the next field's.
        let mut half = None;
        for _ in 0..count {
            let nibble = match half.take() {
                Some(octet) => octet & 0x0f,
                None => {
                    let octet = self.octet()?;
                    if octet & 0x80 == 0 {
                        half = Some(octet);
                    }
                    octet >> 4
                }
            };
            if nibble & 0x08 != 0 {
                self.data()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indicators() {
        assert_eq!(measure(&[0x00], 0), Ok(1), "no signal");
        assert_eq!(measure(&[0x06, 9, 9], 0), Ok(1), "V.21 preamble, and something behind it");
        assert_eq!(measure(&[0x20, 0x40], 3), Ok(2), "V.8 signal");
        assert_eq!(measure(&[0x23, 0xc0], 3), Err(IfpError::Unknown("indicator")));
        assert_eq!(measure(&[0x80], 0), Err(IfpError::IndicatorWithData));
        assert_eq!(measure(&[], 0), Err(IfpError::Truncated));
        assert_eq!(measure(&[0x20], 0), Err(IfpError::Truncated));
    }

    #[test]
    fn data_of_the_first_edition() {
        // V.21, HDLC data of 3 octets.
        assert_eq!(measure(&[0xc0, 1, 0x80, 0, 2, 0xff, 0x13, 0x80], 0), Ok(8));
        // FCS-OK without data and the end of the signal share an octet.
        assert_eq!(measure(&[0xc0, 2, 0x21], 0), Ok(3));
        assert_eq!(measure(&[0xc0, 3, 0x21, 0x20], 0), Ok(4));
        // After half an octet a field with data goes on from the next octet.
        assert_eq!(measure(&[0xc0, 2, 0x28, 0, 0, 1], 0), Ok(6));
        assert_eq!(measure(&[0xc0, 1, 0x80, 0xff, 0xff, 1], 0), Err(IfpError::Truncated));
        assert_eq!(measure(&[0xd2, 1], 0), Err(IfpError::Unknown("data type")));
    }

    #[test]
    fn data_of_later_editions() {
        assert_eq!(measure(&[0xc0, 2, 0x80, 0, 0, 7, 0x10], 3), Ok(7));
        assert_eq!(measure(&[0xc0, 1, 0x41, 0x00], 3), Err(IfpError::Unknown("field type")));
        assert_eq!(measure(&[0xc0, 1, 0x40], 3), Err(IfpError::Truncated));
        assert_eq!(measure(&[0x40], 3), Ok(1), "data type without data");
    }
}
