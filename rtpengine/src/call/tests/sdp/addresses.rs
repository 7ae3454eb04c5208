//! §7: addresses, ports and interfaces.

use super::{AUDIO, Body, Talk, play};

const TWO: &[&str] = &["m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 31"];

/// sdp.md §7.1: the address of a section.
#[test]
fn addresses_of_sections() {
    let zero = "c=IN IP4 0.0.0.0";
    let plain = |address: &'static str, direction: &'static str| {
        ["m=audio PORT RTP/AVP 0", address, "a=rtpmap:0 PCMU/8000", direction, "a=rtcp:RTCP"]
    };
    play(&[
        ("§7.1 rule 4", AUDIO, "", &plain("c=IN IP4 HERE", "a=sendrecv")),
        (
            "§7.1 rule 1: the media address, of any family",
            AUDIO,
            "'media-address':'2001:db8::7'",
            &plain("c=IN IP6 2001:db8::7", "a=sendrecv"),
        ),
        (
            "§7.1 rule 1: one that is none is ignored",
            AUDIO,
            "'media-address':'somewhere'",
            &plain("c=IN IP4 HERE", "a=sendrecv"),
        ),
        ("§7.1 rule 2", &["m=audio 0 RTP/AVP 0"], "", &["m=audio 0 RTP/AVP 0", zero]),
        (
            "§7.1 rule 2: unless there is a media address",
            &["m=audio 0 RTP/AVP 0"],
            "'media-address':'192.0.2.7'",
            &["m=audio 0 RTP/AVP 0", "c=IN IP4 192.0.2.7"],
        ),
        ("§7.1 rule 3, §7.1 mark", &[AUDIO[0], zero], "", &plain(zero, "a=sendonly")),
        (
            "§7.1 rule 3: of the family of the base address",
            &[AUDIO[0], zero],
            "'media-address':'2001:db8::7'",
            &plain("c=IN IP6 ::", "a=sendonly"),
        ),
        (
            "§7.1 mark: not with zero-address in this message",
            &[AUDIO[0], zero],
            "'replace':['zero-address']",
            &plain("c=IN IP4 HERE", "a=sendonly"),
        ),
    ]);
}

/// sdp.md §7.1 rule 1: the advertised address of the interface. §7.1 rule 2: its family in a section without.
#[test]
fn the_advertised_address_and_its_family() {
    let mut talk = Talk::on(&["192.0.2.200!198.51.100.7"]);
    assert_eq!(talk.offer(AUDIO, "").address(0), "IP4 198.51.100.7");
    let mut talk = Talk::on(&["2001:db8::200!2001:db8::7"]);
    assert_eq!(talk.offer(TWO, "").address(1), "IP6 2001:db8::7");
    let shown = talk.reoffer(&["m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP 31"], "");
    assert_eq!(shown.address(1), "IP6 ::");
}

/// sdp.md §7.1 rule 3: a leg that does ICE shows its address. §7.1 mark: nor is the placeholder of trickle ICE a zero address.
#[test]
fn zero_addresses_and_ice() {
    let shown = Talk::new().offer(&[AUDIO[0], "c=IN IP4 0.0.0.0"], "'ICE':'force'");
    assert_eq!(shown.address(0), "IP4 HERE");
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
    let placeholder = [&["m=audio 9 RTP/AVP 0", "c=IN IP4 0.0.0.0"], &ice[..]].concat();
    let shown = Talk::new().offer(&placeholder, "'ICE':'remove'");
    assert_eq!((shown.address(0).as_str(), shown.direction(0)), ("IP4 HERE", "sendrecv"));
    let other_port = [&["m=audio 10 RTP/AVP 0", "c=IN IP4 0.0.0.0"], &ice[..]].concat();
    let shown = Talk::new().offer(&other_port, "'ICE':'remove'");
    assert_eq!((shown.address(0).as_str(), shown.direction(0)), ("IP4 0.0.0.0", "sendonly"));
}

/// sdp.md §7.1 mark: it is set anew by every message, and for sections that an answer leaves out.
#[test]
fn the_mark_of_a_zero_address_comes_and_goes() {
    let mut talk = Talk::new();
    talk.offer(TWO, "");
    let back = talk.answer(&["m=audio 5000 RTP/AVP 0"], "");
    assert_eq!(back.address(0), "IP4 HERE");
    let missing = back.section(1);
    assert_eq!(
        missing,
        [
            "m=video PORT RTP/AVP 31",
            "c=IN IP4 0.0.0.0",
            "a=rtpmap:31 H261/90000",
            "a=sendrecv",
            "a=rtcp:RTCP"
        ]
    );
    let hold = talk.reoffer(&["m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0", TWO[1]], "");
    assert_eq!((hold.address(0).as_str(), hold.direction(0)), ("IP4 0.0.0.0", "sendonly"));
    let resumed = talk.reoffer(TWO, "");
    assert_eq!((resumed.address(0).as_str(), resumed.direction(0)), ("IP4 HERE", "sendrecv"));
}

/// sdp.md §7.2 rule 1: our port, the next one is for RTCP. §7.2 rule 2: all that shows port 0.
#[test]
fn ports_of_sections() {
    let shown = Talk::new().offer(AUDIO, "");
    assert!(shown.port(0) >= 30000 && shown.port(0).is_multiple_of(2));
    assert_eq!(shown.value(0, "rtcp"), Some((shown.port(0) + 1).to_string().as_str()));
    assert_eq!(Talk::new().offer(&["m=audio 0 RTP/AVP 0"], "").port(0), 0, "rejected");
    assert_eq!(Talk::new().offer(AUDIO, "'flags':['allow-no-codec-media','codec-strip-all']").port(0), 0);
    let mut talk = Talk::new();
    talk.offer(TWO, "'sdp-media-remove':['video']");
    assert_eq!(talk.answer(&["m=audio 5000 RTP/AVP 0"], "").port(1), 0, "removed, in the answer");
    let strict = Talk::new().offer(TWO, "'bundle':['strict']");
    assert!(strict.port(0) != 0 && strict.port(1) == 0);
}

/// sdp.md §7.2 rule 3: a section that is not proxied has the source's own port.
#[test]
fn copied_sections_have_the_ports_of_their_source() {
    for options in ["'ICE':'force-relay'", "'passthrough':'on'"] {
        assert_eq!(Talk::new().offer(AUDIO, options).port(0), 4000, "{options}");
    }
    assert_eq!(Talk::new().offer(&["m=message 2855 TCP/MSRP *"], "").port(0), 2855);
    assert!(Talk::new().offer(&["m=image 4000 udptl t38"], "").port(0) >= 30000);
}

/// sdp.md §7.2 stability: which re-offers of `a` keep the ports that `b` is shown.
#[test]
fn ports_are_kept_for_an_endpoint() {
    let moved = &["m=audio 4010 RTP/AVP 0"][..];
    let elsewhere = &["m=audio 4000 RTP/AVP 0", "c=IN IP4 10.0.0.7"][..];
    let nowhere = &["m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"][..];
    let held = &["m=audio 4010 RTP/AVP 0", "a=sendonly"][..];
    let inactive = &["m=audio 4010 RTP/AVP 0", "a=inactive"][..];
    let listening = &["m=audio 4010 RTP/AVP 0", "a=recvonly"][..];
    let latch = "'flags':['port-latching']";
    let none = "'flags':['no-port-latching']";
    let rows = [
        ("the same endpoint", AUDIO, "", true),
        ("the same endpoint", AUDIO, none, true),
        ("another port", moved, "", false),
        ("another address", elsewhere, "", false),
        ("another port, latched", moved, latch, true),
        ("another address, latched", elsewhere, latch, true),
        ("a zero address compares by port", nowhere, none, true),
        (
            "a zero address with another port does not receive",
            &["m=audio 4010 RTP/AVP 0", nowhere[1]],
            "",
            true,
        ),
        ("a zero address with another port", &["m=audio 4010 RTP/AVP 0", nowhere[1]], none, false),
        ("sendonly does not receive", held, "", true),
        ("sendonly", held, none, false),
        ("inactive does not receive", inactive, "", true),
        ("inactive", inactive, none, false),
        ("recvonly does receive", listening, "", false),
    ];
    for (what, sdp, options, kept) in rows {
        let mut talk = Talk::new();
        let first = talk.offer(AUDIO, "").port(0);
        talk.answer(AUDIO, "");
        let second = talk.reoffer(sdp, options).port(0);
        assert_eq!(first == second, kept, "{what} {options}");
    }
}

/// sdp.md §7.2 stability: a leg with ICE keeps its ports unless it is not to. §7.2 restart: new ports restart ICE.
#[test]
fn ports_of_a_leg_with_ice() {
    let credentials =
        |body: &Body| ["ice-ufrag", "ice-pwd"].map(|name| body.value(0, name).map(str::to_owned));
    for (options, kept) in [("", true), (",'flags':['no-port-latching']", false)] {
        let mut talk = Talk::new();
        let first = talk.offer(AUDIO, "'ICE':'force'");
        talk.answer(AUDIO, "");
        let second = talk.reoffer(&["m=audio 4010 RTP/AVP 0"], &format!("'ICE':'force'{options}"));
        assert_eq!(first.port(0) == second.port(0), kept, "{options}");
        assert_eq!(credentials(&first) == credentials(&second), kept, "{options}");
    }
}

/// sdp.md §7.2 stability: the sender's section is bundled.
#[test]
fn ports_facing_a_bundled_section_are_kept() {
    let bundled = |port: u16| {
        let lines = [
            "v=0".to_owned(),
            "o=a 1 1 IN IP4 10.0.0.1".to_owned(),
            "c=IN IP4 10.0.0.1".to_owned(),
            "a=group:BUNDLE 1 2".to_owned(),
            format!("m=audio {port} RTP/AVP 0"),
            "a=mid:1".to_owned(),
            format!("m=audio {port} RTP/AVP 8"),
            "a=mid:2".to_owned(),
        ];
        lines.join("\n")
    };
    for (options, kept) in [("'bundle':['accept']", true), ("", false)] {
        let mut talk = Talk::new();
        let first = talk.offer(&[&bundled(4000)], options);
        talk.answer(&["m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 8"], "");
        let second = talk.reoffer(&[&bundled(4010)], options);
        let same = [0, 1].map(|n| first.port(n) == second.port(n));
        assert_eq!(same, [kept, kept], "{options}");
    }
}

/// sdp.md §7.3: a rejected section keeps nothing but its ports, which it finds again.
#[test]
fn a_rejected_section_returns() {
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=rtcp-mux"];
    let offer = [AUDIO, &ice].concat();
    let rejected = ["m=audio 0 RTP/AVP 8 0", "a=X"];
    for (offer, answer) in [(AUDIO, AUDIO), (&offer[..], &offer[..])] {
        let mut talk = Talk::new();
        let towards_b = talk.offer(offer, "");
        let towards_a = talk.answer(answer, "");
        let shown = talk.reoffer(&rejected, "");
        assert_eq!(shown.section(0), ["m=audio 0 RTP/AVP 8 0", "c=IN IP4 0.0.0.0"]);
        let back = talk.answer(&rejected, "");
        assert_eq!(back.section(0), ["m=audio 0 RTP/AVP 8 0", "c=IN IP4 0.0.0.0"]);
        let open = talk.ports.open.len();
        let again = talk.reoffer(offer, "");
        assert_eq!(again.port(0), towards_b.port(0), "{offer:?}");
        let answered = talk.answer(answer, "");
        assert_eq!(answered.port(0), towards_a.port(0), "{offer:?}");
        assert_eq!(talk.ports.open.len(), open, "nothing new was opened: {offer:?}");
    }
}

/// sdp.md §7.3: keys, mux and ICE of the sender are not taken from a rejected section.
#[test]
fn a_rejected_section_changes_no_flags_of_its_sender() {
    let mut talk = Talk::new();
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=rtcp-mux"];
    let key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    talk.offer(&[&["m=audio 4000 RTP/SAVP 0", key], &ice[..]].concat(), "");
    talk.answer(&[&["m=audio 5000 RTP/SAVP 0", key], &ice[..]].concat(), "");
    talk.reoffer(&["m=audio 0 RTP/SAVP 0"], "");
    // `b` now offers: `a` is shown what it last said in a section with a port.
    let shown = talk.offer_back(&[&["m=audio 5000 RTP/SAVP 0", key], &ice[..]].concat(), "");
    assert!(shown.has(0, "ice-ufrag") && shown.has(0, "rtcp-mux") && shown.has(0, "crypto"), "{shown:?}");
}

/// sdp.md §7.4 rule 1, §7.4 rule 2 and §7.4 rule 4: each side has its own family, and calls are bridged between the two.
#[test]
fn families_of_both_sides() {
    let interfaces = ["192.0.2.200", "2001:db8::200"];
    let six = ["v=0", "o=a 1 1 IN IP6 2001:db8::1", "c=IN IP6 2001:db8::1", "m=audio 4000 RTP/AVP 0"];
    let mut talk = Talk::on(&interfaces);
    assert_eq!(talk.offer(&six, "").address(0), "IP6 2001:db8::200", "at first the sender's");
    assert_eq!(talk.answer(AUDIO, "").address(0), "IP6 2001:db8::200", "that of its own address");
    assert_eq!(talk.reoffer(&six, "").address(0), "IP4 HERE", "now the receiver has its own");

    let mut talk = Talk::on(&interfaces);
    assert_eq!(talk.offer(&six, "'address-family':'IP4'").address(0), "IP4 HERE");
    assert_eq!(talk.answer(AUDIO, "").address(0), "IP6 2001:db8::200");
    assert_eq!(talk.reoffer(&six, "").address(0), "IP4 HERE", "it keeps its family");
    assert_eq!(talk.reoffer(&six, "'address-family':'IP6'").address(0), "IP6 2001:db8::200");
    assert_eq!(
        talk.reoffer(&six, "'address-family':'IPv4'").address(0),
        "IP6 2001:db8::200",
        "no such family"
    );
}

/// sdp.md §7.4 rule 1 and §7.4 rule 2: while a leg does ICE it keeps the family it has.
#[test]
fn families_of_legs_with_ice() {
    let mut talk = Talk::on(&["192.0.2.200", "2001:db8::200"]);
    assert_eq!(talk.offer(AUDIO, "'ICE':'force','address-family':'IP6'").address(0), "IP6 2001:db8::200");
    let ice = ["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx"];
    let answer = |address: &'static str| {
        let mut lines = vec!["v=0", "o=b 1 1 IN IP4 10.0.0.2", address, "m=audio 5000 RTP/AVP 0"];
        lines.extend(ice);
        lines
    };
    talk.answer(&answer("c=IN IP6 2001:db8::2"), "");
    talk.answer(&answer("c=IN IP4 10.0.0.2"), "");
    let shown = talk.reoffer(AUDIO, "'address-family':'IP4'");
    assert_eq!(shown.address(0), "IP6 2001:db8::200", "{shown:?}");
}

/// sdp.md §7.4 rule 3: which interface a side gets, by name, by route, and for how long.
#[test]
fn interfaces_of_both_sides() {
    let interfaces = ["in/192.0.2.1", "in/2001:db8::1", "out/192.0.2.2", "out/2001:db8::2"];
    let rows = [
        ("'direction':['in','out']", "IP4 192.0.2.2", "IP4 192.0.2.1"),
        ("'direction':['out','in']", "IP4 192.0.2.1", "IP4 192.0.2.2"),
        ("'from-interface':'out','to-interface':'out'", "IP4 192.0.2.2", "IP4 192.0.2.2"),
        ("'rtpp-flags':'direction=out direction=in'", "IP4 192.0.2.1", "IP4 192.0.2.2"),
        ("'rtpp-flags':'external internal'", "IP4 192.0.2.1", "IP6 2001:db8::1"),
        ("'from-interface':'nowhere','to-interface':'out'", "IP4 192.0.2.2", "IP4 192.0.2.1"),
        ("'direction':['internal','external']", "IP6 2001:db8::1", "IP4 192.0.2.1"),
        ("'outbound-peer':'198.51.100.1'", "IP4 192.0.2.2", "IP4 192.0.2.1"),
        ("'inbound-peer':'198.51.100.1'", "IP4 192.0.2.1", "IP4 192.0.2.2"),
        ("'outbound-peer':'198.51.100.2','to-interface':'out'", "IP4 192.0.2.2", "IP4 192.0.2.1"),
    ];
    for (options, towards_b, towards_a) in rows {
        let mut talk = Talk::on(&interfaces);
        talk.ports.routes.insert("198.51.100.1".parse().expect("ip"), "192.0.2.2".parse().expect("ip"));
        assert_eq!(talk.offer(AUDIO, options).address(0), towards_b, "{options}");
        let nowhere = options.contains("nowhere");
        assert_eq!(talk.logged("Interface 'nowhere' not found"), nowhere, "{options}");
        assert_eq!(talk.answer(AUDIO, "").address(0), towards_a, "{options}");
    }
}

/// sdp.md §7.4 rule 3: a chosen interface sticks, also for new sections, until another existing name comes or the family changes.
#[test]
fn a_chosen_interface_sticks() {
    let mut talk = Talk::on(&["in/192.0.2.1", "out/192.0.2.2", "out/2001:db8::2"]);
    let mut towards_b = |sdp: &[&str], options: &str| {
        let shown = talk.offer(sdp, options);
        (0..shown.sections()).map(|n| shown.address(n)).collect::<Vec<_>>()
    };
    assert_eq!(towards_b(AUDIO, "'to-interface':'out'"), ["IP4 192.0.2.2"]);
    assert_eq!(towards_b(TWO, ""), ["IP4 192.0.2.2"; 2]);
    assert_eq!(towards_b(TWO, "'to-interface':'other'"), ["IP4 192.0.2.2"; 2]);
    assert_eq!(towards_b(TWO, "'address-family':'IP6'"), ["IP6 2001:db8::2"; 2]);
    assert_eq!(towards_b(TWO, "'address-family':'IP4'"), ["IP4 192.0.2.2"; 2]);
    assert_eq!(towards_b(TWO, "'to-interface':'in'"), ["IP4 192.0.2.1"; 2]);
}

/// sdp.md §7.4 rule 3: a family that no interface has, and no ports at all.
#[test]
fn interfaces_that_cannot_serve() {
    let mut talk = Talk::new();
    assert_eq!(talk.offer(AUDIO, "'address-family':'IP6'").address(0), "IP4 HERE");
    assert!(talk.logged("address family"));
    let mut talk = Talk::new();
    talk.ports.limit = 1;
    assert_eq!(talk.refused_offer(AUDIO, ""), "Ran out of ports");
}
