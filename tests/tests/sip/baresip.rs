//! A SIP client with SRTP of its own, baresip (with an implementation of its own), on one side of a real call, a plain phone on the other:
//! both hear the other's tone (`media-plane.md` 9).

use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rtpengine_tests::phone::FRAME;
use rtpengine_tests::prelude::*;
use rtpengine_tests::program::Program;

use super::{Kamailio, Plan, Sipp, WAIT, can_call, hangs_up};

/// What baresip plays, and what the phone does.
const BARESIP_HZ: f64 = 440.0;
const PHONE_HZ: f64 = 1000.0;

const MODULES: &str = "/usr/lib/baresip/modules";

/// baresip with one account, which records what it hears.
fn baresip(here: SocketAddr, user: &str, account: &str, command: Option<&str>, folder: &Path) -> Program {
    let folder = folder.join("baresip");
    std::fs::create_dir(&folder).unwrap();
    let modules = ["g711", "ausine", "aubridge", "sndfile", "srtp"].map(|name| format!("module {name}.so\n"));
    let config = format!(
        "module_path {MODULES}\n{}module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\n\
         sip_listen {here}\nnet_interface {}\nrtp_ports 20000-20100\nrtcp_mux no\n\
         audio_source ausine,{BARESIP_HZ}\naudio_player aubridge,nowhere\naudio_alert aubridge,alert\n\
         ausrc_srate 48000\nausrc_channels 2\nauplay_channels 1\nsnd_path {}\n",
        modules.concat(),
        here.ip(),
        folder.display()
    );
    std::fs::write(folder.join("config"), config).unwrap();
    let account = format!("<sip:{user}@{}>;regint=0;audio_codecs=pcmu;{account}\n", here.ip());
    std::fs::write(folder.join("accounts"), account).unwrap();
    std::fs::write(folder.join("contacts"), "").unwrap();
    let name = folder.to_str().unwrap().to_string();
    let mut arguments = vec!["-f", &name, "-v"];
    arguments.extend(command.iter().flat_map(|command| ["-e", command]));
    Program::start("baresip", &arguments, &folder)
}

fn to_ulaw(sample: f64) -> u8 {
    let sample = (sample * 32767.0) as i32;
    let (sign, magnitude) = (if sample < 0 { 0x80 } else { 0 }, sample.abs().min(32635) + 132);
    let exponent = (31 - magnitude.leading_zeros() as i32) - 7;
    !((sign | exponent << 4 | magnitude >> (exponent + 3) & 15) as u8)
}

fn from_ulaw(byte: u8) -> f64 {
    let byte = !byte;
    let magnitude = (((i32::from(byte & 15) << 3) + 132) << (byte >> 4 & 7)) - 132;
    f64::from(if byte & 0x80 != 0 { -magnitude } else { magnitude }) / 32768.0
}

/// Share of the sound's power that is at one frequency, at 8000 Hz.
fn share(samples: &[f64], hz: f64) -> f64 {
    let (mut real, mut imaginary, mut power) = (0.0, 0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = TAU * hz * at as f64 / 8000.0;
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
        power += sample * sample;
    }
    2.0 * (real * real + imaginary * imaginary) / (power * samples.len() as f64).max(1e-9)
}

#[track_caller]
fn is_tone(samples: &[f64], hz: f64) {
    let share = share(samples, hz);
    assert!(share > 0.9, "{share:.2} of the sound is at {hz} Hz, in {} samples", samples.len());
}

/// Three seconds of talk, at the pace of sound: the phone plays its tone and hears the client's.
fn talks(phone: &mut Phone) {
    let (start, mut heard) = (Instant::now(), Vec::new());
    for frame in 0..150_u32 {
        let mut packet = phone.next_packet(0);
        for (place, at) in packet.payload.iter_mut().zip(frame * FRAME as u32..) {
            *place = to_ulaw(0.3 * (TAU * PHONE_HZ * f64::from(at) / 8000.0).sin());
        }
        phone.media[0].rtp_socket().send_to(&packet.encode(), phone.remote().rtp()).unwrap();
        let next = start + Duration::from_millis(20) * (frame + 1);
        while let Some(wait) = next.checked_duration_since(Instant::now()) {
            let Some((bytes, _)) = rtpengine_tests::phone::receive(phone.media[0].rtp_socket(), wait) else {
                break;
            };
            heard.extend(Rtp::parse(&bytes).expect("plain RTP").payload.into_iter().map(from_ulaw));
        }
    }
    assert!(heard.len() > 100 * FRAME, "{} samples heard", heard.len());
    is_tone(&heard[heard.len() - 50 * FRAME..], BARESIP_HZ);
}

/// What the client recorded: 16 bits, mono.
fn recorded(folder: &Path) -> Vec<f64> {
    let files = std::fs::read_dir(folder.join("baresip")).unwrap();
    let paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    // It begins a new file each time the audio starts anew.
    let dumps = paths.iter().filter(|path| path.to_string_lossy().ends_with("dec.wav"));
    let longest = dumps.map(|dump| std::fs::read(dump).unwrap()).max_by_key(Vec::len);
    let bytes = longest.unwrap_or_else(|| panic!("no recording among {paths:?}"));
    let sample = |pair: &[u8]| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0;
    bytes[44..].chunks_exact(2).map(sample).collect()
}

fn suite_of(daemon: &Daemon, protocol: &str) -> Option<String> {
    let calls = daemon.request(&Request::new("list")).ok().at(&["calls"]).items().to_vec();
    let query = daemon.request(&Request::new("query").set("call-id", calls[0].clone())).ok();
    let tags = query.at(&["tags"]);
    let medias = tags.keys().into_iter().map(|tag| query.at(&["tags", &tag, "medias", "0"]).clone());
    let media =
        medias.into_iter().find(|media| media.get("protocol").and_then(Value::text) == Some(protocol))?;
    media.get("streams")?.items()[0].get("crypto suite")?.text().map(str::to_string)
}

/// Checks that everything is there, and gives the parts of a call.
fn parts(about: &str) -> Option<(Daemon, tempfile::TempDir)> {
    if !can_call(about) {
        return None;
    }
    if !rtpengine_tests::program::is_installed("baresip") {
        return rtpengine_tests::network::left_out(about, "baresip is not installed");
    }
    Some((Daemon::builder().arg("--delete-delay=0").start(), tempfile::tempdir().unwrap()))
}

fn plan(daemon: &Daemon, flags: &'static str, flags_back: &'static str) -> Plan {
    let network = daemon.network();
    let (caller, callee, proxy) = (network.phone(0), network.phone(1), network.relay(1));
    Plan { caller, callee, proxy, proxy_v6: None, flags, flags_back }
}

#[test]
fn baresip_calls_a_plain_phone() {
    let Some((daemon, folder)) = parts("a SIP call from baresip with SRTP") else { return };
    let folder = folder.path();
    let network = daemon.network();
    let plan =
        plan(&daemon, "replace-origin trust-address ICE=remove RTP/AVP", "replace-origin trust-address");
    let mut bob = Phone::builder(network, 1, "bob").address(plan.callee).build();
    let callee = SocketAddr::new(plan.callee, network.free_port(plan.callee));
    let here = SocketAddr::new(plan.caller, network.free_port(plan.caller));
    let kamailio = Kamailio::start(&plan, &[&daemon], callee, folder);
    let callee = Sipp::start("callee", &bob, callee, None, folder);
    callee.is_open();
    let dial = format!("/dial sip:bob@{}", kamailio.address);
    let client = baresip(here, "alice", "mediaenc=srtp-mand", Some(&dial), folder);
    bob.takes(&callee.receives("INVITE "));
    assert!(!bob.remote().has("crypto"));
    talks(&mut bob);
    assert!(suite_of(&daemon, "RTP/SAVP").is_some());
    drop(client);
    callee.succeeds();
    let heard = recorded(folder);
    assert!(heard.len() > 100 * FRAME, "{} samples recorded", heard.len());
    is_tone(&heard[40 * FRAME..90 * FRAME], PHONE_HZ);
}

/// The suites of the client, one after the other. It reads base64 only with its padding, which keys of AES-CM never need.
#[test]
fn a_plain_phone_calls_baresip() {
    const SUITES: [(&str, &str); 3] = [
        (
            "AES_CM_128_HMAC_SHA1_80",
            "replace-origin trust-address ICE=remove RTP/SAVP DTLS=off SDES-only-AES_CM_128_HMAC_SHA1_80",
        ),
        (
            "AES_CM_128_HMAC_SHA1_32",
            "replace-origin trust-address ICE=remove RTP/SAVP DTLS=off SDES-only-AES_CM_128_HMAC_SHA1_32",
        ),
        (
            "AEAD_AES_256_GCM",
            "replace-origin trust-address ICE=remove RTP/SAVP DTLS=off SDES-only-AEAD_AES_256_GCM SDES-pad",
        ),
    ];
    for (suite, flags) in SUITES {
        let Some((daemon, folder)) = parts("a SIP call to baresip with SRTP") else { return };
        let folder = folder.path();
        let network = daemon.network();
        let plan = plan(&daemon, flags, "replace-origin trust-address");
        let mut alice = Phone::builder(network, 0, "alice").address(plan.caller).build();
        let here = SocketAddr::new(plan.callee, network.free_port(plan.callee));
        let caller = SocketAddr::new(plan.caller, network.free_port(plan.caller));
        let client = baresip(here, "bob", "answermode=auto;mediaenc=srtp-mand", None, folder);
        until("baresip listens", WAIT, || client.output().contains("baresip is ready").then_some(()));
        let kamailio = Kamailio::start(&plan, &[&daemon], here, folder);
        let caller = Sipp::start("caller", &alice, caller, Some(kamailio.address), folder);
        alice.takes(&caller.receives("SIP/2.0 200"));
        talks(&mut alice);
        assert_eq!(suite_of(&daemon, "RTP/SAVP").as_deref(), Some(suite));
        hangs_up(&daemon, &caller, plan.caller);
        caller.succeeds();
        drop(client);
        let heard = recorded(folder);
        is_tone(&heard[40 * FRAME..90 * FRAME], PHONE_HZ);
    }
}
