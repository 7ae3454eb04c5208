//! Transcode preferences and remote transcoders from the configuration (`codecs.md` §11).

use std::net::SocketAddr;
use std::sync::Arc;

use rtpengine_common::codec::{Codec, CodecString};

/// A codec of a rule: name, clock and channels are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RuleCodec {
    name: Box<str>,
    clock: u32,
    channels: u32,
}

impl RuleCodec {
    fn parse(text: &str) -> Option<Self> {
        let string = CodecString::parse(text.trim());
        let (clock, channels) = string.clock_and_channels();
        let complete = !string.name.is_empty() && clock != 0 && channels != 0;
        complete.then(|| Self { name: string.name.into(), clock, channels })
    }

    fn is(&self, codec: &Codec) -> bool {
        (self.clock, self.channels) == (codec.clock, codec.channels) && codec.has_name(&self.name)
    }

    fn same(&self, other: &Self) -> bool {
        (self.clock, self.channels) == (other.clock, other.channels)
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

/// One section of the configuration that speaks of a pair of codecs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscodeRule {
    source: RuleCodec,
    destination: RuleCodec,
    /// Greater wins; `None` where the key is absent.
    pub preference: Option<i64>,
    /// The ng endpoint that transcodes this pair.
    pub transform: Option<SocketAddr>,
    /// Logical interface to send to it from.
    pub local_interface: Option<Box<str>>,
    /// Interface named to it.
    pub remote_interface: Option<Box<str>>,
    /// The chain library is asked for; without effect where it is not built in, and where `transform` is set.
    pub codec_chain: bool,
}

/// Why a transcode configuration is refused; ends start-up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the texts say it
pub enum TranscodeConfigError {
    #[error("Transcode config '{0}' has no 'source' set")]
    NoSource(Box<str>),
    #[error("Transcode config '{0}' has no 'destination' set")]
    NoDestination(Box<str>),
    #[error("Transcode config '{0}' has no verdict")]
    NoVerdict(Box<str>),
    #[error("Duplicate entry in transcode config '{0}'")]
    Duplicate(Box<str>),
    #[error("Failed to parse source codec '{codec}' in transcode config '{section}'")]
    BadSource { section: Box<str>, codec: Box<str> },
    #[error("Failed to parse destination codec '{codec}' in transcode config '{section}'")]
    BadDestination { section: Box<str>, codec: Box<str> },
    #[error("Failed to parse transform endpoint '{address}' in transcode config '{section}'")]
    BadTransform { section: Box<str>, address: Box<str> },
}

/// All rules, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TranscodeConfig {
    rules: Vec<Arc<TranscodeRule>>,
    has_preferences: bool,
}

impl TranscodeConfig {
    /// Adds the section `PREFIX-name`; `name` is what error texts print. `keys` are the section's keys and values in order, of
    /// which the last counts.
    ///
    /// # Errors
    /// The start-up errors of `codecs.md` §11.
    pub fn add_section<'a>(
        &mut self,
        name: &str,
        keys: &(impl Iterator<Item = (&'a str, &'a str)> + Clone),
    ) -> Result<(), TranscodeConfigError> {
        let get =
            |wanted: &str| keys.clone().filter(|(key, _)| *key == wanted).last().map(|(_, value)| value);
        let section = || Box::<str>::from(name);
        let source = get("source").ok_or_else(|| TranscodeConfigError::NoSource(section()))?;
        let destination = get("destination").ok_or_else(|| TranscodeConfigError::NoDestination(section()))?;
        let preference = get("preference").and_then(|text| text.trim().parse::<i64>().ok());
        let (transform, codec_chain) = (get("transform"), get("codec-chain").is_some());
        if transform.is_none() && !codec_chain && preference.unwrap_or(0) == 0 {
            return Err(TranscodeConfigError::NoVerdict(section()));
        }
        let rule = TranscodeRule {
            source: RuleCodec::parse(source).ok_or_else(|| TranscodeConfigError::BadSource {
                section: section(),
                codec: source.into(),
            })?,
            destination: RuleCodec::parse(destination).ok_or_else(|| {
                TranscodeConfigError::BadDestination { section: section(), codec: destination.into() }
            })?,
            preference,
            transform: transform.map(|text| parse_endpoint(text, name)).transpose()?,
            local_interface: get("local-interface").map(Into::into),
            remote_interface: get("remote-interface").map(Into::into),
            codec_chain,
        };
        let same = |old: &Arc<TranscodeRule>| {
            old.source.same(&rule.source) && old.destination.same(&rule.destination)
        };
        if self.rules.iter().any(same) {
            return Err(TranscodeConfigError::Duplicate(section()));
        }
        self.has_preferences |= preference.is_some();
        self.rules.push(Arc::new(rule));
        Ok(())
    }

    /// Is any preference configured?
    #[must_use]
    pub fn has_preferences(&self) -> bool {
        self.has_preferences
    }

    fn rule(&self, source: &Codec, destination: &Codec) -> Option<&Arc<TranscodeRule>> {
        self.rules.iter().find(|rule| rule.source.is(source) && rule.destination.is(destination))
    }

    /// The preference of a pair, 0 without a rule or key.
    #[must_use]
    pub fn preference(&self, source: &Codec, destination: &Codec) -> i64 {
        self.rule(source, destination).and_then(|rule| rule.preference).unwrap_or(0)
    }

    /// The rule that sends this pair to a remote transcoder.
    #[must_use]
    pub fn transform(&self, source: &Codec, destination: &Codec) -> Option<Arc<TranscodeRule>> {
        self.rule(source, destination).filter(|rule| rule.transform.is_some()).cloned()
    }
}

fn parse_endpoint(text: &str, section: &str) -> Result<SocketAddr, TranscodeConfigError> {
    let error = || TranscodeConfigError::BadTransform { section: section.into(), address: text.into() };
    let address: SocketAddr = text.trim().parse().map_err(|_| error())?;
    if address.port() == 0 { Err(error()) } else { Ok(address) }
}
