//! `players.md`, rule by rule, with the time in hand.

mod digits;
mod mixing;
mod music;
mod playing;
mod rules;
mod wire;
