//! `media-plane.md` §17 and §18, rule by rule: media that is stopped, silenced, marked or held back.

mod blocking;
mod buffers;
mod rules;
