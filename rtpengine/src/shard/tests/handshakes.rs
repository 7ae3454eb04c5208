use super::*;
use crate::dtls::{
    Association, Certificate, CertificateOptions, Context, ContextOptions, KeyKind, Role, SignatureHash,
};

fn context() -> Context {
    let options = CertificateOptions {
        key: KeyKind::Prime256v1,
        signature: SignatureHash::Sha256,
        common_name: "rtpengine-test".into(),
    };
    let certificate = Certificate::generate(&options, 1_700_000_000).unwrap();
    Context::new(certificate, &ContextOptions { ciphers: "DEFAULT".into(), mtu: 1200 }).unwrap()
}

/// A phone that begins a handshake with the port it was given.
struct Secure {
    phone: Phone,
    association: Association,
    daemon: u16,
}

impl Secure {
    /// Answers a call of a phone that speaks plain RTP.
    fn answer(house: &mut House, id: &str, caller: &Phone, own: &Context) -> Self {
        let phone = Phone::new();
        let port = phone.0.local_addr().unwrap().port();
        let print = own.certificate().fingerprint(rtpengine_common::sdp::FingerprintHash::Sha256).to_string();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} UDP/TLS/RTP/SAVPF 0\r\na=setup:active\r\na=fingerprint:{print}\r\n"
        );
        let offer = caller.sdp();
        let offer = [
            ("call-id", id),
            ("from-tag", "a"),
            ("transport-protocol", "UDP/TLS/RTP/SAVPF"),
            ("sdp", offer.as_str()),
        ];
        let daemon = super::port(&house.execute(0, "offer", &offer));
        let answer = [("call-id", id), ("from-tag", "a"), ("to-tag", "b"), ("sdp", sdp.as_str())];
        house.execute(0, "answer", &answer);
        Self { phone, association: Association::new(own, Role::Active, None), daemon }
    }

    /// Sends what there is to send.
    fn speak(&mut self) {
        while let Some(bytes) = self.association.poll_transmit() {
            self.phone.0.send_to(&bytes, ("127.0.0.1", self.daemon)).unwrap();
        }
    }

    /// Takes what has come.
    fn listen(&mut self) -> usize {
        let mut buffer = [0; 2048];
        let mut count = 0;
        self.phone.0.set_nonblocking(true).unwrap();
        while let Ok(length) = self.phone.0.recv(&mut buffer) {
            self.association.handle_packet(&buffer[..length]);
            count += 1;
        }
        count
    }
}

#[test]
fn packets_overtake_a_burst_of_handshakes() {
    let mut house = House::new(1);
    house.shared.change_settings(|settings| settings.dtls = Some(Arc::new(context())));
    let (alice, bob) = (Phone::new(), Phone::new());
    let (for_alice, _) = house.call(0, "relayed", &alice, &bob);
    let own = context();
    let callers: Vec<Phone> = (0..10).map(|_| Phone::new()).collect();
    let phones = callers.iter().enumerate();
    let mut phones: Vec<Secure> = phones
        .map(|(at, caller)| Secure::answer(&mut house, &format!("secure {at}"), caller, &own))
        .collect();
    for phone in &mut phones {
        phone.association.poll();
        phone.speak();
    }
    // Who begins is asked for a cookie at once, which is little work.
    house.turn(0);
    assert!(phones.iter_mut().all(|phone| phone.listen() == 1));
    assert!(house.shards[0].handshakes.is_empty());
    phones.iter_mut().for_each(Secure::speak);
    alice.send(for_alice, 7);
    let limit = std::mem::replace(&mut house.shards[0].handshake_limit, Duration::ZERO);
    house.turn(0);
    // The packet is through, and no handshake has cost anything yet.
    assert_eq!(bob.hear(), 7);
    assert!(phones.iter_mut().all(|phone| phone.listen() == 0));
    assert_eq!(house.shards[0].handshakes.len(), phones.len());
    // A call that ends meanwhile is passed over.
    house.execute(0, "delete", &[("call-id", "secure 9"), ("from-tag", "a"), ("delete-delay", "0")]);
    phones.pop();
    house.shards[0].handshake_limit = limit;
    for _ in 0..100 {
        house.turn(0);
        while house.shards[0].shake_hands() {
            house.turn(0);
        }
        for phone in &mut phones {
            phone.listen();
            phone.speak();
        }
        if phones.iter().all(|phone| phone.association.is_connected()) {
            assert!(house.shards[0].handshakes.is_empty());
            return;
        }
    }
    panic!("not all are connected");
}
