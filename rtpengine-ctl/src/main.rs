//! rtpengine-ctl

fn main() {}
