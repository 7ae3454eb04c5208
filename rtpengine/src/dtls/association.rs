//! One DTLS association: a handshake that yields SRTP keys, and what comes after it (RFC 5764; media-plane.md §10).

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::ssl::{Error, ErrorCode, Ssl, SslContext, SslStream, SslVerifyMode};
use parking_lot::Mutex;
use rtpengine_common::sdp::Fingerprint;
use rtpengine_common::srtp::{MasterKey, Parameters, Suite};

use super::certificate::fingerprint_of;
use super::context::Context;
use super::cookie::{Opening, hello_without_cookie, raise_sequence};
use super::pipe::Pipe;

/// Label of the exporter (RFC 5764 §4.2).
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";

/// Reads of one datagram: its records are small, so few can be application data.
const MAX_READS: usize = 64;

/// Which side begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We do: the client.
    Active,
    /// The peer does: the server.
    Passive,
}

/// What an association has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer's certificate has the signalled fingerprint.
    Accepted,
    /// It has another one.
    Rejected,
    /// The handshake is through.
    Connected(Box<Keys>),
    /// The handshake is through, but there is nothing to make keys of; why.
    NoKeys(NoKeys),
    /// There is no handshake, as the library had no means for it; what it says.
    Unavailable(String),
    /// The handshake failed for good; what the library says.
    Failed(String),
    /// The peer has closed the association; the keys stay.
    Closed,
}

/// SRTP parameters of both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Of what the peer sends.
    pub incoming: Parameters,
    /// Of what we send.
    pub outgoing: Parameters,
}

/// Why there are no keys after a handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKeys {
    /// `use_srtp` was not negotiated.
    #[error("no SRTP protection profile negotiated")]
    NoProfile,
    /// A profile that belongs to no suite.
    #[error("unsupported SRTP protection profile negotiated (profile \"{0}\")")]
    Unsupported(String),
    /// The library could not export.
    #[error("{0}")]
    Exporter(String),
}

/// How far an association has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was sent or received.
    New,
    /// The handshake is under way.
    Handshake,
    /// It is through.
    Connected,
    /// Failed, or closed by one side.
    Over,
}

/// What the library's callback and the association share about the peer's certificate.
#[derive(Debug, Default)]
struct Peer {
    expected: Option<Fingerprint>,
    /// What the last comparison said.
    matches: Option<bool>,
}

/// One association.
pub struct Association {
    context: SslContext,
    context_after_cookie: SslContext,
    mtu: u32,
    /// What is added to the numbers of our records that are not encrypted, after the client was asked for a cookie.
    ahead: u64,
    /// The library's part: made when the handshake begins, as it costs more than all else signalling does for a stream, and
    /// many a handshake never comes.
    stream: Option<SslStream<Pipe>>,
    role: Role,
    state: State,
    peer: Arc<Mutex<Peer>>,
    verified: bool,
    events: VecDeque<Event>,
}

impl Association {
    /// An association that has not begun. Without a fingerprint any certificate is accepted provisionally
    /// (media-plane.md §10.3).
    #[must_use]
    pub fn new(context: &Context, role: Role, fingerprint: Option<Fingerprint>) -> Self {
        Self {
            context: context.ssl.clone(),
            context_after_cookie: context.ssl_after_cookie.clone(),
            mtu: context.mtu,
            ahead: 0,
            stream: None,
            role,
            state: State::New,
            peer: Arc::new(Mutex::new(Peer { expected: fingerprint, matches: None })),
            verified: false,
            events: VecDeque::new(),
        }
    }

    /// Which side begins.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether anything was sent or received.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state != State::New
    }

    /// Whether the handshake is through and nobody has closed the association.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Whether it failed, or was closed by one side.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether the peer's certificate was found to have the signalled fingerprint.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// Begins, or repeats what was not answered in time. The library keeps that time by its own clock: one second, doubling.
    pub fn poll(&mut self) {
        let begins = self.role == Role::Active && self.state == State::New;
        if begins {
            self.begin();
        }
        if self.state == State::Handshake {
            self.step();
        }
    }

    /// Begins with a client that has shown a cookie; its hello is the next thing to be handled.
    pub fn welcome(&mut self, opening: Opening) {
        if self.state != State::New || self.role != Role::Passive {
            return;
        }
        self.begin_in(&self.context_after_cookie.clone());
        let Some(stream) = &mut self.stream else { return };
        // The library counts the messages of the exchange it knows nothing of, one hello and one request a round.
        for round in 0..opening.message {
            stream.get_mut().put(&hello_without_cookie(round));
            let waits = stream.do_handshake().is_err_and(|error| waits(&error));
            debug_assert!(waits, "it asks for the cookie");
            while stream.get_mut().take().is_some() {}
        }
        self.ahead = opening.record.saturating_sub(u64::from(opening.message));
    }

    /// Takes a datagram from the peer.
    pub fn handle_packet(&mut self, bytes: &[u8]) {
        // To the library an empty read would be the end of the stream.
        if self.state == State::Over || bytes.is_empty() {
            return;
        }
        if self.state == State::New {
            self.begin();
        }
        let Some(stream) = &mut self.stream else { return };
        stream.get_mut().put(bytes);
        if self.state == State::Handshake {
            self.step();
        }
        if self.state == State::Connected {
            self.read();
        }
    }

    /// Takes the fingerprint signalling brought. Of a certificate that was accepted provisionally it is now known whether it was
    /// the right one.
    pub fn set_fingerprint(&mut self, fingerprint: Fingerprint) {
        let mut peer = self.peer.lock();
        if peer.expected.is_some() {
            return;
        }
        peer.expected = Some(fingerprint);
        drop(peer);
        if self.state == State::Connected {
            self.verify();
        }
    }

    /// Closes: tells the peer if the handshake was through.
    pub fn close(&mut self) {
        if let (State::Connected, Some(stream)) = (self.state, &mut self.stream) {
            // A peer that is not told finds out by the silence.
            let _ = stream.shutdown();
        }
        self.state = State::Over;
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let mut datagram = self.stream.as_mut()?.get_mut().take()?;
        if self.ahead != 0 {
            raise_sequence(&mut datagram, self.ahead);
        }
        Some(datagram)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn begin(&mut self) {
        self.begin_in(&self.context.clone());
    }

    fn begin_in(&mut self, context: &SslContext) {
        match open(context, self.mtu, self.role, &self.peer) {
            Ok(stream) => {
                self.stream = Some(stream);
                self.state = State::Handshake;
            }
            Err(error) => {
                self.state = State::Over;
                self.events.push_back(Event::Unavailable(error.to_string()));
            }
        }
    }

    fn step(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        match stream.do_handshake() {
            Ok(()) => self.connected(),
            Err(error) if waits(&error) => {}
            Err(error) => {
                self.state = State::Over;
                if self.peer.lock().matches == Some(false) {
                    self.events.push_back(Event::Rejected);
                }
                self.events.push_back(Event::Failed(error.to_string()));
            }
        }
    }

    fn connected(&mut self) {
        self.state = State::Connected;
        if !self.verify() {
            return;
        }
        let event = match self.keys() {
            Ok(keys) => Event::Connected(Box::new(keys)),
            Err(error) => Event::NoKeys(error),
        };
        self.events.push_back(event);
    }

    /// Compares the peer's certificate with what is expected; `true` as long as nothing speaks against it.
    fn verify(&mut self) -> bool {
        let Some(expected) = self.peer.lock().expected.clone() else { return true };
        let certificate = self.stream.as_ref().and_then(|stream| stream.ssl().peer_certificate());
        let actual = certificate.and_then(|x509| fingerprint_of(&x509, expected.hash()).ok());
        self.verified = actual == Some(expected);
        self.events.push_back(if self.verified { Event::Accepted } else { Event::Rejected });
        self.verified
    }

    fn keys(&self) -> Result<Keys, NoKeys> {
        let ssl = self.stream.as_ref().ok_or(NoKeys::NoProfile)?.ssl();
        let profile = ssl.selected_srtp_profile().ok_or(NoKeys::NoProfile)?.name();
        let suite = Suite::from_dtls_profile(profile).ok_or_else(|| NoKeys::Unsupported(profile.into()))?;
        let mut exported = vec![0; 2 * suite.key_and_salt_len()];
        let export = ssl.export_keying_material(&mut exported, EXPORTER, None);
        export.map_err(|error| NoKeys::Exporter(error.to_string()))?;
        let keys = MasterKey::from_dtls(suite, &exported);
        let (client, server) = keys.map_err(|error| NoKeys::Exporter(error.to_string()))?;
        let (own, peer) = match self.role {
            Role::Active => (client, server),
            Role::Passive => (server, client),
        };
        Ok(Keys { incoming: Parameters::plain(suite, peer), outgoing: Parameters::plain(suite, own) })
    }

    /// Lets the library see what came after the handshake: repetitions it has to answer, and the end. Data is ignored.
    fn read(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut data = [0; 2048];
        for _ in 0..MAX_READS {
            match stream.ssl_read(&mut data) {
                Ok(_) => {}
                Err(error) if waits(&error) => {
                    if stream.get_mut().is_read() {
                        return;
                    }
                }
                Err(error) => {
                    self.state = State::Over;
                    // Whatever ends it, the keys are in use and stay.
                    let closed = error.code() == ErrorCode::ZERO_RETURN;
                    self.events.push_back(if closed {
                        Event::Closed
                    } else {
                        Event::Failed(error.to_string())
                    });
                    return;
                }
            }
        }
    }
}

/// The library's part of an association.
fn open(
    context: &SslContext,
    mtu: u32,
    role: Role,
    peer: &Arc<Mutex<Peer>>,
) -> Result<SslStream<Pipe>, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    ssl.set_mtu(mtu)?;
    let seen = Arc::clone(peer);
    ssl.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, move |_, chain| {
        // Nobody vouches for a certificate but its fingerprint: the chain above it may be what it likes.
        if chain.error_depth() > 0 {
            return true;
        }
        let mut peer = seen.lock();
        let Some(expected) = &peer.expected else { return true };
        let actual = chain.current_cert().and_then(|x509| fingerprint_of(x509, expected.hash()).ok());
        let matches = actual.as_ref() == Some(expected);
        peer.matches = Some(matches);
        matches
    });
    match role {
        Role::Active => ssl.set_connect_state(),
        Role::Passive => ssl.set_accept_state(),
    }
    SslStream::new(ssl, Pipe::default())
}

fn waits(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE)
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("verified", &self.verified)
            .finish_non_exhaustive()
    }
}
