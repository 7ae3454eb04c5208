//! Reading the SDP that the daemon returns: lines, sections, and the few values that phones act on.

use std::net::{IpAddr, SocketAddr};

/// A session description, split into lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    /// The lines before the first `m=`.
    pub session: Vec<String>,
    /// The sections.
    pub sections: Vec<Section>,
}

/// One media section: the `m=` line and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its lines, `m=` first.
    pub lines: Vec<String>,
    /// The value of the session's `c=`, which holds where the section has none of its own.
    pub session_connection: Option<String>,
}

impl Sdp {
    /// Splits a body whose lines all end in CR LF, as those of the daemon do.
    ///
    /// # Panics
    /// When a line ends otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with("\r\n"), "the last line is not ended: {text:?}");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "a bare line feed: {text:?}");
        let mut sdp = Self { session: Vec::new(), sections: Vec::new() };
        let mut session_connection = None;
        for line in text.trim_end_matches("\r\n").split("\r\n") {
            assert!(line.as_bytes().get(1) == Some(&b'='), "not an SDP line: {line:?}");
            match (line.starts_with("m="), sdp.sections.last_mut()) {
                (true, _) => {
                    let session_connection = session_connection.clone();
                    sdp.sections.push(Section { lines: vec![line.to_string()], session_connection });
                }
                (false, Some(section)) => section.lines.push(line.to_string()),
                (false, None) => {
                    session_connection = line.strip_prefix("c=").map(str::to_string).or(session_connection);
                    sdp.session.push(line.to_string());
                }
            }
        }
        sdp
    }

    /// The first session line with this letter, without the letter.
    #[must_use]
    pub fn line(&self, letter: char) -> Option<&str> {
        line(&self.session, letter)
    }
}

impl Section {
    fn media(&self) -> Vec<&str> {
        self.lines[0][2..].split(' ').collect()
    }

    /// The media type.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.media()[0]
    }

    /// The port of the `m=` line.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.media()[1].parse().unwrap_or_else(|_| panic!("no port in {:?}", self.lines[0]))
    }

    /// The transport protocol.
    #[must_use]
    pub fn protocol(&self) -> &str {
        self.media()[2]
    }

    /// The format list.
    #[must_use]
    pub fn formats(&self) -> Vec<&str> {
        self.media().split_off(3)
    }

    /// The address of the section's `c=` line, or else the session's.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        let value = line(&self.lines, 'c').or(self.session_connection.as_deref());
        let value = value.unwrap_or_else(|| panic!("no c= for {:?}", self.lines));
        let address = value.strip_prefix("IN IP4 ").or_else(|| value.strip_prefix("IN IP6 "));
        address.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("bad c={value}"))
    }

    /// Where RTP is wanted.
    #[must_use]
    pub fn rtp(&self) -> SocketAddr {
        SocketAddr::new(self.address(), self.port())
    }

    /// Where RTCP is wanted: `a=rtcp` or the next port (RFC 3605).
    ///
    /// # Panics
    /// When `a=rtcp` cannot be read.
    #[must_use]
    pub fn rtcp(&self) -> SocketAddr {
        let Some(value) = self.value("rtcp") else {
            return SocketAddr::new(self.address(), self.port().wrapping_add(1));
        };
        let mut words = value.split(' ');
        let port = words.next().and_then(|word| word.parse().ok());
        let address = words.nth(2).map_or(Some(self.address()), |word| word.parse().ok());
        let (Some(address), Some(port)) = (address, port) else { panic!("bad a=rtcp:{value}") };
        SocketAddr::new(address, port)
    }

    /// Whether the attribute `a=name` or `a=name:…` is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.lines.iter().filter_map(|line| line.strip_prefix("a=")).any(|attribute| {
            attribute == name || attribute.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
        })
    }

    /// The value of the first `a=name:…`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).into_iter().next()
    }

    /// The values of all `a=name:…`.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        let attributes = self.lines.iter().filter_map(|line| line.strip_prefix("a="));
        attributes
            .filter_map(|text| text.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')))
            .collect()
    }

    /// The direction attribute.
    #[must_use]
    pub fn direction(&self) -> Option<&str> {
        ["sendrecv", "sendonly", "recvonly", "inactive"].into_iter().find(|name| self.has(name))
    }
}

fn line(lines: &[String], letter: char) -> Option<&str> {
    lines.iter().find_map(|line| line.strip_prefix(letter).and_then(|rest| rest.strip_prefix('=')))
}

/// Joins lines into a body.
#[must_use]
pub fn body<L: AsRef<str>>(lines: &[L]) -> String {
    lines.iter().map(|line| format!("{}\r\n", line.as_ref())).collect()
}

/// Asserts that `actual` consists of exactly the lines of `expected`, where `PORT`, `RTCP` and the like stand for
/// numbers given in `numbers`.
///
/// # Panics
/// When it does not.
#[track_caller]
pub fn assert_body(actual: &str, expected: &[&str], numbers: &[(&str, u16)]) {
    let mut wanted = body(expected);
    for (name, number) in numbers {
        wanted = wanted.replace(name, &number.to_string());
    }
    assert!(actual == wanted, "the body is\n{actual}\nbut should be\n{wanted}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read() {
        let text = body(&[
            "v=0",
            "o=- 1 2 IN IP4 192.0.2.1",
            "m=audio 30000 RTP/AVP 0 8",
            "c=IN IP4 192.0.2.200",
            "a=sendonly",
            "a=rtcp:30001",
            "m=video 0 RTP/AVP 96",
            "c=IN IP6 ::",
            "a=rtcp-mux",
        ]);
        let sdp = Sdp::parse(&text);
        assert_eq!(sdp.line('o'), Some("- 1 2 IN IP4 192.0.2.1"));
        let [audio, video] = &sdp.sections[..] else { panic!() };
        assert_eq!((audio.kind(), audio.port(), audio.formats()), ("audio", 30000, vec!["0", "8"]));
        assert_eq!(audio.rtcp(), "192.0.2.200:30001".parse().unwrap());
        assert_eq!(audio.direction(), Some("sendonly"));
        assert!(!audio.has("rtcp-mux") && video.has("rtcp-mux"));
        assert_eq!(video.address(), "::".parse::<IpAddr>().unwrap());
    }
}
