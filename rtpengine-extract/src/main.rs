//! rtpengine-extract

fn main() {}
