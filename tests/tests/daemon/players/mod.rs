//! Media players (`players.md`): what phones hear when the daemon plays files, contents and rows of a database.

mod database;
mod hold;
mod hostile;
mod mixing;
mod playing;
mod stores;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rtpengine_tests::prelude::*;
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
