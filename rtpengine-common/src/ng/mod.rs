//! The ng control protocol: messages, typed requests, replies, client.
//!
//! The way of a command: [`split`] takes the cookie off a datagram, [`Message::decode`] turns the payload (bencode or
//! JSON) into one kind of dictionary, [`Request::parse`] turns that into typed values, and a [`Reply`] goes back in the
//! encoding of the request. Everything a client may write is listed once, in the tables of [`mod@reference`]: they drive
//! parsing and print the reference list of the manual.
//!
//! Source: ng-control.md §§2–9, §12–§16.

mod byte_string;
pub mod client;
mod command;
mod error;
mod framer;
mod json;
mod message;
pub mod reference;
mod reply;
mod request;
#[cfg(test)]
mod tests;

pub use crate::bencode::{Dict, Value};
pub use byte_string::ByteString;
pub use command::{Command, CommandInfo};
pub use error::Error;
pub use framer::{Framer, Unit};
pub use message::{Encoding, Message, Rejected, Split, split};
pub use reply::{Outcome, Reply};
pub use request::*;
