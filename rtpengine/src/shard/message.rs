//! What control and shards say to each other.

use super::calls::CallSlot;
use super::survey::Survey;
use crate::call::Call;
use crate::call::dtmf::DtmfReport;
use crate::call::ids::{CallKey, Name, SocketKey, StreamId};
use crate::net::table::MediaSocket;
use crate::player::{Answer, Source};
use rtpengine_common::ng::{Reply, Request};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// A request for the shard that owns its call.
#[derive(Debug)]
pub struct Order {
    /// Names the request; comes back with the reply.
    pub ticket: u64,
    /// The request. Its call-id is there for every command that creates calls.
    pub request: Box<Request>,
    /// The agent that sent it.
    pub agent: SocketAddr,
}

/// A finished request.
#[derive(Debug)]
pub struct Done {
    /// The number of the order.
    pub ticket: u64,
    /// What to answer.
    pub reply: Reply,
    /// Whether the call-id of the request leads to a call now.
    pub live: bool,
}

/// Messages to a shard.
#[derive(Debug)]
pub enum ToShard {
    /// A request.
    Order(Order),
    /// Look at calls: a listing, or an operator's command for many of them.
    Survey {
        /// Names the survey; comes back with it.
        ticket: u64,
        /// Only the call of this id.
        only: Option<Name>,
        /// Who looks.
        survey: Box<dyn Survey>,
    },
    /// Hand a call over to another shard.
    Give {
        /// Any id of the call.
        id: Name,
        /// The shard that gets it.
        to: u16,
    },
    /// Media was opened for a request that waits, or could not be.
    Opened {
        /// The call.
        slot: CallSlot,
        /// The same, if it still is the one in the slot.
        key: CallKey,
        /// The waiting it is for.
        serial: u64,
        /// What was to be opened.
        source: Source,
        /// What became of it.
        answer: Answer,
    },
    /// A call another shard handed over.
    Take(Box<Moving>),
    /// A coder thread has finished a job of a call.
    Coded {
        /// Where the call was.
        slot: CallSlot,
        /// The call.
        key: CallKey,
    },
    /// End the thread.
    Stop,
}

/// Messages from a shard to control.
#[derive(Debug)]
pub enum FromShard {
    /// A request is finished.
    Done(Done),
    /// A call is over; its ids are free.
    Ended {
        /// The call.
        key: CallKey,
        /// All its ids.
        ids: Vec<Name>,
    },
    /// A survey has seen every call of the shard.
    Surveyed {
        /// The number of the survey.
        ticket: u64,
        /// Who looked.
        survey: Box<dyn Survey>,
    },
    /// A digit is to be told.
    Dtmf(Box<DtmfReport>),
    /// A command about media held in memory is done; a side thread says so.
    Told {
        /// Names the command.
        ticket: u64,
        /// Its answer.
        text: String,
    },
    /// A hand-over is done, or could not be.
    Moved {
        /// All ids of the call; empty if there is none.
        ids: Vec<Name>,
        /// Where it is now.
        shard: u16,
    },
}

/// A call between two shards: it owns its sockets, which nobody watches meanwhile.
#[derive(Debug)]
pub struct Moving {
    /// The call.
    pub call: Box<Call>,
    /// Its sockets under the names they had, with what they lead to.
    pub sockets: Vec<(SocketKey, MediaSocket, StreamId)>,
    /// The CPU its sockets prefer.
    pub cpu: Option<u32>,
    /// Requests that wait for media: they ask for it again where the call goes.
    pub waiting: VecDeque<Order>,
}
