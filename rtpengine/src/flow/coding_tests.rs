//! Transcoding of which others do a part: nothing waits, nothing is lost, nothing overtakes.

use std::sync::Arc;

use rtpengine_common::codec::dtmf::{Mode, Policy, Seen};
use rtpengine_common::codec::stream::Route;
use rtpengine_common::codec::{CodecString, Linked};

use crate::call::ids::StreamId;

use super::coding::{CoderJob, Elsewhere};
use super::tests::*;
use super::*;

/// A call whose party A is transcoded from PCMU. `costly`: as if more than tables were at work.
fn fixture((number, name): (u8, &str), costly: bool, elsewhere: Elsewhere) -> Fixture {
    let mut call = Fixture::new();
    call.plane.set_elsewhere(elsewhere);
    let codec = |name: &str| Arc::new(CodecString::parse(name).codec(&Linked));
    let route = Route {
        input_payload_type: PCMU,
        input: codec("PCMU"),
        input_ptime: 20,
        output_payload_type: number,
        output: codec(name),
        output_ptime: 20,
        dtmf: None,
        cn: None,
        detect_tones: costly,
    };
    let transcode =
        Transcode { routes: vec![route], silence: None, no_suppress: false, gaps: None, chains: Vec::new() };
    call.change(A_RTP, |spec| spec.rtp[0].transcode = Some(Arc::new(transcode)));
    call
}

const OPUS: (u8, &str) = (96, "opus");
const PCMA: (u8, &str) = (8, "PCMA");
/// Silence in PCMA.
const SILENCE: u8 = 0xd5;

/// Party A says something loud; sequence numbers of what left because of it.
fn says(call: &mut Fixture, sequence: u16) -> Vec<u16> {
    sequences(&call.receive(A_RTP, &rtp(PCMU, sequence, &[0x10; 160])))
}

fn sequences(sent: &[Sent]) -> Vec<u16> {
    sent.iter().map(|packet| u16::from_be_bytes([packet.bytes[2], packet.bytes[3]])).collect()
}

fn collect(call: &mut Fixture) -> Vec<Sent> {
    call.out.sent.clear();
    let mut turn =
        Turn { now: call.now, out: &mut call.out, events: &mut call.events, spare: &mut call.spare };
    call.plane.collect_coded(&mut turn);
    std::mem::take(&mut call.out.sent)
}

fn only_job(call: &mut Fixture) -> CoderJob {
    let mut jobs = call.plane.take_jobs();
    let job = jobs.pop().expect("a job");
    assert!(jobs.is_empty());
    job
}

#[test]
fn what_opens_slowly_is_opened_elsewhere_and_its_packets_wait_in_order() {
    let mut call = fixture(OPUS, false, Elsewhere::Opening);
    for sequence in 1..=5 {
        assert_eq!(says(&mut call, sequence), [0; 0]);
        call.after(20);
    }
    let job = only_job(&mut call);
    assert_eq!(collect(&mut call), [], "it is still away");
    job.run();
    assert_eq!(sequences(&collect(&mut call)), [1, 2, 3, 4, 5]);
    for sequence in 6..=10 {
        assert_eq!(says(&mut call, sequence), [sequence], "from now on here");
        call.after(20);
    }
    assert!(!call.plane.has_jobs() && !call.plane.awaits_jobs());
    assert_eq!(call.texts(), ["Confirmed peer address as 192.0.2.1:4000"]);
}

#[test]
fn tables_open_at_once_and_codecs_without_threads_as_well() {
    for (codec, elsewhere) in
        [(PCMA, Elsewhere::Opening), (PCMA, Elsewhere::Coding), (OPUS, Elsewhere::Nothing)]
    {
        let mut call = fixture(codec, false, elsewhere);
        assert_eq!(says(&mut call, 1), [1]);
        assert!(!call.plane.has_jobs());
    }
}

#[test]
fn a_codec_that_cannot_be_opened_is_tried_elsewhere_once() {
    let mut call = fixture((96, "speex/11025"), false, Elsewhere::Opening);
    says(&mut call, 1);
    only_job(&mut call).run();
    assert_eq!(collect(&mut call), []);
    assert!(call.texts().iter().any(|text| text.contains("no coder")), "the packet has it said");
    says(&mut call, 2);
    assert!(!call.plane.has_jobs());
}

/// Also on the packets that wait for a job under way, without waiting for it.
#[test]
fn digits_are_hidden_from_the_packet_on_that_has_them() {
    let mut call = fixture(PCMA, true, Elsewhere::Coding);
    assert_eq!(says(&mut call, 1), [0; 0]);
    let job = only_job(&mut call);
    let policy = Policy { mode: Mode::Silence, ..Policy::default() };
    let hiding = DtmfSpec { policy, clock: 8000, listen: Vec::new() };
    call.change(A_RTP, |spec| spec.dtmf = Some(Arc::new(hiding)));
    call.after(20);
    let seen = Seen::Started { event: 5, volume: 10, timestamp: 2 * 160 };
    call.plane.note_hidden(A_RTP, seen, 0);
    assert_eq!(says(&mut call, 2), [0; 0]);
    call.after(20);
    let seen = Seen::Ended { event: 5, volume: 10, timestamp: 2 * 160, duration: 100 };
    call.plane.note_hidden(A_RTP, seen, 0);
    assert_eq!(says(&mut call, 3), [0; 0]);
    assert!(!call.plane.has_jobs(), "one at a time");
    job.run();
    let mut sent = collect(&mut call);
    only_job(&mut call).run();
    sent.extend(collect(&mut call));
    assert_eq!(sequences(&sent), [1, 2, 3]);
    let silent: Vec<bool> = sent.iter().map(|packet| packet.bytes[12..] == [SILENCE; 160]).collect();
    assert_eq!(silent, [false, true, false]);
}

#[test]
fn a_transcoder_comes_back_to_the_call_that_its_call_has_joined() {
    let mut call = fixture(PCMA, true, Elsewhere::Coding);
    let mut joining = fixture(PCMA, true, Elsewhere::Coding);
    says(&mut joining, 7);
    let job = only_job(&mut joining);
    joining.after(1);
    says(&mut joining, 8);
    let offsets = call.plane.merge(std::mem::take(&mut joining.plane), 2, 2);
    assert!(call.plane.awaits_jobs());
    job.run();
    call.after(20);
    assert_eq!(sequences(&collect(&mut call)), [7]);
    only_job(&mut call).run();
    assert_eq!(sequences(&collect(&mut call)), [8], "what came meanwhile");
    assert!(!call.plane.awaits_jobs());
    let out = |call: &Fixture, stream: u32| call.stream(StreamId(stream)).counters_out().packets;
    assert_eq!((out(&call, 2), out(&call, 2 + offsets.streams)), (0, 2));
}

#[test]
fn a_job_outlives_its_link_and_its_call() {
    let mut call = fixture(PCMA, true, Elsewhere::Coding);
    says(&mut call, 1);
    let job = only_job(&mut call);
    call.change(A_RTP, |spec| spec.rtp[0].transcode = None);
    job.run();
    assert_eq!(collect(&mut call), []);
    assert!(!call.plane.awaits_jobs());
    assert_eq!(call.receive(A_RTP, &rtp(PCMU, 2, b"x"))[0].bytes, rtp(PCMU, 2, b"x"));

    let mut call = fixture(PCMA, true, Elsewhere::Coding);
    says(&mut call, 1);
    let job = only_job(&mut call);
    call.plane = Plane::new();
    job.run();
    assert_eq!(collect(&mut call), []);
}

/// Its transcoder is lost with its packets; a new one goes on with those that came meanwhile.
#[test]
fn a_job_that_is_never_run_is_replaced() {
    let mut call = fixture(PCMA, true, Elsewhere::Coding);
    says(&mut call, 1);
    let job = only_job(&mut call);
    says(&mut call, 2);
    drop(job);
    assert_eq!(collect(&mut call), []);
    only_job(&mut call).run();
    assert_eq!(sequences(&collect(&mut call)), [2]);
}

#[test]
fn packets_beyond_what_is_kept_are_dropped_and_said() {
    let mut call = fixture(OPUS, false, Elsewhere::Opening);
    (0..100).for_each(|sequence| assert_eq!(says(&mut call, sequence), [0; 0]));
    assert!(call.texts().iter().any(|text| text.contains("transcoding is more than a second behind")));
    only_job(&mut call).run();
    let sent = collect(&mut call);
    assert_eq!(sequences(&sent), [0], "the others at their pace");
    assert!(call.plane.next_due().is_some());
}

/// What is due within a millisecond leaves at once, but not before what was planned for earlier.
#[test]
fn nothing_overtakes_a_planned_packet() {
    for costly in [false, true] {
        let mut call = fixture(PCMA, costly, Elsewhere::Coding);
        let mut sent = Vec::new();
        for (sequence, after) in [(1, 0), (2, 0), (3, 39)] {
            call.after(after);
            sent.extend(says(&mut call, sequence));
            if costly {
                only_job(&mut call).run();
                sent.extend(sequences(&collect(&mut call)));
            }
        }
        assert_eq!(sent, [1, 2, 3], "costly: {costly}");
    }
}
