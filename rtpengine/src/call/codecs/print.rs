//! A list as SDP text (`codecs.md` §13).

use std::fmt::{self, Write};

use super::list::{CodecList, Entry};

impl CodecList {
    /// The payload numbers for the `m=` line, in list order; empty if the list is.
    pub fn formats(&self) -> impl Iterator<Item = u8> {
        self.entries().iter().map(|entry| entry.payload_type)
    }

    /// The `rtpmap`, `fmtp` and `rtcp-fb` lines of all codecs in list order, each ended by CR LF.
    ///
    /// # Errors
    /// Only what the writer returns; a `String` never fails.
    pub fn write_attributes(&self, out: &mut impl Write) -> fmt::Result {
        self.entries().iter().try_for_each(|entry| entry.write_attributes(out))
    }
}

impl Entry {
    /// The lines of one codec, each ended by CR LF.
    ///
    /// # Errors
    /// Only what the writer returns.
    pub fn write_attributes(&self, out: &mut impl Write) -> fmt::Result {
        let number = self.payload_type;
        self.write_rtpmap(out)?;
        out.write_str("\r\n")?;
        if let Some(fmtp) = self.printed().printed_fmtp() {
            write!(out, "a=fmtp:{number} {fmtp}\r\n")?;
        }
        for value in &self.printed().rtcp_fb {
            write!(out, "a=rtcp-fb:{number} {value}\r\n")?;
        }
        Ok(())
    }

    /// `a=rtpmap:PT name/clock`, with channels only above one.
    fn write_rtpmap(&self, out: &mut impl Write) -> fmt::Result {
        let codec = self.printed();
        write!(out, "a=rtpmap:{} {}/{}", self.payload_type, codec.name, codec.clock)?;
        if codec.channels > 1 { write!(out, "/{}", codec.channels) } else { Ok(()) }
    }
}
