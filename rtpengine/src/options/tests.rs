//! The whole way from a command line and a file to settings.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use rtpengine_common::log::{Level, Subsystem};
use rtpengine_common::options::{Effect, Scope, Values};

use super::words::EndpointLearning;
use super::*;
use crate::net::interface_spec::Target;

#[derive(Default)]
struct Fake {
    files: HashMap<&'static str, &'static str>,
    variables: HashMap<&'static str, &'static str>,
}

impl OptionSources for Fake {
    fn read_file(&self, path: &Path) -> io::Result<String> {
        let name = path.to_str().unwrap();
        self.files.get(name).map(|text| (*text).to_owned()).ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|text| (*text).to_owned())
    }

    fn resolve(&self, _host: &str) -> Vec<IpAddr> {
        vec![]
    }

    fn processors(&self) -> Option<usize> {
        Some(2)
    }
}

fn start_with(fake: &Fake, args: &str) -> Result<Startup, String> {
    let args = std::iter::once("rtpengine").chain(args.split_whitespace()).map(OsString::from);
    startup(args, fake).map_err(|error| error.to_string())
}

fn settings_with(fake: &Fake, args: &str) -> Settings {
    match start_with(fake, args) {
        Ok(Startup::Run(settings)) => *settings,
        other => panic!("{args}: {other:?}"),
    }
}

/// With the least a daemon needs.
fn settings(args: &str) -> Settings {
    settings_with(&Fake::default(), &format!("-i 127.0.0.1 -n 2223 {args}"))
}

fn error(args: &str) -> String {
    start_with(&Fake::default(), &format!("-i 127.0.0.1 -n 2223 {args}")).unwrap_err()
}

fn error_of_file(text: &'static str) -> String {
    let fake = Fake { files: [("f", text)].into(), ..Fake::default() };
    start_with(&fake, "--config-file=f").unwrap_err()
}

#[test]
fn defaults() {
    let settings = settings("");
    assert_eq!((settings.ports.min, settings.ports.max, settings.ports.tos), (30000, 39999, 0));
    assert_eq!(settings.timeouts.media, Duration::from_secs(60));
    assert_eq!(settings.timeouts.silent, Duration::from_secs(3600));
    assert_eq!(settings.timeouts.total, None);
    assert_eq!(settings.timeouts.delete_delay, Duration::from_secs(30));
    assert_eq!(settings.limits.sessions, None);
    assert_eq!(settings.threads.media, 4);
    assert_eq!(settings.threads.poll_tick, PollTick::Adaptive);
    assert_eq!(settings.media.endpoint_learning, EndpointLearning::Heuristic);
    assert_eq!(settings.general.software_id, format!("rtpengine-{}", VERSION.replace('.', "-")));
    assert_eq!(settings.log.levels[Subsystem::Core as usize], 6);
    assert_eq!(settings.log.levels[Subsystem::Internals as usize], -1);
    assert_eq!(settings.players.hold.max_duration, Some(Duration::from_secs(1800)));
    assert_eq!(settings.recording, None);
    assert_eq!(settings.messages, []);
}

#[test]
fn the_command_line_of_the_acceptance_suite_starts() {
    let line = "--config-file=none -t -1 -i 203.0.113.1 -i 2001:db8::1 -n 2223 -c 12345 -f -L 7 -E -u 2222";
    let settings = settings_with(&Fake::default(), line);
    assert_eq!(settings.interfaces.len(), 2);
    assert!(settings.general.foreground && settings.log.to_stderr);
    assert_eq!(settings.log.levels[Subsystem::Ice as usize], 7);
    assert_eq!(settings.control.cli[0].text, "12345");
    assert_eq!(settings.kernel.table, None);
}

#[test]
fn grammar_of_the_command_line() {
    let settings = settings(
        "-fE --timeout 30 -s10 --final-timeout=0x10 --offer-timeout=010 foo --tos=1 --tos=2 -- --bar",
    );
    assert!(settings.general.foreground && settings.log.to_stderr);
    assert_eq!(settings.timeouts.media, Duration::from_secs(30));
    assert_eq!(settings.timeouts.silent, Duration::from_secs(10));
    assert_eq!(settings.timeouts.total, Some(Duration::from_secs(16)));
    assert_eq!(settings.timeouts.offer, Duration::from_secs(8));
    assert_eq!(settings.ports.tos, 2);
}

#[test]
fn errors_of_the_command_line() {
    for (args, text) in [
        ("--foo", "Bad command line: Unknown option --foo"),
        ("--fore", "Bad command line: Unknown option --fore"),
        ("-Q", "Bad command line: Unknown option -Q"),
        ("--table", "Bad command line: Missing argument for --table"),
        ("-t", "Bad command line: Missing argument for --table"),
        ("--table=bar", "Bad command line: Cannot parse integer value “bar” for --table"),
        ("--table=", "Bad command line: Cannot parse integer value “” for --table"),
        ("--table=99999999999", "Bad command line: Integer value “99999999999” for --table out of range"),
        ("--foreground=1", "Bad command line: Option --foreground takes no argument"),
        ("--max-load=x", "Bad command line: Cannot parse double value “x” for --max-load"),
        (
            "--max-bandwidth=99999999999999999999",
            "Bad command line: Integer value “99999999999999999999” for --max-bandwidth out of range",
        ),
        ("--config-file=nowhere", "Bad command line: No such file or directory"),
    ] {
        assert_eq!(error(args), text, "{args}");
    }
}

#[test]
fn errors_of_the_file() {
    for (text, expected) in [
        ("x=1\n[rtpengine]", "Bad command line: Key file does not start with a group"),
        ("[other]\nx=1", "Bad command line: Key file does not have group “rtpengine”"),
        (
            "[rtpengine]\ntable=0x10",
            "Bad command line: Value “0x10” cannot be interpreted as a number. (option 'table')",
        ),
        (
            "[rtpengine]\nforeground=yes",
            "Bad command line: Value “yes” cannot be interpreted as a boolean. (option 'foreground')",
        ),
    ] {
        assert_eq!(error_of_file(text), expected);
    }
}

#[test]
fn range_and_word_errors_have_the_texts_of_the_specification() {
    for (args, text) in [
        ("--tos=256", "Invalid TOS value"),
        ("--control-tos=-1", "Invalid control-ng TOS value"),
        ("--port-min=0", "Invalid RTP port range: --port-min must be between 1 and 65535"),
        ("--port-max=65536", "Invalid RTP port range: --port-max must be between 1 and 65535"),
        ("-m 5 -M 4", "Invalid RTP port range: --port-min (5) must not be greater than --port-max (4)"),
        ("--max-recv-iters=0", "Invalid max-recv-iters value"),
        ("--delete-delay=-1", "Invalid negative delete-delay"),
        ("--timer-accuracy=-5", "Invalid --timer-accuracy value (-5)"),
        ("--endpoint-learning=x", "Invalid --endpoint-learning option ('x')"),
        ("--log-format=x", "Invalid --log-format option"),
        ("--log-facility=x", "Invalid log facility 'x' (--log-facility)"),
        ("--log-facility-cdr=x", "Invalid log facility for CDR 'x' (--log-facility-cdr)"),
        ("--control-pmtu=x", "Invalid --control-pmtu option ('x')"),
        ("--ng-client-retries=0", "Invalid value for 'ng-client-retries'"),
        ("--http-idle-timeout=-1", "Option 'http-idle-timeout' must be >= 0"),
        ("--nftables-family=x", "Invalid value for 'nftables-family' ('x')"),
        ("--xtables --nftables-family=inet", "'inet' nftables address family not valid with legacy xtables"),
        ("--jb-adaptive-min=-1", "Invalid negative --jb-adaptive-min (-1)"),
        ("--jb-adaptive-min=50", "--jb-adaptive-min (50) must be <= --jb-adaptive-max (0)"),
        ("--jb-adaptive-max=1001", "--jb-adaptive-max too large (1001 ms, maximum 1000 ms)"),
        ("--dtls-mtu=575", "Invalid --dtls-mtu (575)"),
        ("--cn-payload=128", "Invalid CN payload specified (--cn-payload)"),
        ("--cn-payload=1 --cn-payload=255", "Invalid CN payload specified (--cn-payload)"),
        ("--mysql-query=%s", "No '%llu' present in --mysql-query='%s'"),
        ("--mysql-query=%llu%s", "Too many '%' placeholders (2) present in --mysql-query='%llu%s'"),
        ("--homer-protocol=x", "Invalid protocol 'x' (--homer-protocol)"),
        ("--dtmf-log-dest=x", "Invalid IP or port 'x' (--dtmf-log-dest)"),
        ("--xmlrpc-format=3", "Invalid XMLRPC format"),
        ("--redis=x", "Invalid Redis endpoint [IP:PORT/INT] 'x' (--redis)"),
        ("--mos=x", "Invalid --mos option ('x')"),
        ("--recording-dir=/x --recording-format=y", "Invalid value for recording format \"y\"."),
        (
            "--templates=t",
            "Failed to load keys from given config file section 't': Key file does not have group “t”",
        ),
        ("--listen-udp=1.2.3.4", "Invalid IP or port '1.2.3.4' ('listen-udp')"),
        (
            "--nftables-start --nftables-stop",
            "Cannot do more than one of --nftables-start, --nftables-stop or --nftables-status",
        ),
        ("--nftables-status", "Cannot do nftables setup without configured kernel table number"),
    ] {
        assert_eq!(error(args), text, "{args}");
    }
    let none = Fake::default();
    assert_eq!(start_with(&none, "-n 2223").unwrap_err(), "Cannot start without any configured interfaces");
    assert_eq!(
        start_with(&none, "-i 127.0.0.1 -c 9900").unwrap_err(),
        "Missing option --listen-tcp, --listen-udp, --listen-ng, --listen-tcp-ng, --listen-http, or --listen-https"
    );
}

#[test]
fn values_that_stand_for_the_default() {
    let settings = settings(
        "--timeout=-5 --silent-timeout=0 --final-timeout=-1 --max-sessions=-7 --poller-size=0 --num-threads=-1",
    );
    assert_eq!(settings.timeouts.media, Duration::from_secs(60));
    assert_eq!(settings.timeouts.silent, Duration::from_secs(3600));
    assert_eq!(settings.timeouts.total, None);
    assert_eq!(settings.limits.sessions, None);
    assert_eq!(settings.threads.poll_events, 128);
    assert_eq!(settings.threads.media, 4);
}

#[test]
fn file_and_command_line_are_laid_over_each_other() {
    let text = "[rtpengine]\ninterface = a/10.0.0.1; b/10.0.0.2 \nlisten-ng = 2223\ntimeout = 20\nforeground = true\n\
                tos = 5\nunknown = 1\nlog-name = x\\sy  \ntemplates = t\ninterfaces-config = if\ncache-media-reload = 9\n\
                [t]\nfoo = bar\n[if-c]\naddress = 10.0.0.3\n";
    let fake = Fake { files: [("f", text), (DEFAULT_CONFIG_FILE, text)].into(), ..Fake::default() };
    let read = settings_with(&fake, "--config-file=f --tos=7");
    assert_eq!((read.ports.tos, read.timeouts.media), (7, Duration::from_secs(20)));
    assert!(read.general.foreground);
    assert_eq!(read.log.name, "x y");
    assert_eq!(read.players.database_cache.reload, Some(Duration::from_secs(9)));
    assert_eq!(read.templates.get("FOO"), Some("bar"));
    let addresses = read.interfaces.iter().map(|spec| match &spec.target {
        Target::Address(address) => address.address.as_str(),
        Target::Alias(_) => "alias",
    });
    assert_eq!(addresses.collect::<Vec<_>>(), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    // A list on the command line replaces the file's.
    assert_eq!(settings_with(&fake, "-i 127.0.0.1").interfaces.len(), 2);
    // The default file is optional; 'none' reads nothing.
    assert_eq!(
        start_with(&fake, "--config-file=none").unwrap_err(),
        "Cannot start without any configured interfaces"
    );
}

#[test]
fn informative_options_end_before_any_check() {
    let none = Fake::default();
    assert!(matches!(start_with(&none, "--version --config-file=nowhere"), Ok(Startup::Version)));
    assert!(matches!(start_with(&none, "-v"), Ok(Startup::Version)));
    assert!(matches!(start_with(&none, "--codecs"), Ok(Startup::Codecs)));
    for help in ["--help", "-h", "-?"] {
        let Ok(Startup::Help(text)) = start_with(&none, help) else { panic!("{help}") };
        assert!(text.contains("--listen-ng") && text.contains("--mqtt-publish-scope"), "{text}");
    }
    assert!(matches!(
        start_with(&none, "-t 3 --nftables-status"),
        Ok(Startup::Nftables(NftablesAction::Status, _))
    ));
}

#[test]
fn what_is_not_built_refuses_instead_of_doing_something_else() {
    assert_eq!(error("-t 3 --no-fallback"), "Userspace fallback disallowed - exiting");
    for line in ["rtpproxy -f -l 127.0.0.1", "/usr/bin/rtpproxy_debug", "rtpengine --rtpproxy -f"] {
        let result = startup(line.split(' ').map(OsString::from), &Fake::default());
        assert_eq!(result.unwrap_err().to_string(), "The rtpproxy command line: not built yet");
    }
}

#[test]
fn passwords_come_from_the_environment_too() {
    let fake = Fake { variables: [("RTPENGINE_REDIS_AUTH_PW", "secret")].into(), ..Fake::default() };
    let read = settings_with(&fake, "-i 127.0.0.1 -n 1 -r 127.0.0.1:6379/1");
    assert_eq!(read.redis.main.unwrap().password.as_deref(), Some("secret"));
}

#[test]
fn what_has_no_effect_is_said() {
    let texts = |args: &str| settings(args).messages;
    assert_eq!(
        texts("--io-uring"),
        [(
            Level::Warning,
            "Option --io-uring is accepted but has no effect: media sockets are polled with epoll".to_owned()
        )]
    );
    assert_eq!(texts("-t -1 --io-uring-buffers=16384"), []);
    let not_yet = table::table().iter().find(|option| option.effect == Effect::NotYet);
    if let Some(option) = not_yet.filter(|option| option.scope == Scope::Both) {
        let line = format!("--{}=1", option.long);
        let expected = format!("Option --{} is accepted but not yet effective", option.long);
        assert!(texts(&line).contains(&(Level::Warning, expected)), "{line}");
    }
    assert_eq!(
        texts("--scheduling=foo"),
        [(Level::Error, "Specified scheduler policy 'foo' not found".to_owned())]
    );
    assert_eq!(
        texts("--silence-detect=100")
            .iter()
            .filter(|(_, text)| text.contains("silence-detect (100)"))
            .count(),
        1
    );
}

#[test]
fn names_and_letters_are_unique_and_every_option_is_read() {
    let table = table::table();
    let mut seen = std::collections::HashSet::new();
    for option in table {
        for name in std::iter::once(&option.long).chain(option.aliases) {
            assert!(seen.insert((*name).to_owned()), "--{name} twice");
        }
        if let Some(letter) = option.short {
            assert!(seen.insert(format!("-{letter}")), "-{letter} twice");
        }
        assert!(!option.help.is_empty() && !option.section.is_empty(), "{}", option.long);
    }
    let mut values = Values::new(table);
    let line = "rtpengine -i 127.0.0.1 -n 1".split(' ').map(OsString::from);
    let rtpengine_common::options::CommandLine::Options(given) =
        rtpengine_common::options::command::parse("rtpengine", "", table, line).unwrap()
    else {
        panic!()
    };
    values.read_command_line(given);
    let inputs = Inputs {
        values: &values,
        file: None,
        resolve: &|_| vec![],
        variable: &|_| None,
        processors: Some(1),
    };
    Settings::read(&inputs, false).unwrap();
    let ignored = values.never_asked().into_iter().filter(|name| {
        let option = table.iter().find(|option| option.long == *name).unwrap();
        option.scope == Scope::Both && !matches!(option.effect, Effect::Without(_))
    });
    assert_eq!(ignored.collect::<Vec<_>>(), Vec::<&str>::new());
}

proptest::proptest! {
    #[test]
    fn any_command_line_is_settings_or_an_error(args in proptest::collection::vec("(--?[a-z-]{1,14}=?)?\\PC{0,8}", 0..6)) {
        let args = std::iter::once("rtpengine".to_owned()).chain(args).map(OsString::from);
        let _ = startup(args, &Fake::default());
    }

    #[test]
    fn any_value_of_any_option_is_settings_or_an_error(at in 0usize..400, value in "\\PC{0,12}|-?[0-9]{1,12}") {
        let table = table::table();
        let option = &table[at % table.len()];
        let args = ["rtpengine".to_owned(), "-i127.0.0.1".to_owned(), "-n1".to_owned(), format!("--{}={value}", option.long)];
        let _ = startup(args.into_iter().map(OsString::from), &Fake::default());
    }
}

/// players.md §9, §8.1, §4.2: the options of players, their defaults and errors.
#[test]
fn players_9_options_of_players() {
    let read = settings("");
    let players = &read.players;
    let hold = &players.hold;
    assert_eq!((hold.max_duration, hold.max_repeats), (Some(Duration::from_secs(1800)), 999));
    assert_eq!((hold.attribute.as_deref(), hold.prevent_double, players.cache), (None, false, false));
    assert_eq!(players.threads, read.threads.media, "media-num-threads follows num-threads");
    assert_eq!((read.kernel.players, read.kernel.player_media), (0, 128));
    let times = (read.media.audio_buffer.as_millis(), read.media.audio_delay.as_millis());
    assert_eq!((times, read.media.rtcp_interval.as_millis()), ((500, 5), 5000));
    for stores in [&players.files, &players.database_media, &players.database_cache] {
        assert!(!stores.on_demand && stores.preload.is_empty());
        assert_eq!((stores.reload, stores.expire), (None, None));
    }
    let read = settings(
        "--moh-max-duration=0 --moh-attr-name=held --preload-media-files=on-demand --preload-db-media=ondemand \
         --preload-db-cache=4 --preload-db-cache=5 --media-files-reload=7 --db-cache-reload=9 --db-media-expire=8 --media-num-threads=3",
    );
    let players = &read.players;
    assert_eq!((players.hold.max_duration, players.hold.attribute.as_deref()), (None, Some("held")));
    assert!(players.files.on_demand && players.database_media.on_demand);
    assert_eq!(players.database_cache.preload, ["4", "5"]);
    let reload = [players.files.reload, players.database_cache.reload];
    assert_eq!(reload, [7, 9].map(|seconds| Some(Duration::from_secs(seconds))));
    assert_eq!((players.database_media.expire, players.threads), (Some(Duration::from_secs(8)), 3));
    for (args, text) in [
        ("--media-files-expire=-1", "Invalid negative media-files-expire"),
        ("--db-media-expire=-1", "Invalid negative db-media-expire"),
        ("--db-cache-expire=-1", "Invalid negative db-cache-expire"),
        ("--audio-player=x", "Invalid --audio-player option ('x')"),
        ("--jitter-buffer=-1", "Invalid negative jitter buffer size"),
    ] {
        assert_eq!(error(args), text, "{args}");
    }
    use words::AudioPlayer as A;
    for (expected, spellings) in [
        (A::OnDemand, &["on-demand", "On-Demand", "off", "no", "never", "NEVER"][..]),
        (A::PlayMedia, &["play-media", "media-player", "Play-Media"]),
        (A::Transcoding, &["transcoding", "transcode", "Transcode"]),
        (A::Always, &["always", "everything", "force", "forced", "ALWAYS"]),
    ] {
        for word in spellings {
            assert_eq!(settings(&format!("--audio-player={word}")).media.audio_player, expected, "{word}");
        }
    }
    for (text, expected) in [
        ("[rtpengine]\naudio-player=play media", A::PlayMedia),
        ("[rtpengine]\naudio-player=media player", A::PlayMedia),
        ("[rtpengine]\naudio-player=on demand", A::OnDemand),
    ] {
        let fake = Fake { files: [("f", text)].into(), ..Fake::default() };
        let read = settings_with(&fake, "-i 127.0.0.1 -n 2223 --config-file=f");
        assert_eq!(read.media.audio_player, expected, "{text}");
    }
}

/// players.md §4.1 rule 5: the kernel plays nothing in this build, and that is said.
#[test]
fn players_4_1_5_the_kernel_player_is_said_to_be_off() {
    let texts = settings("--kernel-player=10").messages;
    let text = "Option --kernel-player is accepted but not yet effective".to_owned();
    assert!(texts.contains(&(Level::Warning, text)), "{texts:?}");
}
