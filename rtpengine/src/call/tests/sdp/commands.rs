//! §22: commands other than offer and answer.

use super::{AUDIO, Body, Desk, Talk, from_a, json};

const KEY: &str = "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";

/// sdp.md §22 row 1: an answer from nobody: our own session, one key, mux as offered, nothing passed through.
#[test]
fn publish() {
    let sdp = [
        "v=0",
        "o=u 9 9 IN IP4 10.0.0.1",
        "s=name",
        "i=info",
        "c=IN IP4 10.0.0.1",
        "b=AS:1",
        "t=5 6",
        "a=X",
        "m=audio 4000 RTP/SAVP 0",
        "i=info",
        "b=AS:2",
        "a=Y",
        "a=rtcp-mux",
        KEY,
    ];
    let shown = Talk::new().publish(&sdp, "");
    let session = shown.session();
    assert_eq!([session[0], session[2], session[3]], ["v=0", "s=rtpengine", "t=0 0"]);
    assert!(session[1].starts_with("o=- ") && session[1].ends_with(" IN IP4 192.0.2.200"), "{session:?}");
    assert_eq!(session.len(), 4);
    let section = shown.section(0);
    assert_eq!(
        section[..6],
        [
            "m=audio PORT RTP/SAVP 0",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=recvonly",
            "a=rtcp:PORT",
            "a=rtcp-mux"
        ]
    );
    assert!(section[6].starts_with("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:"), "{section:?}");
    assert_eq!(section.len(), 7);
    let v6 = Talk::on(&["2001:db8::200"]).publish(AUDIO, "");
    assert!(v6.origin().ends_with(" IN IP6 2001:db8::200"));
}

/// sdp.md §22 row 2: an offer of what the sources send, section by section.
#[test]
fn subscribe_request() {
    let mut talk = Talk::new();
    let a = ["v=0", "o=a 1 7 IN IP4 10.0.0.1", "s=of a", "c=IN IP4 10.0.0.1", "b=AS:9", "t=1 2", "a=X"];
    let sections = ["m=audio 4000 RTP/SAVP 0", KEY, "a=mid:x", "a=Y", "m=video 4002 RTP/AVP 31"];
    talk.offer(&[&a[..], &sections].concat(), "");
    talk.answer(&["m=audio 5000 RTP/SAVP 0", KEY, "m=video 5002 RTP/AVP 31"], "");
    let shown = talk.subscribe("");
    assert_eq!(shown.session(), ["v=0", "o=a 1 7 IN IP4 10.0.0.1", "s=of a", "t=1 2", "a=X"]);
    assert_eq!(shown.all(0, "crypto")[0], &KEY[9..], "the source's suites first");
    assert_eq!(shown.all(0, "crypto").len(), 12);
    assert!(shown.has(0, "Y") && !shown.has(0, "mid"), "mids only where asked for: {shown:?}");
    assert_eq!(talk.subscribe("'flags':['generate-mid']").value(1, "mid"), Some("2"));
    let kinds = |body: &Body| {
        (0..body.sections())
            .map(|n| body.media(n).split(' ').next().map(str::to_owned).unwrap_or_default())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&shown), ["m=audio", "m=video"]);
    let all = talk.ask_for("subscribe request", "'flags':['all'],'to-tag':'d'");
    assert_eq!(kinds(&all), ["m=audio", "m=audio", "m=video", "m=video"], "in the order they were made");
    let mixed = talk.ask_for("subscribe request", "'flags':['all','mix'],'to-tag':'e'");
    assert_eq!(kinds(&mixed), ["m=audio", "m=video"], "one section per type");
    // Sections that are there already keep their place.
    let only_b = talk.ask_for("subscribe request", "'from-tag':'b','to-tag':'f'");
    let then_all = talk.ask_for("subscribe request", "'flags':['all'],'to-tag':'f'");
    assert_eq!([then_all.port(0), then_all.port(1)], [only_b.port(0), only_b.port(1)]);
}

/// sdp.md §22 row 3: an offer from nothing.
#[test]
fn create() {
    let created = |options: &str| Talk::with_dtls().ask_for("create", &format!("'from-tag':'a'{options}"));
    let plain = created("");
    assert_eq!(
        plain.section(0),
        [
            "m=audio PORT RTP/AVP 0 8",
            "c=IN IP4 HERE",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=sendrecv",
            "a=rtcp:RTCP",
        ]
    );
    assert_eq!(plain.session()[2..], ["s=rtpengine", "t=0 0"]);
    let media = ",'media':[{'type':'video','codec':['H264/90000','VP8/90000']},{'type':'video'},{'type':'audio'},{'type':'text'}]";
    let formats = |body: Body| [0, 1, 2, 3].map(|n| body.formats(n)).join("; ");
    assert_eq!(formats(created(media)), "96 97; 0; 0 8; 0", "no codecs for other types");
    let offered = created(&format!("{media},'codec':{{'offer':['VP9/90000']}}"));
    assert_eq!(offered.all(1, "rtpmap"), ["96 VP9/90000"], "of the option: {offered:?}");
    let secure = created(",'transport-protocol':'RTP/SAVPF'");
    assert!(secure.has(0, "crypto") && secure.has(0, "fingerprint"), "both ways to get keys");
    assert!(
        !created(",'ICE':'optional'").has(0, "ice-ufrag") && created(",'ICE':'force'").has(0, "ice-ufrag")
    );
    for (options, ports) in [("", 2), (",'rtcp-mux':['require']", 1), (",'transport-protocol':'udptl'", 1)] {
        let mut talk = Talk::new();
        talk.ask_for("create", &format!("'from-tag':'a'{options}"));
        assert_eq!(talk.ports.open.len(), ports, "{options}");
    }
}

/// sdp.md §22 row 3: for a party of a call the sections are printed anew, with its session as before.
#[test]
fn create_for_a_party_of_a_call() {
    let mut talk = Talk::new();
    talk.offer(AUDIO, "");
    let answered = talk.answer(AUDIO, "");
    let again = talk.ask_for("create", "'from-tag':'a'");
    assert_eq!(again.origin(), answered.origin());
    assert_eq!(again.port(0), answered.port(0));
}

/// sdp.md §22 row 4: answers to offers of ours are taken, and nothing comes back.
#[test]
fn answers_to_us() {
    let mut talk = Talk::new();
    talk.offer(AUDIO, "");
    talk.answer(AUDIO, "");
    talk.subscribe("");
    talk.ask_for("create", "'from-tag':'d'");
    for (command, tags) in
        [("subscribe answer", "'from-tag':'a','to-tag':'c'"), ("create answer", "'from-tag':'d'")]
    {
        let done = talk.exchange(command, &json(tags), &from_a(AUDIO), "");
        assert_eq!(
            (Desk::error(&done).as_str(), done.reply.to_dict().text("sdp")),
            ("none", None),
            "{command}"
        );
    }
}

/// sdp.md §22 row 5: `transform` says where to send to, without SDP.
#[test]
fn transform() {
    let mut talk = Talk::new();
    let members = "'from-tag':'a','media':[{'type':'audio','codec':[{'input':{SAME},'output':{SAME}}],\
        'destination':{'family':'IP4','address':'10.0.0.9','port':9000}}]";
    let same = "'codec':'PCMU','payload type':0,'clock rate':8000,'channels':1,'format':'','options':''";
    let done = talk.ask("transform", &json(&members.replace("SAME", same)));
    let reply = done.reply.to_dict();
    assert_eq!(Desk::error(&done), "none");
    assert!(reply.text("sdp").is_none());
    let shown = format!("{reply:?}");
    assert!(["family", "address", "port"].iter().all(|key| shown.contains(key)), "{shown}");
}
