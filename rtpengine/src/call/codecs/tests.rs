//! Tests of the negotiation, by rule of the specification.
