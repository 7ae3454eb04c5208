//! T.38: fax over UDP, and the gateway between it and fax tones in audio (`codecs.md` §19).
//!
//! | module | what | feature |
//! | --- | --- | --- |
//! | [`parameters`] | what SDP says of a T.38 section | none |
//! | [`udptl`] | datagrams: numbering, redundancy, FEC (T.38 §9.1) | none |
//! | [`ifp`] | the messages in them, checked before a library sees them (T.38 §7, §8) | none |
//! | `modem` | SpanDSP's gateway: messages to and from fax tones | `t38` |
//! | `gateway` | all of it: datagrams on one side, RTP on the other | `t38` |
//!
//! No sockets and no clocks: packets and the time go in, packets come out.

#[cfg(feature = "t38")]
pub mod gateway;
pub mod ifp;
#[cfg(feature = "t38")]
#[allow(unsafe_code)]
pub mod modem;
pub mod parameters;
#[cfg(all(test, feature = "t38"))]
mod tests;
pub mod udptl;

pub use parameters::{ErrorCorrection, Options, Parameters};

/// Feeds foreign bytes to the parsers and checks what must hold: the entry of the fuzz target and of a property test. The first octet
/// chooses the settings, the rest are datagrams with a length octet each.
///
/// # Panics
/// If something does not hold.
pub fn exercise(bytes: &[u8]) {
    let Some((&choice, mut rest)) = bytes.split_first() else { return };
    for version in [0, 1] {
        if let Ok(length) = ifp::measure(rest, version) {
            assert!(length > 0 && length <= rest.len());
        }
    }
    let mut receiver = udptl::Receiver::default();
    let mut sender = udptl::Sender::new(udptl::Settings {
        entries: usize::from(choice & 0x0f),
        span: (choice & 0x10 != 0).then_some(usize::from(choice >> 5)),
        max_datagram: 512,
    });
    #[cfg(feature = "t38")]
    let mut modem = (choice & 1 != 0).then(|| {
        modem::Modem::open(&modem::Settings { version: u32::from(choice >> 1 & 1), ..Default::default() })
    });
    let mut at = std::time::Duration::ZERO;
    while let Some((&length, tail)) = rest.split_first() {
        let (datagram, tail) = tail.split_at(tail.len().min(usize::from(length)));
        rest = tail;
        let _ = receiver.push(at, datagram);
        while let Some((_number, ifp)) = receiver.pop() {
            assert!(ifp.len() <= udptl::MAX_IFP);
            let written = sender.write(&ifp);
            assert!(written.len() <= 512.max(ifp.len() + 7));
            #[cfg(feature = "t38")]
            if let Some(Ok(modem)) = &mut modem {
                modem.receive(&ifp, _number);
                let mut samples = Vec::new();
                modem.speak(160, &mut samples);
                modem.listen(&samples);
            }
        }
        at += std::time::Duration::from_millis(u64::from(length));
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            super::exercise(&bytes);
        }

        /// Datagrams that look like datagrams.
        #[test]
        fn likely(choice in any::<u8>(), packets in proptest::collection::vec(
            (0u16..40, proptest::collection::vec(any::<u8>(), 1..12), 0u8..2, proptest::collection::vec(any::<u8>(), 0..20)), 0..30)
        ) {
            let mut bytes = vec![choice];
            for (number, ifp, kind, correction) in packets {
                let mut datagram = number.to_be_bytes().to_vec();
                datagram.push(ifp.len() as u8);
                datagram.extend(&ifp);
                datagram.push(kind * 0x80);
                datagram.extend(&correction);
                bytes.push(datagram.len() as u8);
                bytes.extend(&datagram);
            }
            super::exercise(&bytes);
        }
    }
}
