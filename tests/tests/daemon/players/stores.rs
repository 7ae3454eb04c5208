//! The player cache, and media held in memory (players.md §4).

use rtpengine_tests::prelude::*;

use super::*;

#[test]
fn the_player_cache_serves_everybody() {
    let (daemon, cli) = with_cli(&["--player-cache"]);
    let (_folder, file) = folder(8000, 60);
    let (call, alice, bob) = Call::connected(&daemon);
    for phone in [&alice, &bob] {
        daemon.request(&play(&call, phone).set("file", &file).set("repeat-times", 2)).ok();
        let packets = listens(phone, 6);
        assert_eq!(markers(&packets), [0, 3], "each repetition has a marker");
        assert_eq!(packets[3].timestamp, packets[0].timestamp.wrapping_add(480));
    }
    assert_eq!(says(cli, "media list players"), format!("media file '{file}' for 0 PCMU/8000\n"));
    assert_eq!(figure(&daemon, "playercache"), 480);
    std::fs::remove_file(&file).unwrap();
    let reply = daemon.request(&play(&call, &bob).set("file", &file)).ok();
    assert_eq!(reply.int(&["duration"]), 60, "from the cache");
    listens(&bob, 3);
    assert_eq!(says(cli, "media evict players"), "1 DB cache entries evicted\n");
    assert_eq!(figure(&daemon, "playercache"), 480, "players of a living call hold it");
    call.hangs_up(&alice);
    until("the call is gone", SOON, || (figure(&daemon, "playercache") == 0).then_some(()));
}

#[test]
fn files_held_in_memory() {
    let (_folder, file) = folder(8000, 100);
    let (daemon, cli) = with_cli(&[&format!("--preload-media-files={file}")]);
    let size = std::fs::metadata(&file).unwrap().len() as i64;
    assert_eq!(figure(&daemon, "mediacache"), size);
    let (call, _alice, bob) = Call::connected(&daemon);
    std::fs::remove_file(&file).unwrap();
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    listens(&bob, 5);
    assert!(says(cli, "media list files").starts_with(&format!("{file}, loaded ")));
    assert_eq!(says(cli, &format!("media reload file {file}")), format!("Failed to reload '{file}'\n"));
    std::fs::write(&file, wav(8000, 440.0, 200)).unwrap();
    assert_eq!(says(cli, "media reload files"), "1 media files reloaded\n");
    let reply = daemon.request(&play(&call, &bob).set("file", &file)).ok();
    assert_eq!(reply.int(&["duration"]), 200);
    assert_eq!(says(cli, &format!("media evict file {file}")), "Success\n");
    assert_eq!(says(cli, &format!("media evict file {file}")), format!("Failed to evict '{file}'"));
    assert_eq!(says(cli, &format!("media add file {file}")), "Success\n");
    assert_eq!(says(cli, "media evict files"), "1 media files evicted\n");
    assert_eq!(says(cli, "media add db 7"), "Failed to reload '7'\n");
    let failed = Daemon::builder().arg("--preload-media-files=/nowhere.wav").spawn();
    let (status, log) = failed.ends();
    assert!(!status.success());
    assert!(log.contains("Failed to preload media files"), "{log}");
}

/// players.md §4.1 rule 4, §10: the memory of an evicted entry is held by players that have ended, until their call is gone; a delay of the
/// deletion counts as not yet gone.
#[test]
fn an_ended_player_holds_its_entry_until_the_call_is_gone() {
    let (daemon, cli) = with_cli(&["--player-cache"]);
    let (_folder, file) = folder(8000, 60);
    let (call, _alice, bob) = Call::connected(&daemon);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    listens(&bob, 3);
    assert_eq!(says(cli, "media evict players"), "1 DB cache entries evicted\n");
    is_silent(&bob);
    assert_eq!(figure(&daemon, "playercache"), 480, "it has ended");
    daemon.request(&call.ask("delete").set("delete-delay", 60)).ok();
    assert_eq!(figure(&daemon, "playercache"), 480, "not yet gone");
    daemon.request(&call.ask("delete").set("delete-delay", 0)).ok();
    until("the call is gone", SOON, || (figure(&daemon, "playercache") == 0).then_some(()));
    // `stop media` lets go of what plays, and so does another source.
    let (call, alice, bob) = Call::connected(&daemon);
    for phone in [&alice, &bob] {
        daemon.request(&play(&call, phone).set("file", &file).set("repeat-times", 100)).ok();
        listens(phone, 3);
    }
    assert_eq!(figure(&daemon, "playercache"), 480, "shared, and counted once");
    says(cli, "media evict players");
    daemon.request(&stop(&call, &bob)).ok();
    assert_eq!(figure(&daemon, "playercache"), 480, "the other one still has it");
    let other = wav(8000, 440.0, 20);
    daemon.request(&play(&call, &alice).set("blob", other.as_slice())).ok();
    until("its memory is free", SOON, || (figure(&daemon, "playercache") == 160).then_some(()));
}
