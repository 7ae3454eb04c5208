//! RTCP packets as typed views.
