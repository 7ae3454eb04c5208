//! rtpengine-makeann

fn main() {}
