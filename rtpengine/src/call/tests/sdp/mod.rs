//! `sdp.md`, rule by rule: what one party sends, with which options, and what the other is shown.

mod addresses;
mod bundle;
mod codecs;
mod commands;
mod dialogues;
mod direction;
mod dtls;
mod examples;
mod ice;
mod layout;
mod manipulation;
mod origin;
mod properties;
mod protocol;
mod rtcp;
mod rules;
mod sdes;

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use super::{Desk, attributes, direction, lines, port};
use crate::dtls::{Certificate, CertificateOptions, Context, ContextOptions, KeyKind, SignatureHash};

/// A call under way: `a` offers, `b` answers. Options are members of a request in JSON, with `'` for `"`.
struct Talk(Desk);

impl Deref for Talk {
    type Target = Desk;
    fn deref(&self) -> &Desk {
        &self.0
    }
}

impl DerefMut for Talk {
    fn deref_mut(&mut self) -> &mut Desk {
        &mut self.0
    }
}

impl Talk {
    fn new() -> Self {
        Self(Desk::new())
    }

    fn on(interfaces: &[&str]) -> Self {
        Self(Desk::on(interfaces))
    }

    /// With a certificate, so that DTLS is offered.
    fn with_dtls() -> Self {
        let mut talk = Self::new();
        talk.settings.dtls = Some(certificate());
        talk
    }

    /// `a` offers, the first time.
    fn offer(&mut self, sdp: &[&str], options: &str) -> Body {
        self.send("offer", "'from-tag':'a'", &from_a(sdp), options)
    }

    /// `b` answers.
    fn answer(&mut self, sdp: &[&str], options: &str) -> Body {
        self.send("answer", "'from-tag':'a','to-tag':'b'", &from_b(sdp), options)
    }

    /// `a` offers again to `b`.
    fn reoffer(&mut self, sdp: &[&str], options: &str) -> Body {
        self.send("offer", "'from-tag':'a','to-tag':'b'", &from_a(sdp), options)
    }

    /// `b` offers to `a`.
    fn offer_back(&mut self, sdp: &[&str], options: &str) -> Body {
        self.send("offer", "'from-tag':'b','to-tag':'a'", &from_b(sdp), options)
    }

    /// `a` answers `b`.
    fn answer_back(&mut self, sdp: &[&str], options: &str) -> Body {
        self.send("answer", "'from-tag':'b','to-tag':'a'", &from_a(sdp), options)
    }

    /// `a` publishes.
    fn publish(&mut self, sdp: &[&str], options: &str) -> Body {
        self.send("publish", "'from-tag':'a'", &from_a(sdp), options)
    }

    /// `c` is offered what `a` sends.
    fn subscribe(&mut self, options: &str) -> Body {
        self.ask_for("subscribe request", &format!("'from-tag':'a','to-tag':'c'{}", joined(options)))
    }

    /// A request without SDP, to which SDP comes back.
    fn ask_for(&mut self, command: &str, members: &str) -> Body {
        let done = self.ask(command, &json(members));
        let reply = done.reply.to_dict();
        let text = reply.text("sdp").unwrap_or_else(|| panic!("{command}: {reply:?}, log {:?}", self.log));
        Body(text.to_owned())
    }

    fn send(&mut self, command: &str, tags: &str, sdp: &str, options: &str) -> Body {
        Body(self.sdp(command, &json(tags), sdp, &json(options)))
    }

    /// The error of an offer.
    fn refused_offer(&mut self, sdp: &[&str], options: &str) -> String {
        Desk::error(&self.exchange("offer", r#""from-tag":"a""#, &from_a(sdp), &json(options)))
    }

    /// Whether a line with these words was logged, since the last time it was asked.
    fn logged(&mut self, words: &str) -> bool {
        std::mem::take(&mut self.log).iter().any(|line| line.text.contains(words))
    }
}

fn json(members: &str) -> String {
    members.replace('\'', "\"")
}

fn joined(options: &str) -> String {
    if options.is_empty() { String::new() } else { format!(",{options}") }
}

/// The lines as they are if they are a whole body, else below the session of `a`.
fn from_a(sdp: &[&str]) -> String {
    body(sdp, "10.0.0.1", 1)
}

fn from_b(sdp: &[&str]) -> String {
    body(sdp, "10.0.0.2", 2)
}

fn body(sdp: &[&str], address: &str, id: u32) -> String {
    let head = format!("v=0\no=- {id} {id} IN IP4 {address}\ns=-\nc=IN IP4 {address}\nt=0 0\n");
    let whole = sdp.first().is_some_and(|line| line.starts_with("v="));
    let mut text = if whole { String::new() } else { head };
    for line in sdp {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// One certificate for all tests: making one takes a while.
fn certificate() -> Arc<Context> {
    static CONTEXT: OnceLock<Arc<Context>> = OnceLock::new();
    let make = || {
        let options = CertificateOptions {
            key: KeyKind::Prime256v1,
            signature: SignatureHash::Sha256,
            common_name: "test".into(),
        };
        let certificate = Certificate::generate(&options, 1_700_000_000).expect("a certificate");
        let options = ContextOptions { ciphers: "DEFAULT".into(), mtu: 1200 };
        Arc::new(Context::new(certificate, &options).expect("a context"))
    };
    Arc::clone(CONTEXT.get_or_init(make))
}

/// What a party is shown.
#[derive(Debug, PartialEq, Eq)]
struct Body(String);

impl Body {
    /// The lines before the first section.
    fn session(&self) -> Vec<&str> {
        lines(&self.0).into_iter().take_while(|line| !line.starts_with("m=")).collect()
    }

    /// The lines of section `n`, with our port as PORT, the next one as RTCP and our address as HERE.
    fn section(&self, n: usize) -> Vec<String> {
        let mut at = 0;
        let mut own = Vec::new();
        for line in lines(&self.0) {
            at += usize::from(line.starts_with("m="));
            if at == n + 1 {
                own.push(line);
            }
        }
        let port = own[0].split(' ').nth(1).and_then(|port| port.parse().ok()).unwrap_or(0u16);
        let word = |word: &str| match word.parse::<u16>() {
            Ok(number) if port >= 30000 && number == port => "PORT".to_owned(),
            Ok(number) if port >= 30000 && number == port + 1 => "RTCP".to_owned(),
            _ => word.replace("192.0.2.200", "HERE"),
        };
        let line = |line: &&str| {
            let line = line.replace("a=rtcp:", "a=rtcp: ");
            line.split(' ').map(word).collect::<Vec<_>>().join(" ").replace("a=rtcp: ", "a=rtcp:")
        };
        own.iter().map(line).collect()
    }

    /// The names of the attributes of section `n` in their order, each once in a row.
    fn names(&self, n: usize) -> Vec<String> {
        let attributes = self.section(n).into_iter().filter_map(|line| {
            let text = line.strip_prefix("a=")?;
            Some(text.split(':').next().unwrap_or(text).to_owned())
        });
        let mut names: Vec<String> = attributes.collect();
        names.dedup();
        names
    }

    /// The values of an attribute of section `n`.
    fn all(&self, n: usize, name: &str) -> Vec<&str> {
        attributes(&self.0, n, name)
    }

    /// The value of an attribute of section `n`, if it is there.
    fn value(&self, n: usize, name: &str) -> Option<&str> {
        self.all(n, name).first().copied()
    }

    fn has(&self, n: usize, name: &str) -> bool {
        self.value(n, name).is_some()
    }

    fn port(&self, n: usize) -> u16 {
        port(&self.0, n)
    }

    /// `c=` of section `n`.
    fn address(&self, n: usize) -> String {
        let section = self.section(n);
        let line = section.iter().find_map(|line| line.strip_prefix("c=IN ")).expect("c=");
        line.to_owned()
    }

    fn direction(&self, n: usize) -> &'static str {
        direction(&self.0, n)
    }

    fn sections(&self) -> usize {
        lines(&self.0).iter().filter(|line| line.starts_with("m=")).count()
    }

    /// `m=` of section `n`, with the port as PORT.
    fn media(&self, n: usize) -> String {
        self.section(n).swap_remove(0)
    }

    /// Protocol and formats of section `n`.
    fn protocol(&self, n: usize) -> String {
        self.media(n).split(' ').nth(2).expect("a protocol").to_owned()
    }

    fn formats(&self, n: usize) -> String {
        self.media(n).splitn(4, ' ').nth(3).unwrap_or_default().to_owned()
    }

    /// The `o=` line after `o=`.
    fn origin(&self) -> &str {
        lines(&self.0)[1].strip_prefix("o=").expect("o=")
    }

    fn session_line(&self, letter: char) -> Option<&str> {
        let prefix = format!("{letter}=");
        self.session().into_iter().find_map(|line| line.strip_prefix(prefix.as_str()))
    }
}

/// A rule, a section that `a` offers, options, and the section that comes out.
type Row<'a> = (&'a str, &'a [&'a str], &'a str, &'a [&'a str]);

/// Plays each row in a call of its own and reports all that do not come out as expected.
fn play(rows: &[Row<'_>]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(rule, sdp, options, expected)| {
            let got = Talk::new().offer(sdp, options).section(0);
            (got != *expected).then(|| format!("{rule}:\n  got      {got:#?}\n  expected {expected:#?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} rules broken:\n{}", wrong.len(), wrong.join("\n"));
}

const AUDIO: &[&str] = &["m=audio 4000 RTP/AVP 0"];
