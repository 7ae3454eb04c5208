use super::*;
use crate::options::{Database as DatabaseSettings, MediaCache, MusicOnHold};
use crate::player::track::{Next, Reader};
use rtpengine_common::codec::{CodecDef, CodecId, Support};
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
