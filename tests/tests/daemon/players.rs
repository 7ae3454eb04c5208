//! Media players (`players.md`): what phones hear when the daemon plays files, contents and rows of a database.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rtpengine_tests::phone::MediaPlan;
use rtpengine_tests::prelude::*;
use rtpengine_tests::program::Program;
use tempfile::TempDir;

/// A WAV file of 16-bit mono with a tone.
fn wav(rate: u32, hertz: f64, ms: u32) -> Vec<u8> {
    let count = rate * ms / 1000;
    let sample = |n: u32| (f64::from(n) * hertz * std::f64::consts::TAU / f64::from(rate)).sin() * 8000.0;
    let data: Vec<u8> = (0..count).flat_map(|n| (sample(n) as i16).to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// A folder with `tone.wav`: 440 Hz.
fn folder(rate: u32, ms: u32) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tone.wav");
    std::fs::write(&path, wav(rate, 440.0, ms)).unwrap();
    let name = path.to_str().unwrap().to_owned();
    (folder, name)
}

/// The sample a µ-law octet stands for (ITU-T G.711).
fn linear(octet: u8) -> i32 {
    let octet = !octet;
    let magnitude = ((i32::from(octet & 15) << 3) + 132) << ((octet >> 4) & 7);
    if octet & 0x80 == 0 { magnitude - 132 } else { 132 - magnitude }
}

/// The frequency of a µ-law tone at 8000 Hz, from its rising zero crossings.
fn hertz(packets: &[Rtp]) -> f64 {
    let samples: Vec<i32> = packets.iter().flat_map(|packet| &packet.payload).map(|&o| linear(o)).collect();
    let rising: Vec<usize> = (1..samples.len()).filter(|&n| samples[n - 1] < 0 && samples[n] >= 0).collect();
    let ends = rising.first().zip(rising.last());
    let Some((first, last)) = ends else { panic!("no tone: {:02x?}", packets[packets.len() / 2].payload) };
    (rising.len() - 1) as f64 * 8000.0 / (last - first) as f64
}

/// Nothing more is played.
#[track_caller]
fn is_silent(phone: &Phone) {
    let heard = rtpengine_tests::phone::receive(phone.media[0].rtp_socket(), QUIET);
    assert!(heard.is_none(), "{} hears {heard:02x?}", phone.tag);
}

fn play(call: &Call<'_>, phone: &Phone) -> Request {
    call.ask("play media").set("from-tag", &phone.tag)
}

fn stop(call: &Call<'_>, phone: &Phone) -> Request {
    call.ask("stop media").set("from-tag", &phone.tag)
}

/// Receives so many packets and checks that their numbers follow each other.
#[track_caller]
fn listens(phone: &Phone, count: usize) -> Vec<Rtp> {
    let packets: Vec<Rtp> = (0..count).map(|_| phone.receives().0).collect();
    for pair in packets.windows(2) {
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        assert_eq!(pair[1].sequence_number, pair[0].sequence_number.wrapping_add(1));
    }
    packets
}

fn markers(packets: &[Rtp]) -> Vec<usize> {
    (0..packets.len()).filter(|&n| packets[n].marker).collect()
}

fn connected(daemon: &Daemon) -> (Call<'_>, Phone, Phone) {
    let call = Call::new(daemon);
    let (mut alice, mut bob) = call.phones();
    call.connects(&mut alice, &mut bob);
    (call, alice, bob)
}

#[test]
fn a_file_is_heard_at_its_pace() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 1000);
    let (call, mut alice, bob) = connected(&daemon);
    let reply = daemon.request(&play(&call, &bob).set("file", &file)).ok();
    assert_eq!(reply.int(&["duration"]), 1000);
    let started = Instant::now();
    let packets = listens(&bob, 50);
    let took = started.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_millis(3000)).contains(&took), "{took:?}");
    assert_eq!(markers(&packets), [0]);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    assert!(packets.iter().all(|packet| packet.payload_type == 0 && packet.payload.len() == 160));
    assert!((hertz(&packets) - 440.0).abs() < 2.0, "{}", hertz(&packets));
    let report = bob.receives_rtcp().0;
    let Rtcp::Sr { ssrc, packets: 1, timestamp, .. } = &report[0] else { panic!("{report:?}") };
    assert_eq!(
        (*ssrc, *timestamp),
        (packets[0].ssrc, packets[0].timestamp),
        "directly behind the first packet"
    );
    assert!(matches!(&report[1], Rtcp::Sdes { ssrc, .. } if *ssrc == packets[0].ssrc));
    is_silent(&bob);
    is_silent(&alice);
    let spoken = alice.sends();
    bob.hears(&spoken);
    assert_ne!(spoken.ssrc, packets[0].ssrc);
}

/// players.md §3, the worked example, with far-side media in between.
#[test]
fn a_player_keeps_its_numbers_over_restarts() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 60);
    let (call, _alice, bob) = connected(&daemon);
    let reply = daemon.request(&play(&call, &bob).set("file", &file).set("repeat-times", 2)).ok();
    assert_eq!(reply.int(&["duration"]), 60);
    let first = listens(&bob, 6);
    assert_eq!(markers(&first), [0], "no marker at the repetition");
    let last = Instant::now();
    for pair in first.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    is_silent(&bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let second = listens(&bob, 3);
    let passed = last.elapsed();
    assert_eq!(markers(&second), [0]);
    assert_eq!(second[0].ssrc, first[0].ssrc);
    assert_eq!(second[0].sequence_number, first[5].sequence_number.wrapping_add(1));
    let step = second[0].timestamp.wrapping_sub(first[5].timestamp);
    let wall = passed.as_millis() as u32 * 8;
    assert!(step <= wall + 800 && step + 1600 >= wall, "{step} units in {passed:?}");
}

#[test]
fn stopping_and_going_on() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 5000);
    let (call, _alice, bob) = connected(&daemon);
    assert_eq!(daemon.request(&stop(&call, &bob)).error(), "Not currently playing media");
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let first = listens(&bob, 50);
    let reply = daemon.request(&stop(&call, &bob)).ok();
    let position = reply.int(&["last-frame-pos"]);
    // The frames of a WAV file are up to 2048 samples long.
    assert!((5500..=8900).contains(&position), "{position}");
    bob.drains();
    is_silent(&bob);
    assert_eq!(daemon.request(&stop(&call, &bob)).error(), "Not currently playing media");
    let rest = (40_000 - position) as usize / 160;
    daemon.request(&play(&call, &bob).set("file", &file).set("start-pos", position)).ok();
    let packets = listens(&bob, rest);
    assert_eq!(packets[0].ssrc, first[0].ssrc);
    is_silent(&bob);
}

#[test]
fn far_side_media_goes_on_or_is_suppressed() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 400);
    let (call, mut alice, bob) = connected(&daemon);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    listens(&bob, 3);
    let spoken = alice.sends();
    let heard: Vec<Rtp> = (0..18).map(|_| bob.receives().0).collect();
    assert_eq!(heard.iter().filter(|packet| **packet == spoken).count(), 1, "no mixing");
    bob.drains();
    daemon.request(&play(&call, &bob).set("file", &file).flag("block-egress")).ok();
    let mut played = listens(&bob, 3);
    let suppressed = alice.sends();
    let query = call.query();
    assert!(format!("{query:?}").contains("block egress"));
    played.extend(listens(&bob, 17));
    assert!(!played.contains(&suppressed));
    let spoken = until("the far side is heard again", SOON, || {
        let spoken = alice.sends();
        let heard = rtpengine_tests::phone::receive(bob.media[0].rtp_socket(), QUIET)?;
        (Rtp::parse(&heard.0)? == spoken).then_some(spoken)
    });
    assert!(spoken.sequence_number > suppressed.sequence_number, "its own numbering");
}

#[test]
fn contents_in_the_request_and_other_formats() {
    let daemon = Daemon::start();
    let (folder, file) = folder(44_100, 400);
    let (call, alice, _bob) = connected(&daemon);
    let reply = daemon.request(&play(&call, &alice).set("blob", wav(16_000, 440.0, 400).as_slice())).ok();
    assert_eq!(reply.int(&["duration"]), 400);
    let packets = listens(&alice, 20);
    assert!((hertz(&packets) - 440.0).abs() < 5.0);
    for format in ["flac", "ogg", "au", "gsm"] {
        let other = folder.path().join("tone").with_extension(format);
        let status =
            Command::new("sox").args([&file, "-c", "2"].map(std::ffi::OsStr::new)).arg(&other).status();
        let status = if format == "gsm" {
            let arguments = [&file, "-r", "8000", "-c", "1"].map(std::ffi::OsStr::new);
            Command::new("sox").args(arguments).arg(&other).status()
        } else {
            status
        };
        assert!(status.expect("sox is installed").success());
        daemon.request(&play(&call, &alice).set("file", other.to_str().unwrap())).ok();
        let packets = listens(&alice, 19);
        assert!((hertz(&packets) - 440.0).abs() < 5.0, "{format}: {}", hertz(&packets));
        alice.drains();
    }
}

#[test]
fn what_cannot_be_played() {
    let daemon = Daemon::start();
    let (folder, file) = folder(8000, 100);
    let (call, mut alice, mut bob) = connected(&daemon);
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

#[test]
fn everybody_hears_and_commands_keep_their_order() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 200);
    let (call, alice, bob) = connected(&daemon);
    // Two requests on their way at once: the second one is answered after the first.
    let client = daemon.client();
    let first = call.ask("play media").set("all", "all").set("file", &file);
    let second = stop(&call, &alice);
    for (cookie, request) in [("one", &first), ("two", &second)] {
        let mut datagram = format!("{cookie} ").into_bytes();
        datagram.extend(request.encode());
        client.send_raw(&datagram).unwrap();
    }
    for cookie in ["one", "two"] {
        let reply = client.reply_to(cookie, SOON).unwrap().expect("an answer");
        assert!(String::from_utf8_lossy(&reply).contains("2:ok"), "{cookie}: {}", reply.escape_ascii());
    }
    listens(&bob, 10);
    is_silent(&bob);
    let _ = daemon.request(&call.ask("stop media").set("all", "all")).error();
}

#[test]
fn an_offer_alone_is_enough() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    daemon.request(&play(&call, &alice).set("file", &file)).ok();
    let packets = listens(&alice, 5);
    assert_eq!(markers(&packets), [0]);
    call.answer(&mut bob, &mut alice);
    // A party that is left alone still hears.
    daemon.request(&call.ask("delete").set("from-tag", &bob.tag).set("delete-delay", 0)).ok();
    if call.exists() {
        daemon.request(&play(&call, &alice).set("file", &file)).ok();
        listens(&alice, 5);
    }
}

#[test]
fn an_encrypted_phone_hears_under_its_own_keys() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 200);
    let call = Call::new(&daemon);
    let mut alice = call.phone(0, "alice").build();
    let secure = MediaPlan::audio().secure("AES_CM_128_HMAC_SHA1_80");
    let mut bob = call.phone(1, "bob").media(secure).build();
    call.offer_with(&mut alice, &mut bob, &Request::empty().set("transport-protocol", "RTP/SAVP"));
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let packets = listens(&bob, 10);
    assert!((hertz(&packets) - 440.0).abs() < 5.0);
    let report = bob.receives_rtcp().0;
    assert!(matches!(&report[0], Rtcp::Sr { ssrc, .. } if *ssrc == packets[0].ssrc));
    alice.speaks_to(&mut bob);
}

#[test]
fn the_receivers_codec_is_used() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(16_000, 200);
    let call = Call::new(&daemon);
    let plan = || {
        let audio = MediaPlan::new("audio", "RTP/AVP").format(9, "G722/8000").format(96, "opus/48000/2");
        audio.attribute("ptime:20")
    };
    let mut alice = call.phone(0, "alice").media(plan()).build();
    let mut bob = call.phone(1, "bob").media(plan()).build();
    call.connects(&mut alice, &mut bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let packets = listens(&bob, 10);
    assert!(packets.iter().all(|packet| packet.payload_type == 9 && packet.payload.len() == 160));
    // The next offer has another codec: the player goes on with it.
    bob.drains();
    daemon.request(&play(&call, &bob).set("file", &file).set("repeat-times", 100)).ok();
    let before = listens(&bob, 5);
    let opus = || MediaPlan::new("audio", "RTP/AVP").format(96, "opus/48000/2");
    let mut alice = call.phone(0, "alice").media(opus()).build();
    let mut bob = call.phone(1, "bob").media(opus()).build();
    call.connects(&mut alice, &mut bob);
    let after = until("the other codec", SOON, || {
        let packet = bob.receives().0;
        (packet.payload_type == 96).then_some(packet)
    });
    assert_eq!(after.ssrc, before[0].ssrc);
    let next = listens(&bob, 3);
    assert_eq!(next[1].timestamp.wrapping_sub(next[0].timestamp), 960);
}

/// A daemon with a command line port.
fn with_cli(arguments: &[&str]) -> (Daemon, SocketAddr) {
    let local = std::net::Ipv4Addr::LOCALHOST.into();
    let address = SocketAddr::new(local, Network::enter().free_port(local));
    (Daemon::builder().arg(format!("--listen-cli={address}")).args(arguments).start(), address)
}

fn says(address: SocketAddr, line: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn figure(daemon: &Daemon, name: &str) -> i64 {
    daemon.request(&Request::new("statistics")).ok().int(&["statistics", "currentstatistics", name])
}

#[test]
fn the_player_cache_serves_everybody() {
    let (daemon, cli) = with_cli(&["--player-cache"]);
    let (_folder, file) = folder(8000, 60);
    let (call, alice, bob) = connected(&daemon);
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
    let (call, _alice, bob) = connected(&daemon);
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

/// A database server of its own in a folder.
struct Database {
    _server: Program,
    folder: TempDir,
}

impl Database {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let quiet = || Stdio::null();
        let installed = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args([format!("--datadir={}", path("data")), "--user=root".into()])
            .stdout(quiet())
            .stderr(quiet())
            .status();
        assert!(installed.expect("mariadb-server is installed").success());
        let arguments = [
            "--no-defaults".to_owned(),
            "--user=root".into(),
            format!("--datadir={}", path("data")),
            format!("--socket={}", path("socket")),
            format!("--pid-file={}", path("pid")),
            "--skip-networking".into(),
            "--innodb-flush-log-at-trx-commit=0".into(),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let server = Program::start("mariadbd", &arguments, folder.path());
        let database = Self { _server: server, folder };
        until("the database answers", Duration::from_secs(30), || database.try_run("select 1").then_some(()));
        database
    }

    fn socket(&self) -> String {
        self.folder.path().join("socket").to_str().unwrap().to_owned()
    }

    fn try_run(&self, sql: &str) -> bool {
        let mut client = Command::new("mariadb")
            .args(["--no-defaults", "--user=root", &format!("--socket={}", self.socket())])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mariadb-client is installed");
        let fed = client.stdin.take().unwrap().write_all(sql.as_bytes());
        client.wait().unwrap().success() && fed.is_ok()
    }

    fn run(&self, sql: &str) {
        assert!(self.try_run(sql), "{}", &sql[..sql.len().min(200)]);
    }

    fn put(&self, id: u32, content: &[u8]) {
        let hex: String = content.iter().map(|octet| format!("{octet:02x}")).collect();
        self.run(&format!("replace into media.announcements values ({id}, x'{hex}')"));
    }

    fn arguments(&self) -> Vec<String> {
        vec![
            format!("--mysql-host={}", self.socket()),
            "--mysql-user=player".into(),
            "--mysql-pass=secret".into(),
            "--mysql-query=select audio from media.announcements where num = %llu".into(),
        ]
    }
}

#[test]
fn rows_of_a_database() {
    let database = Database::start();
    database.run(
        "create database media; create table media.announcements (num bigint primary key, audio longblob); \
         create user player identified by 'secret'; create user player@localhost identified by 'secret'; \
         grant all on *.* to player; grant all on *.* to player@localhost",
    );
    database.put(17, &wav(8000, 440.0, 100));
    database.put(18, b"no media");
    let copies = tempfile::tempdir().unwrap();
    let copies = copies.path().join("copies");
    let mut arguments = database.arguments();
    arguments.push(format!("--db-media-cache={}", copies.to_str().unwrap()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (daemon, cli) = with_cli(&arguments);
    let (call, mut alice, mut bob) = connected(&daemon);
    let failed = "Failed to start media playback from database";
    let reply = daemon.request(&play(&call, &bob).set("db-id", 17)).ok();
    assert_eq!(reply.int(&["duration"]), 100);
    let packets = listens(&bob, 5);
    assert!((hertz(&packets) - 440.0).abs() < 10.0);
    assert_eq!(daemon.request(&play(&call, &bob).set("db-id", 18)).error(), failed);
    assert_eq!(daemon.request(&play(&call, &bob).set("db-id", 19)).error(), failed, "no such row");
    assert!(copies.join("17.blob").is_file());
    assert!(says(cli, "media list caches").starts_with("17, loaded "));
    assert_eq!(says(cli, "media add db 17"), "Success\n");
    assert!(says(cli, "media list dbs").starts_with("17, loaded "));
    assert_eq!(says(cli, "media evict cache 17 20"), "Success (17)\nFailed to evict 20\n");
    assert!(!copies.join("17.blob").exists());
    // The connection is lost behind the daemon's back and made again.
    database.run(
        "select id into @id from information_schema.processlist where user = 'player' limit 1; \
         execute immediate concat('kill ', @id)",
    );
    database.put(21, &wav(8000, 440.0, 60));
    daemon.request(&play(&call, &bob).set("db-id", 21)).ok();
    listens(&bob, 3);
    // A question that takes long holds nothing up but itself.
    let mut slow = database.arguments();
    slow.pop();
    slow.push("--mysql-query=select sleep(2), audio from media.announcements where num = %llu".into());
    let other = Daemon::builder().args(slow).start();
    let (slow_call, mut carol, mut dave) = connected(&other);
    let client = other.client();
    let mut datagram = b"slow ".to_vec();
    datagram.extend(play(&slow_call, &dave).set("db-id", 17).encode());
    client.send_raw(&datagram).unwrap();
    let asked = Instant::now();
    carol.speaks_to(&mut dave);
    other.request(&Request::new("ping"));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let reply = client.reply_to("slow", Duration::from_secs(8)).unwrap().expect("an answer");
    assert!(String::from_utf8_lossy(&reply).contains(failed), "its first column is no media");
    // The server goes away: what is in memory can still be played.
    drop(database);
    daemon.request(&play(&call, &bob).set("db-id", 17)).ok();
    listens(&bob, 5);
    assert_eq!(daemon.request(&play(&call, &bob).set("db-id", 33)).error(), failed);
    alice.speaks_to(&mut bob);
}

fn hold_music(file: &str, mode: Option<&str>) -> Request {
    let mut entries = vec![("file", file)];
    entries.extend(mode.map(|mode| ("mode", mode)));
    Request::empty().set("moh", dict(entries))
}

#[test]
fn music_on_hold_starts_and_stops_with_the_offer() {
    let daemon = Daemon::builder().arg("--moh-attr-name=on-hold-music").start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &hold_music(&file, None));
    call.answer(&mut bob, &mut alice);
    alice.speaks_to(&mut bob);
    alice.media[0].set_direction("sendonly");
    let reply = call.offer(&mut alice, &mut bob);
    assert!(reply.sdp().contains("a=on-hold-music\r\n"), "{}", reply.sdp());
    assert!(reply.sdp().contains("a=sendonly\r\n"));
    let packets = listens(&bob, 12);
    assert_eq!(markers(&packets), [0], "no marker at the loop");
    bob.media[0].set_direction("recvonly");
    call.answer(&mut bob, &mut alice);
    let refused = daemon.request(&stop(&call, &bob));
    assert_eq!(refused.error(), "Currently MoH ongoing, ignore stop media.");
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let more = listens(&bob, 10);
    assert_eq!(more[0].ssrc, packets[0].ssrc);
    assert_eq!(markers(&more), [0; 0], "another player was ignored");
    alice.media[0].set_direction("sendrecv");
    bob.media[0].set_direction("sendrecv");
    let reply = call.offer(&mut alice, &mut bob);
    assert!(!reply.sdp().contains("on-hold-music"));
    call.answer(&mut bob, &mut alice);
    bob.drains();
    alice.speaks_to(&mut bob);
    is_silent(&bob);
}

#[test]
fn music_on_hold_in_its_other_modes() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer_with(&mut alice, &mut bob, &hold_music(&file, Some("sendrecv")));
    call.answer(&mut bob, &mut alice);
    alice.media[0].set_direction("inactive");
    let reply = call.offer(&mut alice, &mut bob);
    assert!(reply.sdp().contains("a=sendrecv\r\n"), "{}", reply.sdp());
    listens(&bob, 5);
    let reply = call.answer(&mut bob, &mut alice);
    assert!(reply.sdp().contains("a=inactive\r\n"), "{}", reply.sdp());
    listens(&bob, 5);
    // Reflected: the one put on hold hears its own source.
    let call = Call::new(&daemon);
    let (mut carol, mut dave) = call.phones();
    call.offer(&mut carol, &mut dave);
    call.answer_with(&mut dave, &mut carol, &hold_music(&file, None));
    carol.media[0].set_direction("sendonly");
    let reflect = Request::empty().set("moh", dict([("mode", "reflect")]));
    call.offer_with(&mut carol, &mut dave, &reflect);
    listens(&dave, 5);
    // A source that is not there is an error of the offer.
    let call = Call::new(&daemon);
    let (mut erin, mut frank) = call.phones();
    call.connects(&mut erin, &mut frank);
    erin.media[0].set_direction("sendonly");
    let request = call.offer_request(&mut erin, &frank, &hold_music("/nowhere.wav", None));
    assert_eq!(daemon.request(&request).error(), "Failed to start media playback from file");
}

#[test]
fn a_recording_is_announced() {
    let spool = tempfile::tempdir().unwrap();
    let daemon = Daemon::builder().arg(format!("--recording-dir={}", spool.path().display())).start();
    let (_folder, file) = folder(8000, 100);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let announcement = Request::empty().set("file", &file).flag("recording-announcement");
    call.offer_with(&mut alice, &mut bob, &announcement);
    call.answer(&mut bob, &mut alice);
    is_silent(&alice);
    daemon.request(&call.ask("start recording")).ok();
    let packets = listens(&alice, 5);
    assert_eq!(markers(&packets), [0]);
    is_silent(&bob);
    call.connects(&mut alice, &mut bob);
    // One that cannot be opened is only logged.
    let missing = Request::empty().set("file", "/nowhere.wav").flag("recording-announcement");
    call.offer_with(&mut alice, &mut bob, &missing);
    daemon.logs("Failed to add media player for recording announcement");
}

/// The level of a packet: the mean of its samples without their signs.
fn level(packet: &Rtp) -> i32 {
    let sum: i32 = packet.payload.iter().map(|&octet| linear(octet).abs()).sum();
    sum / packet.payload.len().max(1) as i32
}

/// Sends a packet of one loudness.
fn speaks(phone: &mut Phone, octet: u8) -> Rtp {
    let mut packet = phone.next_packet(0);
    packet.payload = vec![octet; 160];
    let to = phone.media[0].remote().rtp();
    phone.media[0].rtp_socket().send_to(&packet.encode(), to).unwrap();
    packet
}

#[test]
fn a_forced_audio_player_is_a_constant_stream() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 400);
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    let force = Request::empty().set("audio-player", "force");
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &force);
    // Bob said so in his answer: what goes to him is mixed.
    let silence = listens(&bob, 5);
    assert_eq!(markers(&silence), [0]);
    for pair in silence.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    assert!(silence.iter().all(|packet| packet.payload == [0xff; 160]), "digital silence");
    is_silent(&alice);
    let spoken = speaks(&mut alice, 0x90);
    let heard = until("the mix", SOON, || {
        let packet = bob.receives().0;
        packet.payload.contains(&0x90).then_some(packet)
    });
    assert_ne!(heard.ssrc, spoken.ssrc);
    assert_eq!(heard.ssrc, silence[0].ssrc);
    assert_eq!((&heard.payload[..40], &heard.payload[40..]), (&[0xff; 40][..], &[0x90; 120][..]));
    let rest = bob.receives().0;
    assert_eq!((&rest.payload[..40], &rest.payload[40..]), (&[0x90; 40][..], &[0xff; 120][..]));
    // Playback is one more voice in the same stream.
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let mixed: Vec<Rtp> = (0..22).map(|_| bob.receives().0).collect();
    assert!(mixed.iter().all(|packet| packet.ssrc == heard.ssrc && !packet.marker));
    let loud: Vec<Rtp> = mixed.iter().filter(|packet| level(packet) > 3000).cloned().collect();
    assert!((16..=20).contains(&loud.len()), "{}", loud.len());
    assert!((hertz(&loud) - 440.0).abs() < 20.0);
    // Without force everything is as before.
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &Request::empty().set("audio-player", "off"));
    bob.drains();
    let spoken = speaks(&mut alice, 0x91);
    bob.hears(&spoken);
}

/// players.md §8.2 rule 7.
#[test]
fn an_audio_player_for_the_time_of_a_playback() {
    let daemon = Daemon::builder().arg("--audio-player=play-media").start();
    let (_folder, file) = folder(8000, 100);
    let (call, mut alice, mut bob) = connected(&daemon);
    alice.speaks_to(&mut bob);
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    let mut packets = listens(&bob, 1);
    // Two on a machine that keeps time; one that is late ends the playback all the same.
    while let Some((data, _)) = rtpengine_tests::phone::receive(bob.media[0].rtp_socket(), QUIET) {
        packets.extend(Rtp::parse(&data));
    }
    assert!(packets.len() <= 2, "{packets:?}");
    assert_eq!(markers(&packets), [0]);
    assert_eq!(packets[0].payload[..40], [0xff; 40], "the delay of a new source");
    assert!(packets.iter().all(|packet| packet.ssrc == packets[0].ssrc && level(packet) > 3000));
    alice.speaks_to(&mut bob);
}

#[test]
fn transcoded_directions_can_have_an_audio_player() {
    let daemon = Daemon::builder().arg("--audio-player=transcoding").start();
    let call = Call::new(&daemon);
    let mut alice =
        call.phone(0, "alice").media(MediaPlan::new("audio", "RTP/AVP").format(0, "PCMU/8000")).build();
    let mut bob =
        call.phone(1, "bob").media(MediaPlan::new("audio", "RTP/AVP").format(8, "PCMA/8000")).build();
    let transcode =
        Request::empty().set("codec", dict([("transcode", list(["PCMA"])), ("mask", list(["PCMU"]))]));
    call.offer_with(&mut alice, &mut bob, &transcode);
    call.answer(&mut bob, &mut alice);
    let (to_bob, to_alice) = (listens(&bob, 3), listens(&alice, 3));
    assert!(to_bob.iter().all(|packet| packet.payload_type == 8 && packet.payload == [0xd5; 160]));
    assert!(to_alice.iter().all(|packet| packet.payload_type == 0 && packet.payload == [0xff; 160]));
    speaks(&mut alice, 0x90);
    until("it is heard", SOON, || bob.receives().0.payload.iter().any(|&octet| octet != 0xd5).then_some(()));
    call.hangs_up(&alice);
}

/// ng-control.md §11.10: a prompter whom only Bob hears, mixed with what Alice says.
#[test]
fn injected_audio_is_mixed_into_what_a_party_hears() {
    let daemon = Daemon::start();
    let (call, mut alice, mut bob) = connected(&daemon);
    alice.speaks_to(&mut bob);
    let own = alice.next_packet(0).ssrc;
    let mut prompter = call.phone(2, "prompter").build();
    prompter.media[0].set_direction("sendonly");
    let publish = call.ask("publish").set("from-tag", "prompter").set("sdp", prompter.offer_sdp());
    prompter.takes(daemon.request(&publish).ok().sdp());
    let inject = |command: &str| call.ask(command).set("to-tag", &bob.tag).set("source-tag", "prompter");
    assert_eq!(daemon.request(&inject("inject stop")).error(), "Failed to stop inject");
    daemon.request(&inject("inject start")).ok();
    let prompted = speaks(&mut prompter, 0x90);
    // Nobody else hears him, and Bob hears a stream of its own that goes on without him.
    let first = until("the mix", SOON, || {
        let packet = bob.receives().0;
        packet.payload.contains(&0x90).then_some(packet)
    });
    assert!(![prompted.ssrc, own].contains(&first.ssrc));
    is_silent(&alice);
    // Both at once: their sound is added up.
    let alone = linear(0x90).max(linear(0xa0));
    let loud = until("both voices", SOON, || {
        speaks(&mut alice, 0xa0);
        speaks(&mut prompter, 0x90);
        let packet = bob.receives().0;
        assert_eq!(packet.ssrc, first.ssrc);
        packet.payload.iter().map(|&octet| linear(octet)).find(|&sample| sample > alone)
    });
    assert!((loud - linear(0x90) - linear(0xa0)).abs() <= 512, "the sum: {loud}");
    daemon.request(&inject("inject stop")).ok();
    bob.drains();
    speaks(&mut prompter, 0x90);
    is_silent(&bob);
    let spoken = speaks(&mut alice, 0x91);
    bob.hears(&spoken);
}

/// media-plane.md §18.2 rule 4.
#[test]
fn playing_empties_the_delay_buffer() {
    let daemon = Daemon::start();
    let (_folder, file) = folder(8000, 100);
    let (call, mut alice, mut bob) = connected(&daemon);
    alice.speaks_to(&mut bob);
    let delay = |ms: i64| {
        let request = call.ask("block DTMF").set("from-tag", "alice").set("DTMF-security", "off");
        daemon.request(&request.set("delay-buffer", ms)).ok();
    };
    delay(60_000);
    let received = || call.query().int(&["tags", "alice", "medias", "0", "streams", "0", "stats", "packets"]);
    let before = received();
    let delayed: Vec<Rtp> = (0..3).map(|_| alice.sends()).collect();
    until("they are held back", SOON, || (received() == before + 3).then_some(()));
    daemon.request(&play(&call, &bob).set("file", &file)).ok();
    delay(0);
    let played = listens(&bob, 5);
    assert_ne!(played[0].ssrc, delayed[0].ssrc);
    is_silent(&bob);
    alice.speaks_to(&mut bob);
}

/// ng-control.md, flag `egress`: copies of what is sent in the stead of the source, mixed here.
#[test]
fn an_egress_subscriber_gets_what_the_audio_player_sends() {
    let daemon = Daemon::start();
    let call = Call::new(&daemon);
    let (mut alice, mut bob) = call.phones();
    call.offer(&mut alice, &mut bob);
    call.answer_with(&mut bob, &mut alice, &Request::empty().set("audio-player", "force"));
    let mut spy = call.phone(2, "spy").build();
    let subscribe =
        call.ask("subscribe request").set("from-tag", &alice.tag).set("to-tag", "spy").flag("egress");
    spy.takes(daemon.request(&subscribe).ok().sdp());
    spy.media[0].set_direction("recvonly");
    let answer = call.ask("subscribe answer").set("to-tag", "spy").set("sdp", spy.answer_sdp());
    daemon.request(&answer).ok();
    let first = spy.receives().0;
    let same = until("the same packet", SOON, || {
        let packet = bob.receives().0;
        (packet.sequence_number == first.sequence_number).then_some(packet)
    });
    assert_eq!(first, same);
    speaks(&mut alice, 0x90);
    until("it is heard", SOON, || spy.receives().0.payload.contains(&0x90).then_some(()));
    is_silent(&alice);
}

#[test]
fn many_restarts_are_harmless() {
    let daemon = Daemon::builder().arg("--player-cache").start();
    let (folder, file) = folder(8000, 1000);
    let (call, alice, _bob) = connected(&daemon);
    for _ in 0..50 {
        daemon.request(&play(&call, &alice).set("file", &file)).ok();
    }
    let first = alice.receives().0;
    assert!(Path::new(&file).starts_with(folder.path()));
    call.hangs_up(&alice);
    assert!(!call.exists());
    assert_eq!(first.payload_type, 0);
}
