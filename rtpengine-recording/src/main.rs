//! rtpengine-recording

fn main() {}
