//! Cookies for clients whose address nothing vouches for (RFC 6347 §4.2.1): a client that spoofs its address never sees its cookie,
//! so it cannot have us send a flight with a certificate to somebody else.
//!
//! Nothing is kept between the two hellos: the cookie is a keyed hash of what the client repeats.

use std::net::IpAddr;

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Seconds a key period lasts; a cookie is good for the rest of its own and for the next one.
const PERIOD: u64 = 60;

/// Bytes of a cookie: those of the hash.
const COOKIE: usize = 20;

/// Rounds of a client that comes back from other addresses, or too late; more have no use.
const MAX_ROUNDS: u16 = 3;

/// Bytes in front of a record's content.
const RECORD_HEADER: usize = 13;
/// Bytes in front of a handshake message's body.
const MESSAGE_HEADER: usize = 12;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;

/// The version of a HelloVerifyRequest, whatever is negotiated afterwards (RFC 6347 §4.2.1).
const DTLS_1_0: [u8; 2] = [0xfe, 0xff];
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];

/// What a client that has returned its cookie begins with; the association goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Sequence number of the hello's record, which is ours for the ServerHello as well (48 bits).
    pub(super) record: u64,
    /// Number of the hello among the handshake's messages: how often the client was asked.
    pub(super) message: u16,
}

/// What to do with the first datagram of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// It is no ClientHello, and so for nobody.
    NotHello,
    /// To be answered with this HelloVerifyRequest, which is never longer than what came.
    Ask {
        /// The datagram.
        reply: Vec<u8>,
        /// The client showed a cookie, but not the one for its address and this time.
        wrong: bool,
    },
    /// The client is where it says: the datagram is for an association that begins so.
    Welcome(Opening),
}

/// Whether a datagram begins with a server's request for a cookie.
#[must_use]
pub fn is_verify_request(datagram: &[u8]) -> bool {
    matches!(datagram, [HANDSHAKE, _, _, 0, 0, ..])
        && datagram.get(RECORD_HEADER).is_some_and(|kind| *kind == HELLO_VERIFY_REQUEST)
}

/// Makes cookies and knows them again.
pub(super) struct Cookies {
    key: Hmac<Sha1>,
}

impl Cookies {
    /// `secret` is random and told to nobody.
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        // Any length would do: this hash takes keys of every one.
        let key = Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()));
        Self { key }
    }

    /// Judges the first datagram of a client at `source`, at a time in seconds.
    pub(super) fn greet(&self, source: IpAddr, now: u64, datagram: &[u8]) -> Greeting {
        let Some(hello) = Hello::read(datagram) else { return Greeting::NotHello };
        let period = now / PERIOD;
        let known = [period, period.saturating_sub(1)];
        if known.iter().any(|&period| self.hash(source, period, &hello).verify_slice(hello.cookie).is_ok()) {
            return Greeting::Welcome(Opening { record: hello.record, message: hello.message });
        }
        let cookie: [u8; COOKIE] = self.hash(source, period, &hello).finalize().into_bytes().into();
        let reply = verify_request(&hello, &cookie);
        if reply.len() > datagram.len() {
            return Greeting::NotHello;
        }
        Greeting::Ask { reply, wrong: !hello.cookie.is_empty() }
    }

    fn hash(&self, source: IpAddr, period: u64, hello: &Hello<'_>) -> Hmac<Sha1> {
        let mut hash = self.key.clone();
        match source {
            IpAddr::V4(address) => hash.update(&address.octets()),
            IpAddr::V6(address) => hash.update(&address.octets()),
        }
        hash.update(&period.to_be_bytes());
        hash.update(hello.repeated);
        hash
    }
}

/// What is needed of a ClientHello, or of its first fragment.
struct Hello<'a> {
    record: u64,
    message: u16,
    /// Version, random and session: the client sends them again.
    repeated: &'a [u8],
    cookie: &'a [u8],
}

impl<'a> Hello<'a> {
    fn read(datagram: &'a [u8]) -> Option<Self> {
        let (record, rest) = datagram.split_at_checked(RECORD_HEADER)?;
        let [HANDSHAKE, 0xfe, _, 0, 0, sequence @ .., high, low] = record else { return None };
        let content = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
        let (message, body) = content.split_at_checked(MESSAGE_HEADER)?;
        // The fragment with the begin is enough: all that counts is in front.
        let [CLIENT_HELLO, _, _, _, high, low, 0, 0, 0, size @ ..] = message else { return None };
        let message = u16::from_be_bytes([*high, *low]);
        let size = size.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let body = body.get(..size)?;
        let session = usize::from(*body.get(SESSION)?);
        let (repeated, rest) = body.split_at_checked(SESSION + 1 + session)?;
        let (length, rest) = rest.split_first()?;
        let cookie = rest.get(..usize::from(*length))?;
        let record = sequence.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        (message < MAX_ROUNDS || message == MAX_ROUNDS && !cookie.is_empty()).then_some(Self {
            record,
            message,
            repeated,
            cookie,
        })
    }
}

/// Where the length of the session stands in a ClientHello: behind version and random.
const SESSION: usize = 2 + 32;

/// The HelloVerifyRequest with the numbers of the hello it answers: of the record as RFC 6347 §4.2.1 has it, so that nothing is taken
/// for a repetition, and of the message, as the client waits for that one.
fn verify_request(hello: &Hello<'_>, cookie: &[u8; COOKIE]) -> Vec<u8> {
    let body = [&DTLS_1_0[..], &[COOKIE as u8], cookie].concat();
    handshake_record(hello.record, HELLO_VERIFY_REQUEST, hello.message, &body)
}

/// A ClientHello without cookie. All that is looked at in it is that there is none.
pub(super) fn hello_without_cookie(message: u16) -> Vec<u8> {
    let random = [0; 32];
    let body = [&DTLS_1_2[..], &random, &[0, 0], &[0, 2, 0xc0, 0x2b], &[1, 0]].concat();
    handshake_record(u64::from(message), CLIENT_HELLO, message, &body)
}

/// A record with one short message that is whole.
fn handshake_record(record: u64, kind: u8, message: u16, body: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| (bytes as u32).to_be_bytes();
    let [.., high, low] = length(MESSAGE_HEADER + body.len());
    let [_, size @ ..] = length(body.len());
    let [_, _, sequence @ ..] = record.to_be_bytes();
    [
        &[HANDSHAKE][..],
        &DTLS_1_0,
        &[0, 0],
        &sequence,
        &[high, low, kind],
        &size,
        &message.to_be_bytes(),
        &[0, 0, 0],
        &size,
        body,
    ]
    .concat()
}

/// Raises the sequence numbers of the records of a datagram that are not yet encrypted, whose numbers nothing covers, by so much.
pub(super) fn raise_sequence(datagram: &mut [u8], by: u64) {
    let mut rest = datagram;
    while let Some((header, behind)) = rest.split_at_mut_checked(RECORD_HEADER) {
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        if header[3..5] == [0, 0] {
            let number = header[5..11].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            header[5..11].copy_from_slice(&u64::wrapping_add(number, by).to_be_bytes()[2..]);
        }
        rest = behind.get_mut(length..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn hello(record: u64, message: u16, random: u8, cookie: &[u8]) -> Vec<u8> {
        let body = [
            &DTLS_1_2[..],
            &[random; 32],
            &[3, 1, 2, 3],
            &[cookie.len() as u8],
            cookie,
            &[0, 2, 0xc0, 0x2b, 1, 0],
        ]
        .concat();
        handshake_record(record, CLIENT_HELLO, message, &body)
    }

    #[track_caller]
    fn asked(greeting: Greeting, expect_wrong: bool) -> Vec<u8> {
        let Greeting::Ask { reply, wrong } = greeting else { panic!("{greeting:?}") };
        assert_eq!(wrong, expect_wrong);
        reply
    }

    fn cookie_of(reply: &[u8]) -> Vec<u8> {
        assert_eq!(reply.len(), RECORD_HEADER + MESSAGE_HEADER + 3 + COOKIE);
        reply[reply.len() - COOKIE..].to_vec()
    }

    #[test]
    fn the_request_has_the_form_of_the_rfc() {
        let cookies = Cookies::new(&[7; 32]);
        let reply = asked(cookies.greet(HERE, 0, &hello(5, 0, 9, &[])), false);
        let head = [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 35, 3, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0, 23];
        assert_eq!(reply[..25], head);
        assert_eq!(reply[25..28], [0xfe, 0xff, 20]);
        assert!(is_verify_request(&reply) && !is_verify_request(&reply[..13]));
        assert!(!is_verify_request(&hello(0, 0, 9, &[])));
    }

    #[test]
    fn a_cookie_is_good_for_one_address_one_client_and_a_minute_or_two() {
        let cookies = Cookies::new(&[7; 32]);
        let cookie = cookie_of(&asked(cookies.greet(HERE, 59, &hello(0, 0, 9, &[])), false));
        let second = hello(1, 1, 9, &cookie);
        let welcome = Greeting::Welcome(Opening { record: 1, message: 1 });
        for now in [59, 60, 119] {
            assert_eq!(cookies.greet(HERE, now, &second), welcome, "{now}");
        }
        asked(cookies.greet(HERE, 120, &second), true);
        asked(cookies.greet(THERE, 59, &second), true);
        asked(cookies.greet(HERE, 59, &hello(1, 1, 8, &cookie)), true);
        asked(cookies.greet(HERE, 59, &hello(1, 1, 9, &cookie[..19])), true);
        asked(Cookies::new(&[8; 32]).greet(HERE, 59, &second), true);
    }

    #[test]
    fn a_client_that_moved_is_asked_again_under_its_next_number() {
        let cookies = Cookies::new(&[7; 32]);
        let first = cookie_of(&asked(cookies.greet(HERE, 0, &hello(0, 0, 9, &[])), false));
        let again = asked(cookies.greet(THERE, 0, &hello(1, 1, 9, &first)), true);
        assert_eq!((again[10], again[18]), (1, 1), "record and message");
        let third = hello(2, 2, 9, &cookie_of(&again));
        assert_eq!(cookies.greet(THERE, 0, &third), Greeting::Welcome(Opening { record: 2, message: 2 }));
        // It cannot go on for ever.
        assert_eq!(cookies.greet(HERE, 0, &hello(9, MAX_ROUNDS, 9, &[])), Greeting::NotHello);
        assert_eq!(cookies.greet(HERE, 0, &hello(9, MAX_ROUNDS + 1, 9, &first)), Greeting::NotHello);
    }

    #[test]
    fn the_first_fragment_is_enough_and_others_are_not() {
        let cookies = Cookies::new(&[7; 32]);
        let mut whole = hello(0, 0, 9, &[]);
        let length = whole.len();
        // As if there were more of the message behind.
        whole[14..17].copy_from_slice(&[0, 4, 0]);
        asked(cookies.greet(HERE, 0, &whole), false);
        whole[21] = 1;
        assert_eq!(cookies.greet(HERE, 0, &whole), Greeting::NotHello);
        whole[21] = 0;
        for cut in 0..length {
            assert_eq!(cookies.greet(HERE, 0, &whole[..cut]), Greeting::NotHello, "{cut}");
        }
    }

    #[test]
    fn numbers_of_open_records_are_raised_and_of_sealed_ones_not() {
        let mut datagram = [handshake_record(1, 2, 1, &[1, 2, 3]), handshake_record(2, 11, 2, &[])].concat();
        let mut sealed = handshake_record(3, 20, 3, &[]);
        sealed[4] = 1;
        datagram.extend(&sealed);
        let second = RECORD_HEADER + MESSAGE_HEADER + 3;
        raise_sequence(&mut datagram, 256);
        assert_eq!(datagram[5..11], [0, 0, 0, 0, 1, 1]);
        assert_eq!(datagram[second + 5..second + 11], [0, 0, 0, 0, 1, 2]);
        assert!(datagram.ends_with(&sealed));
        raise_sequence(&mut datagram[..20], (1 << 48) - 1);
        assert_eq!(datagram[5..11], [0, 0, 0, 0, 1, 0], "48 bits");
    }

    proptest! {
        #[test]
        fn a_reply_is_never_longer_than_what_came(mut bytes: Vec<u8>, change in 0usize..100, value: u8, now: u64) {
            let cookies = Cookies::new(&[7; 32]);
            let mut made = hello(3, 0, 1, &bytes[..bytes.len().min(255)]);
            let at = change % made.len();
            made[at] = value;
            for datagram in [&made, &bytes] {
                if let Greeting::Ask { reply, .. } = cookies.greet(HERE, now, datagram) {
                    prop_assert!(reply.len() <= datagram.len());
                }
            }
            raise_sequence(&mut bytes, now);
            raise_sequence(&mut made, now);
        }
    }
}
