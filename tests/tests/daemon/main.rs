//! The daemon as a process, with real sockets: one module for each subject.

mod addresses;
mod bad_input;
mod basic_call;
mod cli;
mod ctl;
mod delete;
mod dtls;
mod edges;
mod http;
mod ice;
mod learning;
mod limits;
mod medias;
mod process;
mod protocol;
mod proxies;
mod query;
mod reinvite;
mod reports;
mod sdp_examples;
mod sdp_rules;
mod srtp;
mod timeouts;
mod web;
mod webrtc;
mod websocket;
