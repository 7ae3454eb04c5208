use super::*;
use crate::options::{Database as DatabaseSettings, MediaCache, MusicOnHold};
use crate::player::source::{Output, Plan, Position};
use crate::player::track::{Next, Reader, Track};
use rtpengine_common::codec::{Codec, CodecDef, CodecId, Support};
use std::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);

fn nothing() -> MediaCache {
    MediaCache { preload: vec![], on_demand: false, reload: None, expire: None }
}

fn settings() -> Settings {
    Settings {
        threads: 1,
        cache: false,
        files: nothing(),
        database_media: nothing(),
        database_cache: nothing(),
        cache_directory: None,
        expiry_interval: None,
        database: DatabaseSettings { host: None, port: None, user: None, password: None, query: None },
        hold: MusicOnHold { max_duration: None, max_repeats: 1, attribute: None, prevent_double: false },
    }
}

fn library(settings: &Settings) -> Library {
    let begin = Begin { player: Arc::new(|| {}), encoder: Arc::new(|| {}) };
    Library::start(settings, &begin).unwrap().0
}

/// A WAV file of 16-bit mono with a tone.
pub(crate) fn tone(rate: u32, ms: u32) -> Vec<u8> {
    let count = rate * ms / 1000;
    let sample = |n: u32| (f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin() * 8000.0;
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

fn output(name: &str, payload_type: u8, ptime: u32) -> Output {
    let all = |def: &CodecDef| {
        let _ = def;
        Support::FULL
    };
    let def = CodecId::by_name(name).unwrap().def();
    let codec = Codec::new(name, def.clock, def.channels.max(1), None, true, &all);
    Output { codec: Arc::new(codec), payload_type, ptime }
}

fn open(library: &Library, source: &Source) -> Answer {
    let (tell, told) = mpsc::channel();
    library.open(source, Box::new(move |answer| tell.send(answer).unwrap()));
    told.recv_timeout(PATIENCE).expect("an answer")
}

/// Reads a whole track: payload sizes and durations.
fn read(track: &Arc<Track>) -> Vec<(usize, u32)> {
    let mut reader = Reader::new(Arc::clone(track));
    let (mut packets, until) = (Vec::new(), Instant::now() + PATIENCE);
    loop {
        match reader.fetch(0) {
            Next::Frame(frame) => packets.push((frame.payload.len(), frame.duration)),
            Next::End => return packets,
            Next::Later => {
                assert!(Instant::now() < until, "the encoder makes no progress");
                std::thread::yield_now();
                continue;
            }
        }
        reader.take();
    }
}

fn blob(octets: Vec<u8>) -> Source {
    Source::Blob(octets.into())
}

#[test]
fn a_blob_is_encoded_into_whole_packets() {
    let library = library(&settings());
    let media = open(&library, &blob(tone(8000, 100))).unwrap();
    assert_eq!(media.duration(), Some(Duration::from_millis(100)));
    let packets =
        |name, number, ptime, plan: &Plan| read(&media.play(&output(name, number, ptime), plan).unwrap());
    let once = Plan::default();
    assert_eq!(packets("PCMU", 0, 20, &once), [(160, 160); 5]);
    assert_eq!(packets("PCMA", 8, 30, &once), [(240, 240); 3], "what fills no packet is not sent");
    assert_eq!(packets("PCMU", 0, 20, &Plan { times: 2, ..once }), [(160, 160); 10]);
    assert_eq!(packets("PCMA", 8, 30, &Plan { times: 2, ..once }), [(240, 240); 6], "of each pass");
}

/// players.md §3 rule 6.
#[test]
fn repetition_by_count_and_budget() {
    let library = library(&settings());
    let media = open(&library, &blob(tone(8000, 100))).unwrap();
    let packets = |times, budget_ms| {
        let plan = Plan { times, budget_ms, ..Plan::default() };
        read(&media.play(&output("PCMU", 0, 20), &plan).unwrap()).len()
    };
    assert_eq!(packets(1, Some(1000)), 5, "a duration alone repeats nothing");
    assert_eq!(packets(10, Some(200)), 15, "two passes use it up, the third begins with something left");
    assert_eq!(packets(10, Some(150)), 15);
    assert_eq!(packets(10, Some(0)), 5);
    assert_eq!(packets(3, None), 15);
}

#[test]
fn other_rates_and_codecs() {
    let library = library(&settings());
    let media = open(&library, &blob(tone(44100, 1000))).unwrap();
    let once = Plan::default();
    assert_eq!(read(&media.play(&output("PCMA", 8, 20), &once).unwrap()), vec![(160, 160); 50]);
    assert_eq!(read(&media.play(&output("G722", 9, 20), &once).unwrap()), vec![(160, 160); 50]);
    let opus = read(&media.play(&output("opus", 96, 20), &once).unwrap());
    assert_eq!(opus.len(), 50);
    assert!(opus.iter().all(|(size, duration)| *size > 2 && *duration == 960));
}

/// An MP3 file as its encoder makes it: frames without any container.
#[test]
fn mp3() {
    use rtpengine_common::codec::engine::ffmpeg::{EncoderSpec, FfmpegEncoder};
    use rtpengine_common::codec::engine::{AudioFormat, Coder, Frame, Frames};
    let format = AudioFormat { rate: 44_100, channels: 1 };
    let spec = EncoderSpec { format, bitrate: 64_000, frame_samples: 1152, options: &[] };
    let mut encoder = FfmpegEncoder::open(&["libmp3lame"], &spec).expect("an encoder");
    let samples: Vec<i16> = (0..44_100)
        .map(|n| ((f64::from(n) * 440.0 * std::f64::consts::TAU / 44_100.0).sin() * 8000.0) as i16)
        .collect();
    let mut frames = Frames::new();
    encoder.push(Frame::Samples(&samples), &mut frames).unwrap();
    let file: Vec<u8> = frames.encoded().flat_map(|frame| frame.octets.to_vec()).collect();
    let library = library(&settings());
    let media = open(&library, &blob(file)).unwrap();
    let length = media.duration().expect("a length").as_millis();
    // The encoder still holds the last frames back.
    assert!((800..=1100).contains(&length), "{length}");
    let packets = read(&media.play(&output("PCMA", 8, 20), &Plan::default()).unwrap()).len();
    assert!((40..=52).contains(&packets), "{packets}");
}

#[test]
fn playing_from_a_position() {
    let library = library(&settings());
    let media = open(&library, &blob(tone(8000, 1000))).unwrap();
    let from = |from| {
        let plan = Plan { from, ..Plan::default() };
        let track = media.play(&output("PCMU", 0, 20), &plan).unwrap();
        let count = read(&track).len();
        (count, track.position_at(0))
    };
    use crate::player::source::Position;
    assert_eq!(from(Position::Ticks(4000)).0, 25);
    assert_eq!(from(Position::After(Duration::from_millis(800))).0, 10);
    assert_eq!(from(Position::Ticks(i64::MAX)).0, from(Position::Ticks(i64::MAX)).0);
}

#[test]
fn what_cannot_be_played_says_so() {
    let library = library(&settings());
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text.wav");
    std::fs::write(&text, "no sound at all").unwrap();
    let pipe = directory.path().join("none");
    for source in [
        Source::File(text),
        Source::File(pipe),
        Source::File(directory.path().into()),
        Source::File("/dev/zero".into()),
        blob(vec![]),
        blob(b"garbage".to_vec()),
        Source::Database(5),
    ] {
        assert!(open(&library, &source).is_err(), "{source}");
    }
}

#[test]
fn a_file_that_vanishes_ends_the_track() {
    let library = library(&settings());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wav");
    std::fs::write(&path, tone(8000, 100)).unwrap();
    let media = open(&library, &Source::File(path.clone())).unwrap();
    std::fs::remove_file(&path).unwrap();
    let play = || read(&media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap()).len();
    assert_eq!(play(), 5, "open already");
    assert_eq!(play(), 0);
}

#[test]
fn a_long_private_track_is_made_while_it_is_read() {
    let library = library(&settings());
    let media = open(&library, &blob(tone(8000, 60_000))).unwrap();
    let track = media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap();
    assert_eq!(read(&track).len(), 3000);
    // Nobody reads this one: it stops growing.
    let idle = media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap();
    let until = Instant::now() + PATIENCE;
    while idle.size() < 8000 {
        assert!(Instant::now() < until);
        std::thread::yield_now();
    }
    assert!(read(&media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap()).len() == 3000);
    assert!(idle.size() < 40_000, "{}", idle.size());
}

#[test]
fn the_cache_encodes_once_for_everybody() {
    let library = library(&Settings { cache: true, ..settings() });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wav");
    std::fs::write(&path, tone(8000, 100)).unwrap();
    let source = Source::File(path.clone());
    assert!(library.known(&source).is_none());
    let media = open(&library, &source).unwrap();
    let first = media.play(&output("PCMU", 0, 20), &Plan { times: 3, ..Plan::default() }).unwrap();
    assert_eq!(read(&first), [(160, 160); 5], "one pass");
    std::fs::remove_file(&path).unwrap();
    let known = library.known(&source).expect("an entry");
    assert_eq!(known.duration(), Some(Duration::from_millis(100)));
    let second = known.play(&output("PCMU", 0, 20), &Plan::default()).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(library.sizes().1, 800);
    let line = format!("media file '{}' for 0 PCMU/8000\n", path.display());
    assert_eq!(library.carry_out(&MediaCommand::ListPlayers), line);
    assert_eq!(library.carry_out(&MediaCommand::EvictPlayers), "1 DB cache entries evicted\n");
    assert_eq!(library.sizes().1, 800, "players still have it");
    drop((first, second));
    assert_eq!(library.sizes().1, 0);
}

#[test]
fn files_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wav");
    let name = path.to_str().unwrap().to_owned();
    let wav = tone(8000, 100);
    std::fs::write(&path, &wav).unwrap();
    let preloaded = Settings { files: MediaCache { preload: vec![name.clone()], ..nothing() }, ..settings() };
    let library = library(&preloaded);
    assert_eq!(library.sizes().0, wav.len() as u64);
    std::fs::remove_file(&path).unwrap();
    assert!(open(&library, &Source::File(path.clone())).is_ok(), "from memory");
    let list = MediaCommand::List(Kind::Files);
    assert_eq!(library.carry_out(&list), format!("{name}, loaded 0 s ago, last used 0 s ago\n"));
    assert_eq!(library.carry_out(&MediaCommand::ReloadAll(Kind::Files)), "0 media files reloaded\n");
    let load = |again| MediaCommand::LoadFile { path: name.clone(), again };
    assert_eq!(library.carry_out(&load(true)), format!("Failed to reload '{name}'\n"));
    std::fs::write(&path, tone(8000, 200)).unwrap();
    assert_eq!(library.carry_out(&MediaCommand::ReloadAll(Kind::Files)), "1 media files reloaded\n");
    let media = open(&library, &Source::File(path.clone())).unwrap();
    assert_eq!(media.duration(), Some(Duration::from_millis(200)));
    drop(media);
    assert_eq!(library.carry_out(&MediaCommand::EvictFile(name.clone())), "Success\n");
    assert_eq!(
        library.carry_out(&MediaCommand::EvictFile(name.clone())),
        format!("Failed to evict '{name}'")
    );
    assert_eq!(library.carry_out(&load(true)), format!("Failed to reload '{name}'\n"), "not held");
    assert_eq!(library.carry_out(&load(false)), "Success\n");
    assert_eq!(library.carry_out(&MediaCommand::EvictAll(Kind::Files)), "1 media files evicted\n");
    assert_eq!(library.sizes().0, 0);
}

#[test]
fn files_on_demand_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wav");
    std::fs::write(&path, tone(8000, 100)).unwrap();
    let library = library(&Settings { files: MediaCache { on_demand: true, ..nothing() }, ..settings() });
    assert!(open(&library, &Source::File(path.clone())).is_ok());
    std::fs::remove_file(&path).unwrap();
    assert!(open(&library, &Source::File(path)).is_ok());
}

#[test]
fn preloading_what_is_not_there_is_fatal() {
    let begin = Begin { player: Arc::new(|| {}), encoder: Arc::new(|| {}) };
    let with = |files: &[&str], rows: &[&str]| {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let settings = Settings {
            files: MediaCache { preload: list(files), ..nothing() },
            database_media: MediaCache { preload: list(rows), ..nothing() },
            ..settings()
        };
        Library::start(&settings, &begin).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(with(&["/nowhere.wav"], &[]), "Failed to preload media files");
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(with(&[path], &[]), "");
    assert_eq!(with(&[path, path], &[]), "Failed to preload media files");
    assert_eq!(with(&[], &["x"]), "Invalid DB ID string number");
    assert_eq!(with(&[], &["5"]), "Failed to preload DB media");
}

/// Waits for what a side thread does.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

fn ids(list: &[&str]) -> Vec<String> {
    list.iter().map(|&id| id.to_owned()).collect()
}

/// §4.1 rule 1: source, codec with its parameters, and packet time make an entry; rule 3: where to begin is ignored.
#[test]
fn rule_4_1_what_makes_an_entry_of_the_cache() {
    let library = library(&Settings { cache: true, ..settings() });
    let media = open(&library, &blob(tone(8000, 120))).unwrap();
    let once = Plan::default();
    let play = |output: &Output, plan: &Plan| media.play(output, plan).unwrap();
    let first = play(&output("PCMU", 0, 20), &once);
    let same = |track: &Arc<Track>| Arc::ptr_eq(track, &first);
    let position = Plan { from: Position::Ticks(480), times: 5, ..once };
    assert!(same(&play(&output("PCMU", 0, 20), &position)), "from the beginning, one pass");
    assert_eq!(read(&first).len(), 6);
    assert!(same(&play(&output("PCMU", 99, 20), &once)), "the number is the receiver's affair");
    assert!(!same(&play(&output("PCMU", 0, 30), &once)));
    assert!(!same(&play(&output("PCMA", 8, 20), &once)));
    let mut slow = output("opus", 96, 20);
    let opus = play(&slow, &once);
    Arc::make_mut(&mut slow.codec).bitrate = 16_000;
    assert!(!Arc::ptr_eq(&opus, &play(&slow, &once)), "another bit rate");
    let again = open(&library, &blob(tone(8000, 120))).unwrap();
    assert!(same(&again.play(&output("PCMU", 0, 20), &once).unwrap()), "the same content");
    let other = open(&library, &blob(tone(8000, 140))).unwrap();
    assert!(!same(&other.play(&output("PCMU", 0, 20), &once).unwrap()));
    let lines = library.carry_out(&MediaCommand::ListPlayers);
    assert_eq!(lines.lines().filter(|line| *line == "binary media blob for 96 opus/48000/2").count(), 2);
    assert_eq!(lines.lines().count(), 6, "{lines}");
}

/// §4.2 `media-files-reload`, `media-files-expire`, `expiry-timer`.
#[test]
fn rule_4_2_files_are_read_again_and_let_go_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wav");
    std::fs::write(&path, tone(8000, 100)).unwrap();
    let files = MediaCache {
        preload: vec![path.to_str().unwrap().to_owned()],
        reload: Some(Duration::from_secs(60)),
        expire: Some(Duration::ZERO),
        on_demand: false,
    };
    let expiry_interval = Some(Duration::from_secs(200));
    let library = library(&Settings { files, expiry_interval, ..settings() });
    let start = Instant::now();
    let at = |seconds| library.look_after(start + Duration::from_secs(seconds));
    let size = library.sizes().0;
    at(0);
    // What was not changed is not read.
    at(61);
    std::fs::write(&path, tone(8000, 200)).unwrap();
    let later = std::time::SystemTime::now() + Duration::from_secs(5);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    at(90);
    at(122);
    until("the changed file is read", || library.sizes().0 == size + 1600);
    at(230);
    until("it is let go", || library.sizes().0 == 0);
    assert_eq!(library.carry_out(&MediaCommand::List(Kind::Files)), "");
}

/// A library without a database, with copies of rows 17 and 18 in its directory.
fn with_copies(more: impl FnOnce(Settings) -> Settings) -> (Library, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    for id in [17, 18] {
        std::fs::write(directory.path().join(format!("{id}.blob")), tone(8000, 100)).unwrap();
    }
    std::fs::write(directory.path().join("notes.txt"), "no copy").unwrap();
    let settings = Settings { cache_directory: Some(directory.path().to_owned()), ..settings() };
    (library(&more(settings)), directory)
}

/// §4.2: memory, directory, database; the words of §10 for each.
#[test]
fn rule_4_2_rows_come_from_memory_then_from_the_directory() {
    let (library, directory) = with_copies(|settings| Settings {
        database_media: MediaCache { on_demand: true, ..nothing() },
        database_cache: MediaCache { preload: ids(&["18"]), ..nothing() },
        ..settings
    });
    let list = |kind| library.carry_out(&MediaCommand::List(kind));
    let ages = "loaded 0 s ago, last used 0 s ago";
    assert_eq!(list(Kind::Copies), format!("17, {ages}\n18, {ages}\n"));
    assert_eq!(list(Kind::Rows), "");
    assert!(open(&library, &Source::Database(17)).is_ok(), "out of the directory");
    assert_eq!(list(Kind::Rows), format!("17, {ages}\n"), "and kept in memory");
    let evict = |kind, list: &[&str]| library.carry_out(&MediaCommand::EvictIds(kind, ids(list)));
    assert_eq!(evict(Kind::Copies, &["17", "x", "99"]), "Success (17)\nInvalid ID 'x'\nFailed to evict 99\n");
    assert!(!directory.path().join("17.blob").exists());
    assert!(open(&library, &Source::Database(17)).is_ok(), "out of memory");
    assert_eq!(evict(Kind::Rows, &["17"]), "Success (17)\n");
    assert!(open(&library, &Source::Database(17)).is_err(), "nowhere any more");
    let load =
        |kind, id: &str, again| library.carry_out(&MediaCommand::LoadId { kind, id: id.into(), again });
    for kind in [Kind::Rows, Kind::Copies] {
        assert_eq!(load(kind, "5", false), "Failed to reload '5'\n");
        assert_eq!(load(kind, "5", true), "Failed to reload '5'\n");
        assert_eq!(load(kind, "0", false), "Invalid ID '0'\n");
        assert_eq!(load(kind, "-1", true), "Invalid ID '-1'\n");
        assert_eq!(library.carry_out(&MediaCommand::ReloadAll(kind)), "0 media entries reloaded\n");
    }
    assert!(open(&library, &Source::Database(18)).is_ok(), "a reload that failed loses nothing");
    assert_eq!(library.carry_out(&MediaCommand::EvictAll(Kind::Rows)), "1 DB media entries evicted\n");
    assert_eq!(library.carry_out(&MediaCommand::EvictAll(Kind::Copies)), "1 DB cache entries evicted\n");
    assert!(!directory.path().join("18.blob").exists());
    assert!(directory.path().join("notes.txt").exists());
}

/// §4.2 `db-media-expire`, `db-cache-expire`.
#[test]
fn rule_4_2_rows_and_copies_expire() {
    let expiring = || MediaCache { expire: Some(Duration::ZERO), ..nothing() };
    let (library, directory) = with_copies(|settings| Settings {
        database_media: MediaCache { on_demand: true, ..expiring() },
        database_cache: expiring(),
        expiry_interval: Some(Duration::from_secs(10)),
        ..settings
    });
    assert!(open(&library, &Source::Database(17)).is_ok());
    let start = Instant::now();
    library.look_after(start);
    library.look_after(start + Duration::from_secs(11));
    let list = |kind| library.carry_out(&MediaCommand::List(kind));
    until("they are gone", || list(Kind::Rows).is_empty() && list(Kind::Copies).is_empty());
    until("with their files", || !directory.path().join("17.blob").exists());
    assert_eq!(library.sizes().0, 0);
}

/// §4.2 `preload-db-cache`.
#[test]
fn rule_4_2_copies_that_cannot_be_made_end_the_start() {
    let begin = Begin { player: Arc::new(|| {}), encoder: Arc::new(|| {}) };
    let directory = tempfile::tempdir().unwrap();
    let with = |list: &[&str]| {
        let settings = Settings {
            database_cache: MediaCache { preload: ids(list), ..nothing() },
            cache_directory: Some(directory.path().to_owned()),
            ..settings()
        };
        Library::start(&settings, &begin).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(with(&["5"]), "Failed to preload cached DB media");
    assert_eq!(with(&["five"]), "Invalid DB ID string number");
    std::fs::write(directory.path().join("5.blob"), tone(8000, 100)).unwrap();
    assert_eq!(with(&["5"]), "");
}

/// Content that is no media, or only looks like it; what can be decoded of a damaged one is played.
#[test]
fn bad_media_fail_and_harm_nobody() {
    let library = library(&settings());
    let whole = tone(8000, 1000);
    let mut lies = whole.clone();
    lies[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    lies[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut silly = whole.clone();
    silly[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut channels = whole.clone();
    channels[22..24].copy_from_slice(&u16::MAX.to_le_bytes());
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82";
    for (what, octets) in [
        ("text", b"nothing to hear".repeat(100)),
        ("one octet", vec![0]),
        ("zeros", vec![0; 1 << 20]),
        ("a head alone", whole[..40].to_vec()),
        ("half a head", whole[..20].to_vec()),
        ("a picture", picture.to_vec()),
        ("too many channels", channels),
    ] {
        let failed = match open(&library, &blob(octets)) {
            Err(_) => true,
            // What decodes to nothing that fills a packet is heard as nothing.
            Ok(media) => read(&media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap()).is_empty(),
        };
        assert!(failed, "{what}");
    }
    for (what, octets, packets) in
        [("truncated", whole[..8044].to_vec(), 25), ("lies about its length", lies, 50)]
    {
        let media = open(&library, &blob(octets)).unwrap_or_else(|error| panic!("{what}: {error}"));
        let plan = Plan { times: 2, ..Plan::default() };
        assert_eq!(read(&media.play(&output("PCMU", 0, 20), &plan).unwrap()).len(), 2 * packets, "{what}");
    }
    if let Ok(media) = open(&library, &blob(silly)) {
        read(&media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap());
    }
}

/// A file that vanishes, is cut, or was never read: whoever plays it hears what was there.
#[test]
fn files_that_change_while_they_are_played() {
    let library = library(&settings());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.wav");
    let play = || {
        std::fs::write(&path, tone(8000, 60_000)).unwrap();
        let media = open(&library, &Source::File(path.clone())).unwrap();
        media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap()
    };
    let track = play();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read(&track).len(), 3000, "it is open");
    let track = play();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
    assert!(read(&track).len() < 3000, "it ends where the file does");
    assert!(open(&library, &Source::File(directory.path().join("y.wav"))).is_err());
}

/// A file far larger than memory that is no media: found out in bounded time.
#[test]
fn a_huge_file_is_not_read_to_its_end() {
    let library = library(&settings());
    let directory = tempfile::tempdir().unwrap();
    for name in ["huge.wav", "huge.mp3", "huge"] {
        let path = directory.path().join(name);
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(open(&library, &Source::File(path.clone())).is_err(), "{name}");
        // Neither is it taken into memory.
        assert_eq!(
            library.carry_out(&MediaCommand::LoadFile { path: path.to_str().unwrap().into(), again: false }),
            format!("Failed to reload '{}'\n", path.display())
        );
        std::fs::remove_file(&path).unwrap();
    }
    assert_eq!(library.sizes().0, 0);
}

/// §1.1: an impossible position is no failure; one inside is obeyed.
#[test]
fn rule_1_1_9_impossible_positions() {
    let library = library(&settings());
    let packets = |octets: Vec<u8>, from| {
        let media = open(&library, &blob(octets)).unwrap();
        let plan = Plan { from: Position::Ticks(from), ..Plan::default() };
        read(&media.play(&output("PCMU", 0, 20), &plan).unwrap()).len()
    };
    for (from, expected) in [(0, 50), (4000, 25), (7900, 0), (-5, 50)] {
        assert_eq!(packets(tone(8000, 1000), from), expected, "{from}");
    }
    for from in [8001, i64::MAX, i64::MIN] {
        assert!(packets(tone(8000, 1000), from) <= 50, "{from}");
    }
}

/// §3 rule 6: repetitions begin at the beginning of the file, also with a start position, which is no part of the budget.
#[test]
fn rule_3_6_later_passes_begin_at_the_beginning() {
    let library = library(&settings());
    let media = open(&library, &blob(tone(8000, 100))).unwrap();
    let plan = Plan { times: 3, from: Position::Ticks(480), ..Plan::default() };
    // 40 ms, and twice 100.
    assert_eq!(read(&media.play(&output("PCMU", 0, 20), &plan).unwrap()).len(), 12);
    let plan = Plan { budget_ms: Some(100), ..plan };
    assert_eq!(read(&media.play(&output("PCMU", 0, 20), &plan).unwrap()).len(), 7);
}

/// §4.1 rule 2: who plays it need not wait for the end of the encoding.
#[test]
fn rule_4_1_2_playing_begins_while_it_is_encoded() {
    let library = library(&Settings { cache: true, ..settings() });
    // Five minutes.
    let media = open(&library, &blob(tone(8000, 300_000))).unwrap();
    let track = media.play(&output("PCMU", 0, 20), &Plan::default()).unwrap();
    let mut reader = Reader::new(Arc::clone(&track));
    until("the first packet", || !matches!(reader.fetch(0), Next::Later));
    let early = track.length_us().is_none();
    assert_eq!(read(&track).len(), 15_000);
    assert_eq!(track.length_us(), Some(300_000_000));
    assert!(early, "the whole was encoded before the first packet could be read");
}
