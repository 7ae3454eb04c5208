//! The rules of codecs.md about calls: requests and packets in, exact SDP and exact packets out, in a time of the tests' own. Each test
//! names the rule it is about (`rules` has the list).

#[cfg(feature = "codec")]
mod bench;
#[cfg(feature = "codec")]
mod events;
#[cfg(feature = "codec")]
mod fax;
#[cfg(feature = "codec")]
mod handlers;
#[cfg(feature = "codec")]
mod injection;
#[cfg(feature = "codec")]
mod loss;
#[cfg(feature = "codec")]
mod negotiation;
#[cfg(feature = "codec")]
mod numbers;
mod rules;
#[cfg(feature = "codec")]
mod security;
#[cfg(feature = "codec")]
mod specifics;
