//! RTP packets as typed views.
