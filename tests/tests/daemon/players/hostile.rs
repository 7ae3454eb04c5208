//! Media that are none, or not any more.

use rtpengine_tests::prelude::*;

use super::*;

#[test]
fn what_cannot_be_played() {
    let daemon = Daemon::start();
    let (folder, file) = folder(8000, 100);
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    let text = folder.path().join("text");
    std::fs::write(&text, "nothing to hear").unwrap();
    let from_file = "Failed to start media playback from file";
    let refused = |request: Request| daemon.request(&request).error().to_owned();
    assert_eq!(refused(call.ask("play media").set("file", &file)), "No participant party specified");
    assert_eq!(refused(play(&call, &bob)), "No media file specified");
    assert_eq!(refused(play(&call, &bob).set("file", text.to_str().unwrap())), from_file);
    assert_eq!(refused(play(&call, &bob).set("file", "/nowhere/at-all.wav")), from_file);
    assert_eq!(refused(play(&call, &bob).set("file", "/dev/zero")), from_file);
    assert_eq!(refused(play(&call, &bob).set("file", "http://127.0.0.1/x.wav")), from_file);
    assert_eq!(refused(play(&call, &bob).set("file", folder.path().to_str().unwrap())), from_file);
    let named = |name: &str| folder.path().join(name);
    std::fs::write(named("empty.wav"), "").unwrap();
    std::fs::write(named("head.wav"), &wav(8000, 440.0, 100)[..30]).unwrap();
    std::fs::File::create(named("huge.mp3")).unwrap().set_len(1 << 36).unwrap();
    let status = std::process::Command::new("mkfifo").arg(named("pipe.wav")).status();
    assert!(status.expect("mkfifo").success());
    for name in ["empty.wav", "head.wav", "huge.mp3", "pipe.wav"] {
        let path = named(name);
        assert_eq!(refused(play(&call, &bob).set("file", path.to_str().unwrap())), from_file, "{name}");
        alice.speaks_to(&mut bob);
    }
    assert_eq!(refused(play(&call, &bob).set("file", "")), "No media file specified");
    let blob = refused(play(&call, &bob).set("blob", "no media"));
    assert_eq!(blob, "Failed to start media playback from blob");
    let row = refused(play(&call, &bob).set("db-id", 5));
    assert_eq!(row, "Failed to start media playback from database", "nothing is configured");
    alice.speaks_to(&mut bob);
    let unknown = Request::new("play media").set("call-id", "x").set("from-tag", "x").set("file", &file);
    assert_eq!(refused(unknown), "Unknown call-ID");
    // A file that ends early, and one that is gone while it plays.
    let mut content = wav(8000, 440.0, 2000);
    content.truncate(4000);
    daemon.request(&play(&call, &bob).set("blob", content.as_slice())).ok();
    listens(&bob, 12);
    let long = folder.path().join("long.wav");
    std::fs::write(&long, wav(8000, 440.0, 600)).unwrap();
    bob.drains();
    daemon.request(&play(&call, &bob).set("file", long.to_str().unwrap())).ok();
    std::fs::remove_file(&long).unwrap();
    listens(&bob, 30);
    alice.speaks_to(&mut bob);
}
