//! Associations under foreign bytes, for the fuzz target.

use rtpengine_common::sdp::FingerprintHash;

use super::*;

/// Most of what an association may say to one datagram: a flight with a long certificate in pieces.
const MAX_REPLY: usize = 64;

fn context() -> Context {
    let options = CertificateOptions {
        key: KeyKind::Prime256v1,
        signature: SignatureHash::Sha256,
        common_name: "exercise".into(),
    };
    let context = Certificate::generate(&options, 1_700_000_000).and_then(|certificate| {
        Context::new(certificate, &ContextOptions { ciphers: "DEFAULT".into(), mtu: 1200 })
    });
    context.unwrap_or_else(|error| panic!("no context: {error}"))
}

/// Two ends, and what has come out of each.
struct Ends {
    associations: [Association; 2],
    keys: [Option<Keys>; 2],
}

impl Ends {
    /// What an end has to send.
    fn drain(&mut self, end: usize) -> Vec<Vec<u8>> {
        let association = &mut self.associations[end];
        while let Some(event) = association.poll_event() {
            if let Event::Connected(keys) = event {
                self.keys[end] = Some(*keys);
            }
        }
        let sent: Vec<_> = std::iter::from_fn(|| association.poll_transmit()).collect();
        assert!(sent.len() <= MAX_REPLY && sent.iter().all(|bytes| bytes.len() <= 1200));
        sent
    }

    /// Carries flights to and fro so often, with one byte of the last one changed.
    fn carry(&mut self, times: u8, position: u8, value: u8) {
        for round in 0..times {
            let last = round + 1 == times;
            for end in 0..2 {
                for (number, mut datagram) in self.drain(end).into_iter().enumerate() {
                    let at = usize::from(position);
                    if last && number == 0 && at < datagram.len() {
                        datagram[at] = value;
                    }
                    self.associations[1 - end].handle_packet(&datagram);
                }
            }
        }
    }
}

/// Takes bytes as steps between a client and a server: datagrams made of them, at any time of a handshake, and real flights with
/// changed bytes. Nothing panics, little is said in reply, and keys are the same on both sides.
pub fn exercise(bytes: &[u8]) {
    thread_local! {
        // Keys are expensive to make.
        static CONTEXTS: [Context; 2] = [context(), context()];
    }
    CONTEXTS.with(|contexts| steps(contexts, bytes));
}

/// A client at an address without a name comes in: with these bytes, or with a hello of its own of which one byte is changed.
fn greet(context: &Context, server: &mut Association, own: u8, datagram: &[u8]) {
    let source = std::net::IpAddr::from([192, 0, 2, own]);
    let mut hello = cookie::hello_without_cookie(0);
    if let [position, value, ..] = datagram {
        let at = usize::from(*position) % hello.len();
        hello[at] = *value;
    }
    let bytes = if own == 0 { datagram } else { &hello };
    match context.greet(source, 0, bytes) {
        Greeting::NotHello => {}
        Greeting::Ask { reply, .. } => assert!(reply.len() <= bytes.len()),
        Greeting::Welcome(_) => panic!("nobody knows the cookie"),
    }
    if own & 3 == 1 {
        let opening = Opening { record: u64::from(own) << 40, message: u16::from(own & 3) };
        server.welcome(opening);
        server.handle_packet(bytes);
    }
}

fn steps([client, server]: &[Context; 2], bytes: &[u8]) {
    let print = |context: &Context| Some(context.certificate().fingerprint(FingerprintHash::Sha256).clone());
    let associations = [
        Association::new(client, Role::Active, print(server)),
        Association::new(server, Role::Passive, None),
    ];
    let mut ends = Ends { associations, keys: [None, None] };
    let mut rest = bytes;
    while let [step, length, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        let end = usize::from(step & 1);
        match step >> 1 & 7 {
            0..=1 => ends.associations[end].handle_packet(datagram),
            2 => greet(server, &mut ends.associations[1], step >> 4, datagram),
            3 => ends.associations[end].poll(),
            4 => {
                if let Some(print) = print(client) {
                    ends.associations[1].set_fingerprint(print);
                }
            }
            5 => ends.associations[end].close(),
            _ => {
                let [position, value] = [0, 1].map(|at| datagram.get(at).copied().unwrap_or(255));
                ends.associations[0].poll();
                ends.carry(step >> 4, position, value);
            }
        }
        ends.drain(end);
    }
    if let [Some(client), Some(server)] = &ends.keys {
        assert!(client.incoming == server.outgoing && client.outgoing == server.incoming);
    }
}
