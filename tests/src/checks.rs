//! ICE as the phones do it (RFC 8445): one host candidate per component, checks both ways, no timers of its own.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rtpengine_common::stun::{Class, IntegrityKey, Message, MessageBuilder};

use crate::phone::receive;
use crate::sdp::Section;

/// Between two checks of the same component.
const PACE: Duration = Duration::from_millis(100);

/// Priority of the candidates, and of a peer-reflexive one in checks.
const PRIORITY: u32 = 1_853_817_087;

/// The phone's part of ICE for one media.
#[derive(Clone, Debug)]
pub struct Checks {
    ufrag: String,
    pwd: String,
    remote: Option<(String, String)>,
}

/// What is known about one component.
#[derive(Default)]
struct Progress {
    /// A check of ours was answered.
    confirmed: bool,
    /// A check of the other side was answered; it nominated, if it controls.
    answered: bool,
    sent: Option<Instant>,
}

impl Checks {
    /// With credentials of its own.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { ufrag: format!("{name}frag"), pwd: format!("{name}{}", "password".repeat(3)), remote: None }
    }

    /// What the SDP says: credentials, and a candidate for each socket, the first one component 1.
    #[must_use]
    pub fn attributes(&self, sockets: &[SocketAddr]) -> Vec<String> {
        let mut lines = vec![format!("ice-ufrag:{}", self.ufrag), format!("ice-pwd:{}", self.pwd)];
        for (component, address) in (1_u32..).zip(sockets) {
            let (ip, port, priority) = (address.ip(), address.port(), PRIORITY - component);
            lines.push(format!("candidate:1 {component} UDP {priority} {ip} {port} typ host"));
        }
        lines
    }

    /// Takes the credentials that the other side gave.
    ///
    /// # Panics
    /// When there are none.
    #[track_caller]
    pub fn takes(&mut self, section: &Section) {
        let value = |name: &str| section.value(name).unwrap_or_else(|| panic!("no {name}")).to_string();
        self.remote = Some((value("ice-ufrag"), value("ice-pwd")));
    }

    /// Checks and answers on all components until each works both ways. The controlling side nominates: `controlling` is the
    /// phone's role.
    ///
    /// # Errors
    /// What is missing after `limit`.
    pub fn connect(
        &self,
        components: &[(&UdpSocket, SocketAddr)],
        controlling: bool,
        limit: Duration,
    ) -> Result<(), String> {
        let end = Instant::now() + limit;
        let mut progress: Vec<Progress> = components.iter().map(|_| Progress::default()).collect();
        loop {
            for (at, ((socket, remote), progress)) in components.iter().zip(&mut progress).enumerate() {
                self.check(at as u8, socket, *remote, controlling, progress);
                while let Some((bytes, from)) = receive(socket, Duration::from_millis(2)) {
                    self.hears(socket, *remote, (&bytes, from), controlling, progress)?;
                }
            }
            if progress.iter().all(|progress| progress.confirmed && progress.answered) {
                return Ok(());
            }
            if Instant::now() > end {
                let state: Vec<_> = progress.iter().map(|one| (one.confirmed, one.answered)).collect();
                return Err(format!("ICE does not connect: confirmed and answered per component: {state:?}"));
            }
        }
    }

    /// Sends a check if it is time for one.
    fn check(
        &self,
        number: u8,
        socket: &UdpSocket,
        remote: SocketAddr,
        controlling: bool,
        progress: &mut Progress,
    ) {
        if progress.confirmed || progress.sent.is_some_and(|sent| sent.elapsed() < PACE) {
            return;
        }
        let (ufrag, pwd) = self.remote.as_ref().expect("credentials were taken");
        let request = MessageBuilder::new(Class::Request, [number + 1; 12])
            .username(&format!("{ufrag}:{}", self.ufrag))
            .role(controlling, 7)
            .priority(PRIORITY);
        let request = if controlling { request.use_candidate() } else { request };
        let request = request.finish(&IntegrityKey::new(pwd.as_bytes()));
        progress.sent = socket.send_to(&request, remote).ok().map(|_| Instant::now());
    }

    fn hears(
        &self,
        socket: &UdpSocket,
        remote: SocketAddr,
        (bytes, from): (&[u8], SocketAddr),
        controlling: bool,
        progress: &mut Progress,
    ) -> Result<(), String> {
        let Ok(message) = Message::parse(bytes) else { return Ok(()) };
        match message.class() {
            Class::Success => progress.confirmed |= from == remote,
            Class::Error => return Err("an error response to a check".into()),
            Class::Indication => {}
            Class::Request => {
                let nominated = controlling || message.use_candidate();
                progress.answered |= self.answer(socket, bytes, from) && nominated && from == remote;
            }
        }
        Ok(())
    }

    /// Answers a check; `false` when it is none, or not for us.
    pub fn answer(&self, socket: &UdpSocket, bytes: &[u8], from: SocketAddr) -> bool {
        let Ok(message) = Message::parse(bytes) else { return false };
        let Some((ufrag, _)) = &self.remote else { return false };
        let username = format!("{}:{ufrag}", self.ufrag);
        if message.class() != Class::Request || message.username() != Some(username.as_bytes()) {
            return false;
        }
        let reply = MessageBuilder::reply(&message, Class::Success).mapped_address(from);
        socket.send_to(&reply.finish(&IntegrityKey::new(self.pwd.as_bytes())), from).is_ok()
    }
}
