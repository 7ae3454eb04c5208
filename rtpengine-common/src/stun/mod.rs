//! STUN messages.
