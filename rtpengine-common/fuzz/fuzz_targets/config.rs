//! Configuration files of any kind, every value read as every type.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rtpengine_common::config::KeyFile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = KeyFile::parse(&String::from_utf8_lossy(bytes)) else { return };
    for (_, group) in file.groups_with_prefix("a") {
        for (_, entry) in group.entries() {
            let _ = (entry.string(), entry.list(), entry.boolean(), entry.integer(), entry.float());
        }
    }
});
