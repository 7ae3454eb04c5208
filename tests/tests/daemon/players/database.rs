//! Media out of a database (players.md §5).

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rtpengine_tests::prelude::*;
use rtpengine_tests::program::Program;
use tempfile::TempDir;

use super::*;

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

/// A database with a table of announcements, and who may read it.
fn announcements() -> Database {
    let database = Database::start();
    database.run(
        "create database media; create table media.announcements (num bigint primary key, audio longblob); \
         create user player identified by 'secret'; create user player@localhost identified by 'secret'; \
         grant all on *.* to player; grant all on *.* to player@localhost",
    );
    database
}

#[test]
fn rows_of_a_database() {
    let database = announcements();
    database.put(17, &wav(8000, 440.0, 100));
    database.put(18, b"no media");
    let copies = tempfile::tempdir().unwrap();
    let copies = copies.path().join("copies");
    let mut arguments = database.arguments();
    arguments.push(format!("--db-media-cache={}", copies.to_str().unwrap()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (daemon, cli) = with_cli(&arguments);
    let (call, mut alice, mut bob) = Call::connected(&daemon);
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
    let (slow_call, mut carol, mut dave) = Call::connected(&other);
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

/// A database that takes connections and never says anything: the call goes on, others are served, and the client is told in time.
#[test]
fn a_database_that_never_answers() {
    let network = Network::enter();
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Whoever connects is kept waiting.
    std::thread::spawn(move || {
        let _network = network;
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            open.push(stream);
        }
    });
    let copies = tempfile::tempdir().unwrap();
    std::fs::write(copies.path().join("5.blob"), wav(8000, 440.0, 100)).unwrap();
    let (daemon, cli) = with_cli(&[
        "--mysql-host=127.0.0.1",
        &format!("--mysql-port={port}"),
        "--mysql-query=select audio from announcements where num = %llu",
        &format!("--db-media-cache={}", copies.path().display()),
    ]);
    let (call, mut alice, mut bob) = Call::connected(&daemon);
    let (other, mut carol, mut dave) = Call::connected(&daemon);
    let asked = Instant::now();
    let ask = |call: &Call<'_>, phone: &Phone, id: i64| {
        let client = daemon.client();
        let mut datagram = b"slow ".to_vec();
        datagram.extend(play(call, phone).set("db-id", id).encode());
        client.send_raw(&datagram).unwrap();
        client
    };
    let waiting = [ask(&call, &bob, 7), ask(&other, &dave, 8), ask(&other, &carol, 9)];
    // Media, other requests, other media, and the command line go on.
    let third = Call::new(&daemon);
    let (mut erin, mut frank) = third.phones();
    third.connects(&mut erin, &mut frank);
    for _ in 0..20 {
        alice.speaks_to(&mut bob);
        carol.speaks_to(&mut dave);
    }
    daemon.request(&play(&third, &frank).set("blob", wav(8000, 440.0, 100).as_slice())).ok();
    listens(&frank, 5);
    daemon.request(&play(&third, &frank).set("db-id", 5)).ok();
    listens(&frank, 5);
    assert!(says(cli, "media list caches").starts_with("5, loaded "));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    for client in waiting {
        let reply = client.reply_to("slow", Duration::from_secs(25)).unwrap().expect("an answer");
        let reply = String::from_utf8_lossy(&reply).into_owned();
        assert!(reply.contains("Failed to start media playback from database"), "{reply}");
    }
    assert!(asked.elapsed() < Duration::from_secs(22), "{:?}", asked.elapsed());
    alice.speaks_to(&mut bob);
}

/// Nobody listens there, or something that is no database: the error comes at once.
#[test]
fn a_database_that_is_none() {
    let network = Network::enter();
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let closed = network.free_port(std::net::Ipv4Addr::LOCALHOST.into());
    std::thread::spawn(move || {
        let _network = network;
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(&[0xff; 4096]);
        }
    });
    for port in [port, closed] {
        let daemon = Daemon::builder()
            .arg("--mysql-host=127.0.0.1")
            .arg(format!("--mysql-port={port}"))
            .arg("--mysql-query=select audio from announcements where num = %llu")
            .start();
        let (call, mut alice, mut bob) = Call::connected(&daemon);
        let asked = Instant::now();
        let error = daemon.request(&play(&call, &bob).set("db-id", 7)).error().to_owned();
        assert_eq!(error, "Failed to start media playback from database");
        assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
        alice.speaks_to(&mut bob);
    }
}

/// players.md §4.2, §10: what is loaded at the start, and read again by hand and by itself.
#[test]
fn stores_of_the_database_are_loaded_and_reloaded() {
    let database = announcements();
    for id in [1, 2] {
        database.put(id, &wav(8000, 440.0, 100));
    }
    let copies = tempfile::tempdir().unwrap();
    let mut arguments = database.arguments();
    arguments.extend([
        "--preload-db-media=1".to_owned(),
        "--preload-db-cache=2".into(),
        "--db-media-reload=1".into(),
        format!("--db-media-cache={}", copies.path().display()),
    ]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (daemon, cli) = with_cli(&arguments);
    assert!(says(cli, "media list dbs").starts_with("1, loaded "));
    assert!(says(cli, "media list caches").contains("2, loaded "));
    let (call, _alice, bob) = Call::connected(&daemon);
    let duration = |id: i64| daemon.request(&play(&call, &bob).set("db-id", id)).ok().int(&["duration"]);
    assert_eq!([duration(1), duration(2)], [100, 100]);
    // By itself, and by hand.
    database.put(1, &wav(8000, 440.0, 200));
    until("it is read again", Duration::from_secs(20), || (duration(1) == 200).then_some(()));
    database.put(2, &wav(8000, 440.0, 300));
    assert_eq!(duration(2), 100, "out of the directory");
    assert_eq!(says(cli, "media reload cache 2"), "Success\n");
    assert_eq!(duration(2), 300);
    database.put(2, &wav(8000, 440.0, 400));
    let reloaded = says(cli, "media reload caches");
    assert!(
        ["1 media entries reloaded\n", "2 media entries reloaded\n"].contains(&reloaded.as_str()),
        "{reloaded}"
    );
    assert_eq!(duration(2), 400);
    assert_eq!(says(cli, "media reload dbs"), "1 media entries reloaded\n");
    assert_eq!(says(cli, "media reload db 2"), "Failed to reload '2'\n", "it is not held");
    assert_eq!(says(cli, "media add db 2"), "Success\n");
    assert_eq!(says(cli, "media add cache 9"), "Failed to reload '9'\n", "no such row");
    assert_eq!(says(cli, "media evict dbs"), "2 DB media entries evicted\n");
    drop(database);
    for (argument, text) in [
        ("--preload-db-media=x", "Invalid DB ID string number"),
        ("--preload-db-cache=0", "Invalid DB ID string number"),
        ("--preload-db-media=5", "Failed to preload DB media"),
    ] {
        let (status, log) = Daemon::builder().arg(argument).spawn().ends();
        assert!(!status.success() && log.contains(text), "{argument}: {log}");
    }
}
