//! Where the datagrams of an association go, so that nobody can have them sent to a third party (media-plane.md §10.5 rule 2, with
//! RFC 6347 §4.2.1 in mind).

use std::net::SocketAddr;

/// Who has been heard from, and how much may be said in reply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// Where the last datagram came from.
    source: Option<SocketAddr>,
    /// Bytes that came from there and were not matched by as many in reply.
    credit: usize,
    /// The last source that was proven to be the peer's.
    proven: Option<SocketAddr>,
}

impl Reach {
    /// So many bytes came from there.
    pub fn heard(&mut self, source: SocketAddr, bytes: usize) {
        if self.source != Some(source) {
            (self.source, self.credit) = (Some(source), 0);
        }
        self.credit = self.credit.saturating_add(bytes);
    }

    /// Who the last datagram came from can receive what is sent there: ICE or a cookie says so, or it completed the handshake.
    pub fn prove(&mut self) {
        self.proven = self.source;
    }

    /// Where so many bytes are to go: to the last source, if it is the `endpoint` that is written to unasked, or proven, or has sent as
    /// much itself; else to where it is safe.
    pub fn target(&mut self, bytes: usize, endpoint: Option<SocketAddr>) -> Option<SocketAddr> {
        let safe = self.proven.or(endpoint);
        let Some(source) = self.source else { return safe };
        if self.proven == Some(source) || endpoint == Some(source) {
            return Some(source);
        }
        let Some(credit) = self.credit.checked_sub(bytes) else { return safe };
        self.credit = credit;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn what_is_sent_unasked_goes_to_the_endpoint() {
        let mut reach = Reach::default();
        assert_eq!(reach.target(200, Some(at(1))), Some(at(1)));
        assert_eq!(reach.target(200, None), None);
    }

    #[test]
    fn a_foreign_source_gets_no_more_than_it_sent() {
        let mut reach = Reach::default();
        reach.heard(at(9), 100);
        assert_eq!(reach.target(60, None), Some(at(9)));
        assert_eq!(reach.target(60, None), None);
        assert_eq!(reach.target(60, Some(at(1))), Some(at(1)));
        reach.heard(at(9), 20);
        assert_eq!(reach.target(60, None), Some(at(9)));
        assert_eq!(reach.target(1, None), None);
        // What one source sent is nothing another one could have.
        reach.heard(at(9), 1000);
        reach.heard(at(8), 10);
        assert_eq!(reach.target(11, None), None);
    }

    #[test]
    fn a_proven_source_is_returned_to() {
        let mut reach = Reach::default();
        reach.heard(at(5), 10);
        reach.prove();
        assert_eq!(reach.target(1000, None), Some(at(5)));
        reach.heard(at(9), 10);
        assert_eq!(reach.target(1000, Some(at(1))), Some(at(5)));
        // The peer goes on from another port: its flight is larger than our last one.
        reach.heard(at(6), 900);
        assert_eq!(reach.target(75, None), Some(at(6)));
        reach.prove();
        assert_eq!(reach.target(5000, None), Some(at(6)));
    }
}
