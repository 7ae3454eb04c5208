//! Transcoding by another instance, as its side of the protocol sees it (codecs.md §11.2).

use std::sync::Arc;

use rtpengine_common::ng::{Dict, Encoding, Value};

use super::super::{Desk, port};
use super::bench::{Bench, sdp};
use crate::call::Fate;
use crate::call::codecs::TranscodeConfig;
use crate::call::handling::CodecSettings;
use crate::call::remote::{Concluded, Errand, Grant};

const TO_PCMA: &str = "\"codec\":{\"transcode\":[\"PCMA\"]}";

/// Source, destination, and further keys.
type Rule<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

fn bench(rules: &[Rule<'_>]) -> Bench {
    Bench::with(|settings| {
        let mut config = TranscodeConfig::default();
        for (n, (source, destination, more)) in rules.iter().enumerate() {
            let keys = [("source", *source), ("destination", *destination), ("transform", "192.0.2.77:2223")];
            let keys = keys.into_iter().chain(more.iter().copied());
            config.add_section(&n.to_string(), &keys).expect("a rule");
        }
        settings.instance_id = "0123456789ab".into();
        settings.codecs =
            Arc::new(CodecSettings { transcode_config: config, ..CodecSettings::clone(&settings.codecs) });
    })
}

fn bytes(errand: &Errand) -> String {
    assert_eq!(errand.to, "192.0.2.77:2223".parse().unwrap());
    let mut out = Vec::new();
    Encoding::Bencode.write(&errand.request, &mut out);
    String::from_utf8(out).unwrap()
}

fn granted(port: u16) -> Dict<'static> {
    let media = Dict::new().with("id", "x").with("family", "IP4").with("address", "192.0.2.77");
    let media = media.with("port", i64::from(port));
    Dict::new()
        .with("call-id", "their call")
        .with("from-tag", "their tag")
        .with("media", Value::list([media]))
        .with("result", "ok")
}

/// The only question there is.
fn question(bench: &mut Bench) -> Errand {
    let mut errands = bench.desk.call.take_errands();
    assert_eq!(errands.len(), 1, "{errands:?}");
    errands.remove(0)
}

fn grant(bench: &mut Bench, errand: &Errand) {
    let grant = Grant::read(&granted(40000)).unwrap();
    let number = errand.number.expect("a question");
    assert_eq!(bench.desk.call.conclude_remote(number, Ok(&grant)), Concluded::Running);
}

const END: &str = "d7:command6:delete7:call-id10:their call8:from-tag9:their tag12:delete delayi0ee";

/// The bytes of request and end, in the order of the specification; one request as long as the handler stays.
#[test]
fn rule_11_2_1_and_6_exact_bytes() {
    let mut bench = bench(&[("PCMU", "PCMA", &[("remote-interface", "far")])]);
    bench.offer("0", TO_PCMA);
    assert_eq!(bench.desk.call.take_errands(), [], "that direction is not there yet");
    bench.answer("8", "");
    let errand = question(&mut bench);
    let text = bytes(&errand);
    let prefix = format!("{:08x}", errand.number.unwrap());
    let socket = bench.desk.call.ingress().map(|(socket, _)| socket.slot).max().unwrap();
    let expected = format!(
        "d7:command9:transform7:call-id17:{prefix} for call8:from-tag14:{prefix} for a\
         5:mediald4:type5:audio5:codecld5:inputd5:codec4:PCMU12:payload typei0e10:clock ratei8000e\
         8:channelsi1e6:format0:7:options0:e6:outputd5:codec4:PCMA12:payload typei8e10:clock ratei8000e\
         8:channelsi1e6:format0:7:options0:eee11:destinationd6:family3:IP47:address11:192.0.2.200\
         4:porti{socket}eeee9:interface3:far8:instance12:0123456789abe"
    );
    assert_eq!(text, expected);
    assert!(bench.desk.call.awaits_remotes());
    grant(&mut bench, &errand);
    assert!(!bench.desk.call.awaits_remotes());
    let open = bench.desk.ports.open.len();
    bench.re_offer("a", "b", "0", TO_PCMA);
    bench.answer("8", "");
    assert_eq!(bench.desk.call.take_errands(), [], "the handler stayed");
    assert_eq!(bench.desk.ports.open.len(), open);
    // b takes what a sends: there is nothing to transcode.
    bench.re_offer("a", "b", "0", "");
    bench.answer("0", "");
    let errand = question(&mut bench);
    assert_eq!((bytes(&errand).as_str(), errand.number), (END, None));
    assert_eq!(bench.desk.ports.open.len(), open - 1, "its socket is closed");
}

/// §11.2(5): in the offer for what the receiver may send, before anybody has answered.
#[test]
fn rule_11_2_5_in_the_offer() {
    let mut bench = bench(&[("PCMA", "PCMU", &[])]);
    bench.offer("0", TO_PCMA);
    let errand = question(&mut bench);
    let text = bytes(&errand);
    assert!(text.contains("5:inputd5:codec4:PCMA12:payload typei8e"), "{text}");
    assert!(text.contains("6:outputd5:codec4:PCMU12:payload typei0e"), "{text}");
    assert!(!text.contains("9:interface"), "{text}");
    grant(&mut bench, &errand);
    bench.answer("8", "");
    assert_eq!(bench.desk.call.take_errands(), [], "the handler stayed");
}

/// §11.2(6): with the call, and with the media.
#[test]
fn rule_11_2_6_ends_with_call_and_media() {
    let running = || {
        let mut bench = bench(&[("PCMU", "PCMA", &[])]);
        bench.connect(("0", TO_PCMA), ("8", ""));
        let errand = question(&mut bench);
        grant(&mut bench, &errand);
        bench
    };
    let mut call = running();
    let done = call.desk.ask("delete", "\"delete delay\":0");
    assert!(matches!(done.fate, Fate::Destroy(_)));
    call.desk.call.close_remotes();
    assert_eq!(bytes(&question(&mut call)), END);
    let mut media = running();
    media.re_offer("a", "b", "0", TO_PCMA);
    let rejected = sdp("10.0.0.2", 0, "8");
    assert_eq!(port(&media.desk.answer("a", "b", &rejected, ""), 0), 0);
    assert_eq!(bytes(&question(&mut media)), END);
    // A question that nobody needs any more has no effect when it is answered.
    let mut late = bench(&[("PCMU", "PCMA", &[])]);
    late.connect(("0", TO_PCMA), ("8", ""));
    let errand = question(&mut late);
    late.re_offer("a", "b", "0", "");
    late.answer("0", "");
    assert_eq!(late.desk.call.take_errands(), [], "nothing was granted yet");
    let grant = Grant::read(&granted(40000)).unwrap();
    assert_eq!(late.desk.call.conclude_remote(errand.number.unwrap(), Ok(&grant)), Concluded::Unknown);
    assert_eq!(bytes(&Errand::end(errand.to, &grant)), END);
}

/// §11.2(2) and (4): what is no reply, and what becomes of the handler then.
#[test]
fn rule_11_2_2_replies() {
    assert!(Grant::read(&granted(1)).is_ok());
    let without = |key: &str| {
        let entries = granted(1).into_owned();
        let kept = entries.iter().filter(|(name, _)| *name != key.as_bytes());
        kept.fold(Dict::new(), |all, (name, value)| all.with(name.to_vec(), value.clone().into_owned()))
    };
    for key in ["result", "call-id", "from-tag", "media"] {
        assert!(Grant::read(&without(key)).is_err(), "{key}");
    }
    let refused = Dict::new().with("result", "error").with("error-reason", "Transform loop detected");
    assert_eq!(Grant::read(&refused).unwrap_err(), "refused: Transform loop detected");
    let at = |family: &'static str, address: &'static str, port: i64| {
        let media = Dict::new().with("family", family).with("address", address).with("port", port);
        without("media").with("media", Value::list([media]))
    };
    assert!(Grant::read(&at("IP6", "2001:db8::1", 4000)).is_ok());
    for (family, address, port) in [
        ("IP4", "192.0.2.77", 0),
        ("IP4", "192.0.2.77", 65536),
        ("IP4", "192.0.2.77", -1),
        ("IP6", "192.0.2.77", 4000),
        ("IP4", "example.com", 4000),
        ("IP4", "0.0.0.0", 4000),
    ] {
        assert!(Grant::read(&at(family, address, port)).is_err(), "{family} {address} {port}");
    }
    let mut bench = bench(&[("PCMU", "PCMA", &[])]);
    bench.connect(("0", TO_PCMA), ("8", ""));
    let errand = question(&mut bench);
    let other = Grant::read(&at("IP6", "2001:db8::1", 4000)).unwrap();
    let failed = bench.desk.call.conclude_remote(errand.number.unwrap(), Ok(&other));
    let Concluded::Failed(socket, reason) = failed else { panic!("{failed:?}") };
    assert_eq!(
        reason,
        "No remote transcoding by 192.0.2.77:2223: the address in the reply is of another family"
    );
    assert!(bench.desk.call.sockets().all(|open| open != socket));
    bench.desk.ports.open.remove(&socket.slot);
    bench.re_offer("a", "b", "0", TO_PCMA);
    bench.answer("8", "");
    assert_eq!(bench.desk.call.take_errands(), [], "asked once for the same handler");
}

/// Where the socket cannot be opened audio is transcoded here, and the log says so.
#[test]
fn rule_11_2_4_no_socket() {
    let mut bench = bench(&[("PCMU", "PCMA", &[("local-interface", "nowhere")])]);
    bench.offer("0", TO_PCMA);
    bench.desk.ports.limit = bench.desk.ports.open.len();
    bench.answer("8", "");
    assert_eq!(bench.desk.call.take_errands(), []);
    let said = |text: &str| bench.desk.log.iter().any(|line| line.text.starts_with(text));
    assert!(said("Interface 'nowhere' not found, using default"), "{:?}", bench.desk.log);
    assert!(said("No remote transcoding by 192.0.2.77:2223: Failed to get 1 consecutive ports"));
    bench.send("a", 0, 1, 0, &[0xff; 160]);
    let heard = bench.heard("b").remove(0);
    assert_eq!((heard.number, heard.payload), (8, vec![0xd5; 160]));
}

/// Digits are put into audio that is coded here.
#[test]
fn injected_digits_are_coded_here() {
    let inject = "\"flags\":[\"inject DTMF\"]";
    for (offer, answer) in [(format!("{TO_PCMA},{inject}"), ""), (TO_PCMA.to_owned(), inject)] {
        let mut bench = bench(&[("PCMU", "PCMA", &[])]);
        bench.connect(("0", &offer), ("8", answer));
        assert_eq!(bench.desk.call.take_errands(), [], "{offer} {answer}");
        bench.send("a", 0, 1, 0, &[0xff; 160]);
        assert_eq!(bench.heard("b").remove(0).number, 8);
        assert_eq!(Desk::error(&bench.desk.ask("play DTMF", "\"from-tag\":\"a\",\"code\":\"1\"")), "none");
    }
}

/// Where digits have to be hidden the audio does not leave.
#[test]
fn blocked_digits_stay_here() {
    let mut bench = bench(&[("PCMU", "PCMA", &[])]);
    bench.offer("0", &format!("{TO_PCMA},\"DTMF-security\":\"silence\""));
    assert_eq!(Desk::error(&bench.desk.ask("block DTMF", "\"DTMF-security\":\"silence\"")), "none");
    bench.answer("8", "");
    assert_eq!(bench.desk.call.take_errands(), []);
}
