//! A synchronous client of the protocol.
