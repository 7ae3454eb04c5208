//! What calls are told of the operator's choices about codecs.

use crate::call::codecs::{TranscodeConfig, TranscodeConfigError};
use crate::call::handling::CodecSettings;
use crate::flow::Level;
use crate::options::Dtx;
use crate::options::Settings;
use crate::options::sections::{CodecName, TranscodeRule};
use crate::options::words::DtxMethod;
use crate::report::log;
use rtpengine_common::codec::stream::{GapFilling, SilenceDetection};
use std::sync::Arc;

/// The settings in the form calls use.
///
/// # Errors
/// Rules that name a codec without a known clock rate, or a pair twice.
pub(super) fn codec_settings(settings: &Settings) -> Result<CodecSettings, TranscodeConfigError> {
    let mut transcode_config = TranscodeConfig::default();
    for rule in &settings.transcode {
        if rule.transform.is_some() {
            let text = format!(
                "Transcode config '{}': no remote transcoder is asked yet, audio is transcoded here",
                rule.ident
            );
            log::core(Level::Warning, &text);
        }
        let keys = keys(rule);
        transcode_config.add_section(&rule.ident, &keys.iter().map(|(key, value)| (*key, value.as_str())))?;
    }
    let dtx = &settings.dtx;
    let silence = dtx.silence_percent.and_then(|percent| SilenceDetection::new(percent, &dtx.payload.0));
    let no_suppress = settings.report.dtmf.no_suppress;
    let chains = Arc::default();
    Ok(CodecSettings { transcode_config, silence, no_suppress, gaps: gap_filling(dtx), chains })
}

fn gap_filling(dtx: &Dtx) -> Option<GapFilling> {
    (!dtx.delay.is_zero()).then(|| GapFilling {
        delay: dtx.delay,
        max: dtx.max,
        buffer: usize::try_from(dtx.buffer).unwrap_or(0),
        lag: dtx.lag,
        shift: dtx.shift,
        noise: dtx.noise.as_ref().map(|noise| noise.0.as_slice().into()),
        amr_noise: dtx.amr == DtxMethod::Cn,
    })
}

fn keys(rule: &TranscodeRule) -> Vec<(&'static str, String)> {
    let mut keys = vec![("source", text(&rule.source)), ("destination", text(&rule.destination))];
    if rule.preference != 0 {
        keys.push(("preference", rule.preference.to_string()));
    }
    if let Some(transform) = &rule.transform {
        keys.push(("transform", transform.endpoint.to_string()));
        keys.extend(transform.local_interface.clone().map(|name| ("local-interface", name)));
        keys.extend(transform.remote_interface.clone().map(|name| ("remote-interface", name)));
    }
    if rule.codec_chain {
        keys.push(("codec-chain", "yes".into()));
    }
    keys
}

fn text(codec: &CodecName) -> String {
    match (codec.clock_rate, codec.channels) {
        (None, _) => codec.name.clone(),
        (Some(rate), None) => format!("{}/{rate}", codec.name),
        (Some(rate), Some(channels)) => format!("{}/{rate}/{channels}", codec.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtpengine_common::codec::{Codec, Linked};

    #[test]
    fn rules_survive_the_way_from_the_file() {
        let codec = |name: &str| CodecName { name: name.into(), clock_rate: None, channels: None };
        let opus = CodecName { name: "opus".into(), clock_rate: Some(48000), channels: Some(2) };
        let rule = TranscodeRule {
            ident: "a".into(),
            source: codec("PCMA"),
            destination: opus,
            preference: 7,
            transform: None,
            codec_chain: false,
        };
        let mut config = TranscodeConfig::default();
        let keys = keys(&rule);
        config
            .add_section("a", &keys.iter().map(|(key, value)| (*key, value.as_str())))
            .expect("a complete rule");
        let codec = |name, clock, channels| Codec::new(name, clock, channels, None, true, &Linked);
        assert_eq!(config.preference(&codec("PCMA", 8000, 1), &codec("opus", 48000, 2)), 7);
        assert_eq!(config.preference(&codec("PCMU", 8000, 1), &codec("opus", 48000, 2)), 0);
    }
}
