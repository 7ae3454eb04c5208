//! sdp.md §14.4, §14.5.

use super::*;

fn local(address: &str, port: u16) -> LocalCandidate {
    LocalCandidate {
        foundation: "f".into(),
        address: address.parse().expect("address"),
        rtp_port: port,
        rtcp_port: Some(port + 1),
    }
}

#[test]
fn example_d_of_the_specification() {
    let addresses = [local("192.0.2.200", 30000), local("2001:db8:7::200", 30000)];
    let candidates = local_candidates(&addresses, CandidateType::Host, (126, 0));
    let text: Vec<_> = candidates.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "f 1 UDP 2130706431 192.0.2.200 30000 typ host",
            "f 1 UDP 2130706175 2001:db8:7::200 30000 typ host",
            "f 2 UDP 2130706430 192.0.2.200 30001 typ host",
            "f 2 UDP 2130706174 2001:db8:7::200 30001 typ host",
        ]
    );
    let relay = local_candidates(
        &[LocalCandidate { rtcp_port: None, ..local("192.0.2.200", 30000) }],
        CandidateType::Relay,
        (0, 0),
    );
    assert_eq!(relay.len(), 1);
    assert_eq!(
        relay[0].to_string(),
        "f 1 UDP 16777215 192.0.2.200 30000 typ relay raddr 192.0.2.200 rport 30000"
    );
}

#[test]
fn candidates_go_below_those_of_the_peer() {
    let host = |priority: u32| Candidate {
        priority,
        ..Candidate::parse(b"1 1 UDP 1 192.0.2.1 5 typ host").expect("valid")
    };
    let preferences = |priorities: &[u32]| {
        let received: Vec<_> = priorities.iter().map(|priority| host(*priority)).collect();
        passthrough_preferences(&received, CandidateType::Host)
    };
    assert_eq!(preferences(&[]), (126, 0));
    assert_eq!(preferences(&[2_130_706_431]), (125, 65535));
    // Too high to matter.
    assert_eq!(preferences(&[u32::MAX]), (126, 0));
    // L is counted one back from the received one, which may raise the priority again: later ones compare with that.
    assert_eq!(preferences(&[2_122_260_223]), (126, 65535 - 32542 - 1));
    assert_eq!(preferences(&[255]), (0, 65534));
    assert_eq!(preferences(&[0x00ff_ff01]), (0, 65535));
    let other = Candidate { kind: CandidateType::Relay, ..host(2_130_706_431) };
    assert_eq!(passthrough_preferences(&[other], CandidateType::Host), (126, 0));
    // The second address after the last position wraps around.
    let candidates =
        local_candidates(&[local("192.0.2.1", 1), local("192.0.2.2", 1)], CandidateType::Host, (125, 65535));
    assert_eq!(candidates[0].priority, (125 << 24) | 255);
    assert_eq!(candidates[1].priority, 0xffff_ffff);
}
