use proptest::prelude::*;

use super::*;

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 5769 section 2.1.
fn sample_request() -> Vec<u8> {
    hex("00010058 2112a442 b7e7a701 bc34d686 fa87dfae
         80220010 5354554e 20746573 7420636c 69656e74
         00240004 6e0001ff
         80290008 932ff9b1 51263b36
         00060009 6576746a 3a683676 59202020
         00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
         80280004 e57a3bcf")
}

#[test]
fn rfc_5769_request() {
    let bytes = sample_request();
    let message = Message::parse(&bytes).unwrap();
    let key = IntegrityKey::new(PASSWORD);
    assert_eq!(message.class(), Class::Request);
    assert_eq!(message.username(), Some(&b"evtj:h6vY"[..]));
    assert_eq!(message.software(), Some(&b"STUN test client"[..]));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!((message.controlled(), message.controlling()), (Some(0x932f_f9b1_5126_3b36), None));
    assert_eq!(message.fingerprint(), Fingerprint::Right);
    assert_eq!(message.integrity(&key), Integrity::Right);
    assert_eq!(message.judge(b"evtj", &key, None), Verdict::Authentic);
}

/// RFC 5769 sections 2.2 and 2.3.
#[test]
fn rfc_5769_responses() {
    let cases = [
        (
            "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
             8022000b 74657374 20766563 746f7220
             00200008 0001a147 e112a643
             00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
             80280004 c07d4c96",
            "192.0.2.1:32853",
        ),
        (
            "01010048 2112a442 b7e7a701 bc34d686 fa87dfae
             8022000b 74657374 20766563 746f7220
             00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
             00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
             80280004 c8fb0b4c",
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
        ),
    ];
    for (text, address) in cases {
        let bytes = hex(text);
        let message = Message::parse(&bytes).unwrap();
        let key = IntegrityKey::new(PASSWORD);
        assert_eq!(message.class(), Class::Success);
        assert_eq!(message.mapped_address(), Some(address.parse().unwrap()));
        assert_eq!(message.software(), Some(&b"test vector"[..]));
        assert_eq!(message.fingerprint(), Fingerprint::Right);
        assert_eq!(message.judge(b"", &IntegrityKey::new(b"other"), Some(&key)), Verdict::Authentic);
    }
}

#[test]
fn own_request_has_the_specified_order() {
    let key = IntegrityKey::new(b"password");
    let bytes = MessageBuilder::new(Class::Request, [7; 12])
        .software("rtpengine-1")
        .username("remote:local")
        .role(true, 0x0102_0304_0506_0708)
        .priority(1_862_270_975)
        .use_candidate()
        .finish(&key);
    let mut numbers = Vec::new();
    let mut at = HEADER_LEN;
    while at < bytes.len() {
        numbers.push(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        at += 4 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])).next_multiple_of(4);
    }
    assert_eq!(numbers, [0x8022, 0x0006, 0x802a, 0x0024, 0x0025, 0x0008, 0x8028]);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.controlling(), Some(0x0102_0304_0506_0708));
    assert!(message.use_candidate());
    assert_eq!(message.judge(b"remote", &key, None), Verdict::Authentic);
    for other in [&b"other"[..], b"remot", b"remote:", b"remote:locals"] {
        assert_eq!(message.judge(other, &key, None), Verdict::Refuse(Refusal::Unauthorized));
    }
    assert!(crate::rtp::is_stun(&bytes));
}

/// The order of media-plane.md 11.4.
#[test]
fn verdicts_come_in_order() {
    let key = IntegrityKey::new(PASSWORD);
    let judge = |bytes: &[u8]| Message::parse(bytes).map(|message| message.judge(b"evtj", &key, Some(&key)));
    // An attribute that must be understood is refused before anything else is looked at.
    let mut unknown = sample_request();
    unknown[40] = 0x00;
    unknown[41] = 0x26;
    assert_eq!(judge(&unknown), Ok(Verdict::Refuse(Refusal::UnknownAttributes)));
    // Without FINGERPRINT it is no STUN, with a wrong one neither.
    let mut bare = sample_request();
    bare.truncate(bare.len() - 8);
    bare[3] -= 8;
    assert_eq!(judge(&bare), Ok(Verdict::NotStun(StunError::FingerprintMissing)));
    let mut wrong = sample_request();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(judge(&wrong), Ok(Verdict::NotStun(StunError::FingerprintMismatch)));
    // A missing USERNAME counts before a wrong fingerprint.
    wrong[60] = 0x80;
    assert_eq!(judge(&wrong), Ok(Verdict::Refuse(Refusal::BadRequest)));
    let other = IntegrityKey::new(b"other");
    let bytes = sample_request();
    let request = Message::parse(&bytes).unwrap();
    assert_eq!(request.judge(b"evtj", &other, None), Verdict::Refuse(Refusal::Unauthorized));
    // Responses never get a reply.
    let response = MessageBuilder::new(Class::Success, [1; 12]).finish(&key);
    let response = Message::parse(&response).unwrap();
    assert_eq!(response.judge(b"", &key, Some(&other)), Verdict::Ignore);
    assert_eq!(response.judge(b"", &key, None), Verdict::Ignore);
    assert_eq!(response.judge(b"", &other, Some(&key)), Verdict::Authentic);
    // Of an indication only the header is looked at.
    let indication = [&hex("00110004 2112a442 b7e7a701 bc34d686 fa87dfae")[..], &[0xff; 4]].concat();
    assert_eq!(judge(&indication), Ok(Verdict::Ignore));
}

#[test]
fn malformed_messages_are_ordinary_packets() {
    let good = sample_request();
    assert_eq!(Message::parse(&good[..good.len() - 1]).unwrap_err(), StunError::Length);
    assert_eq!(Message::parse(&good[..19]).unwrap_err(), StunError::Length);
    let mut method = good.clone();
    method[1] = 3;
    assert_eq!(Message::parse(&method).unwrap_err(), StunError::Method);
    let mut size = good.clone();
    size[43] = 8;
    assert_eq!(Message::parse(&size).unwrap_err(), StunError::Attributes);
    let mut past_the_end = good.clone();
    *past_the_end.iter_mut().nth_back(4).unwrap() = 8;
    assert_eq!(Message::parse(&past_the_end).unwrap_err(), StunError::Attributes);
    // Bytes after the message do not belong to it.
    let longer = [&good[..], b"xyz"].concat();
    assert_eq!(Message::parse(&longer).unwrap().as_bytes(), good);
    // Nothing but FINGERPRINT follows MESSAGE-INTEGRITY.
    let mut software = good[..100].to_vec();
    software.extend([0x80, 0x22, 0, 0]);
    software.extend(&good[100..]);
    software[3] += 4;
    assert_eq!(Message::parse(&software).unwrap_err(), StunError::Attributes);
    // FINGERPRINT is the last attribute.
    let mut trailing = [&good[..], &[0x80, 0x22, 0, 0]].concat();
    trailing[3] += 4;
    assert_eq!(Message::parse(&trailing).unwrap_err(), StunError::Attributes);
}

#[test]
fn error_replies_name_what_was_not_understood() {
    let key = IntegrityKey::new(PASSWORD);
    let mut request = MessageBuilder::new(Class::Request, [3; 12]).finish(&key);
    request.truncate(HEADER_LEN);
    for number in 0x30..0x30 + 20_u8 {
        request.extend([0, number, 0, 0]);
    }
    request[3] = (request.len() - HEADER_LEN) as u8;
    let request = Message::parse(&request).unwrap();
    assert_eq!(request.unknown().len(), MAX_UNKNOWN);
    let reply = MessageBuilder::reply(&request, Class::Error)
        .software("x")
        .error(&Refusal::UnknownAttributes.error_code())
        .unknown_attributes(request.unknown())
        .finish(&key);
    let reply = Message::parse(&reply).unwrap();
    assert_eq!(reply.transaction_id(), [3; 12]);
    assert_eq!(reply.error(), Some(&ErrorCode { code: 420, reason: b"Unknown attribute" }));
    let list = &reply.as_bytes()[HEADER_LEN + 8 + 28..][..34];
    assert_eq!(list[..6], [0, 0x0a, 0, 30, 0, 0x30]);
    assert_eq!(list[32..], [0, 0x30 + 14]);
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(changes in proptest::collection::vec((0..108_usize, any::<u8>()), 0..8), cut in 0..108_usize) {
        let mut bytes = sample_request();
        for (at, value) in changes {
            bytes[at] = value;
        }
        exercise(&bytes);
        exercise(&bytes[..cut]);
    }

    /// No single changed bit leaves a request authentic.
    #[test]
    fn changed_bits_are_noticed(bit in 0..8 * 108_usize) {
        let mut bytes = sample_request();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let key = IntegrityKey::new(PASSWORD);
        let verdict = Message::parse(&bytes).map(|message| message.judge(b"evtj", &key, None));
        prop_assert_ne!(verdict, Ok(Verdict::Authentic));
    }

    #[test]
    fn messages_round_trip(
        transaction_id: [u8; 12],
        software in "[ -~]{0,64}",
        username in "[a-zA-Z0-9:]{1,64}",
        priority: u32,
        tie_breaker: u64,
        controlling: bool,
        v6: bool,
        address: [u8; 16],
        port: u16,
    ) {
        let key = IntegrityKey::new(PASSWORD);
        let ip: std::net::IpAddr =
            if v6 { address.into() } else { [address[0], address[1], address[2], address[3]].into() };
        let mapped = std::net::SocketAddr::new(ip, port);
        let bytes = MessageBuilder::new(Class::Request, transaction_id)
            .software(&software)
            .username(&username)
            .role(controlling, tie_breaker)
            .priority(priority)
            .mapped_address(mapped)
            .finish(&key);
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.transaction_id(), transaction_id);
        prop_assert_eq!(message.software(), Some(software.as_bytes()));
        prop_assert_eq!(message.username(), Some(username.as_bytes()));
        prop_assert_eq!(message.priority(), Some(priority));
        prop_assert_eq!(message.mapped_address(), Some(mapped));
        prop_assert_eq!(message.controlling(), controlling.then_some(tie_breaker));
        let named = username.split_once(':').map(|(ufrag, _)| message.judge(ufrag.as_bytes(), &key, None));
        prop_assert!(named.is_none_or(|verdict| verdict == Verdict::Authentic));
    }
}
