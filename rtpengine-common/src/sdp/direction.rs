//! Media direction and connection role attributes.

/// Which way media flows, as the one who wrote the SDP sees it (sdp.md §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Direction {
    /// The writer will send.
    pub send: bool,
    /// The writer is ready to receive.
    pub receive: bool,
}

impl Direction {
    /// Both ways, the default.
    pub const SEND_RECEIVE: Direction = Direction { send: true, receive: true };
    /// The writer only sends.
    pub const SEND_ONLY: Direction = Direction { send: true, receive: false };
    /// The writer only receives.
    pub const RECEIVE_ONLY: Direction = Direction { send: false, receive: true };
    /// Neither.
    pub const INACTIVE: Direction = Direction { send: false, receive: false };

    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.send, self.receive) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }

    /// The same without receiving: what an unspecified address means (sdp.md §8 rule 3).
    #[must_use]
    pub const fn without_receive(self) -> Self {
        Direction { send: self.send, receive: false }
    }

    /// As the other side sees it.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Direction { send: self.receive, receive: self.send }
    }
}

impl Default for Direction {
    fn default() -> Self {
        Direction::SEND_RECEIVE
    }
}

/// A received `a=setup` (RFC 4145, sdp.md §3 rule 6): the roles the writer can take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Either role.
    ActPass,
    /// It connects.
    Active,
    /// It waits.
    Passive,
    /// No role: `holdconn`, an unknown value, or no attribute at all.
    #[default]
    None,
}

impl Setup {
    /// The meaning of an attribute's value.
    #[must_use]
    pub fn from_value(value: &[u8]) -> Self {
        match value {
            b"actpass" => Setup::ActPass,
            b"active" => Setup::Active,
            b"passive" => Setup::Passive,
            _ => Setup::None,
        }
    }

    /// The writer can be the one that connects.
    #[must_use]
    pub const fn can_be_active(self) -> bool {
        matches!(self, Setup::ActPass | Setup::Active)
    }

    /// The writer can be the one that waits.
    #[must_use]
    pub const fn can_be_passive(self) -> bool {
        matches!(self, Setup::ActPass | Setup::Passive)
    }

    /// The attribute's value as printed; no role is `holdconn`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Setup::ActPass => "actpass",
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::None => "holdconn",
        }
    }
}
