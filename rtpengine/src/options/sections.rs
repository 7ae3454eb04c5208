//! Signalling templates and transcoding preferences from the configuration file (spec/operations.md §4.5, §4.6).

use std::net::SocketAddr;

use rtpengine_common::config::{Group, KeyFile};
use rtpengine_common::options::OptionError;

use super::endpoint::{self, Resolve};

/// Signalling templates: name → flag string in the syntax of the ng `rtpp-flags`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Templates(Vec<(String, String)>);

impl Templates {
    /// Reads every key of section `name`.
    pub fn read(file: Option<&KeyFile>, name: &str) -> Result<Self, OptionError> {
        let failed = |reason: String| {
            OptionError::invalid(format!(
                "Failed to load keys from given config file section '{name}': {reason}"
            ))
        };
        let group = file.and_then(|file| file.group(name));
        let group = group.ok_or_else(|| failed(format!("Key file does not have group “{name}”")))?;
        let entries = group.entries().map(|(key, entry)| {
            entry.string().map(|text| (key.to_owned(), text)).map_err(|error| failed(error.to_string()))
        });
        entries.collect::<Result<_, _>>().map(Templates)
    }

    /// The flag string of a template, its name compared without regard to case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, flags)| flags.as_str())
    }

    /// Name and flag string of every template.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, flags)| (name.as_str(), flags.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A section of `transcode-config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscodeRule {
    /// Section name without the prefix.
    pub ident: String,
    /// Codec that is converted.
    pub source: CodecName,
    /// Codec it becomes.
    pub destination: CodecName,
    /// Higher wins; 0 unless given.
    pub preference: i32,
    /// Let another relay do it.
    pub transform: Option<Transform>,
    /// Use the codec-chain library.
    pub codec_chain: bool,
}

/// `name[/rate[/channels]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecName {
    /// Encoding name.
    pub name: String,
    /// RTP clock rate in Hz.
    pub clock_rate: Option<u32>,
    /// Channels.
    pub channels: Option<u8>,
}

/// A remote relay that transcodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transform {
    /// Its ng port.
    pub endpoint: SocketAddr,
    /// Interface of ours towards it.
    pub local_interface: Option<String>,
    /// Interface of the other relay towards us.
    pub remote_interface: Option<String>,
    /// Address family between the two.
    pub address_family: Option<String>,
}

impl CodecName {
    /// Parses the text of `source` and `destination`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('/');
        let name = parts.next().filter(|name| !name.is_empty() && !name.contains(char::is_whitespace))?;
        let clock_rate = parts
            .next()
            .map(|part| part.parse().ok().filter(|rate| *rate > 0))
            .map_or(Some(None), |rate| rate.map(Some))?;
        let channels = parts
            .next()
            .map(|part| part.parse().ok().filter(|count| *count > 0))
            .map_or(Some(None), |count| count.map(Some))?;
        parts.next().is_none().then(|| CodecName { name: name.to_owned(), clock_rate, channels })
    }
}

/// Reads every section `<prefix>-<ident>` in file order.
pub fn transcode_rules(
    file: &KeyFile,
    prefix: &str,
    resolve: Resolve,
) -> Result<Vec<TranscodeRule>, OptionError> {
    file.groups_with_prefix(prefix).map(|(ident, group)| transcode_rule(ident, group, resolve)).collect()
}

fn transcode_rule(ident: &str, group: &Group, resolve: Resolve) -> Result<TranscodeRule, OptionError> {
    let text = |key: &str| {
        group.get(key).map(|entry| entry.raw().trim_end().to_owned()).filter(|text| !text.is_empty())
    };
    let codec = |key: &str| {
        let value = text(key)
            .ok_or_else(|| OptionError::invalid(format!("Transcode config '{ident}' has no '{key}' set")))?;
        CodecName::parse(&value).ok_or_else(|| {
            OptionError::invalid(format!(
                "Failed to parse {key} codec '{value}' in transcode config '{ident}'"
            ))
        })
    };
    let (source, destination) = (codec("source")?, codec("destination")?);
    let preference = match group.get("preference") {
        Some(entry) => entry.integer().ok().and_then(|value| i32::try_from(value).ok()).ok_or_else(|| {
            OptionError::invalid(format!(
                "Invalid 'preference' in transcode config '{ident}': '{}'; give an integer",
                entry.raw()
            ))
        })?,
        None => 0,
    };
    let transform = match text("transform") {
        Some(value) => Some(Transform {
            endpoint: endpoint::target(&value, resolve).ok_or_else(|| {
                OptionError::invalid(format!(
                    "Failed to parse transform endpoint '{value}' in transcode config '{ident}'"
                ))
            })?,
            local_interface: text("local-interface"),
            remote_interface: text("remote-interface"),
            address_family: text("address-family"),
        }),
        None => None,
    };
    let codec_chain = group.get("codec-chain").is_some();
    if preference == 0 && transform.is_none() && !codec_chain {
        return Err(OptionError::invalid(format!("Transcode config '{ident}' has no verdict")));
    }
    Ok(TranscodeRule { ident: ident.to_owned(), source, destination, preference, transform, codec_chain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let file = KeyFile::parse("[t]\nWebRTC = transport-protocol=UDP/TLS/RTP/SAVPF ICE=force\n").unwrap();
        let templates = Templates::read(Some(&file), "t").unwrap();
        assert_eq!(templates.get("webrtc"), Some("transport-protocol=UDP/TLS/RTP/SAVPF ICE=force"));
        assert_eq!(templates.get("x"), None);
        let error = Templates::read(Some(&file), "u").unwrap_err().to_string();
        assert!(error.starts_with("Failed to load keys from given config file section 'u': "), "{error}");
    }

    fn rules(text: &str) -> Result<Vec<TranscodeRule>, String> {
        let file = KeyFile::parse(text).unwrap();
        transcode_rules(&file, "transcode", &|_| vec![]).map_err(|error| error.to_string())
    }

    #[test]
    fn transcode_sections() {
        let list =
            rules("[transcode-a]\nsource=PCMA\ndestination=opus/48000/2\ntransform=10.0.0.1:2223\n").unwrap();
        assert_eq!(
            list[0].destination,
            CodecName { name: "opus".into(), clock_rate: Some(48000), channels: Some(2) }
        );
        assert_eq!(list[0].transform.as_ref().unwrap().endpoint, "10.0.0.1:2223".parse().unwrap());
        for (text, error) in [
            ("", "Transcode config 'x' has no 'source' set"),
            ("source=PCMA", "Transcode config 'x' has no 'destination' set"),
            ("source=a/b\ndestination=c", "Failed to parse source codec 'a/b' in transcode config 'x'"),
            ("source=a\ndestination=c//", "Failed to parse destination codec 'c//' in transcode config 'x'"),
            ("source=a\ndestination=c", "Transcode config 'x' has no verdict"),
            ("source=a\ndestination=c\npreference=0", "Transcode config 'x' has no verdict"),
            (
                "source=a\ndestination=c\ntransform=foo",
                "Failed to parse transform endpoint 'foo' in transcode config 'x'",
            ),
        ] {
            assert_eq!(rules(&format!("[transcode-x]\n{text}")).unwrap_err(), error);
        }
    }
}
