//! Handler selection: what happens to each payload type of a source on its way to a sink (`codecs.md` §10).

use std::sync::Arc;

use rtpengine_common::codec::stream::Route;
use rtpengine_common::codec::{Codec, Match, Supplemental, compare};

use smallvec::SmallVec;

use super::list::{CodecList, Entry};
use super::message::{Environment, MediaCodecs};
use super::preferences::{TranscodeConfig, TranscodeRule};

/// What is done to a party's DTMF (`codecs.md` §18.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DtmfBlock {
    /// Nothing.
    #[default]
    Off,
    /// Event packets are dropped.
    Drop,
    /// Digital silence instead.
    Silence,
    /// A single tone instead.
    Tone,
    /// Tones of random digits instead.
    Random,
    /// Digit 0 instead.
    Zero,
    /// A given digit instead.
    Digit,
}

impl DtmfBlock {
    /// Works on audio: the sink's telephone-event counts as absent.
    #[must_use]
    pub fn is_pcm(self) -> bool {
        matches!(self, Self::Silence | Self::Tone | Self::Random)
    }

    /// Replaces something, so that the audio has to be decoded.
    #[must_use]
    pub fn is_replacing(self) -> bool {
        self.is_pcm() || matches!(self, Self::Zero | Self::Digit)
    }
}

/// What was asked for the party that sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourcePolicy {
    /// Block mode in force, the call's before the party's.
    pub dtmf_block: DtmfBlock,
    /// `DTMF-delay` is set.
    pub dtmf_delay: bool,
    /// Flag `detect DTMF`.
    pub detect_dtmf: bool,
    /// DTMF or recording triggers are set.
    pub triggers: bool,
}

/// What was asked for the party that receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkPolicy {
    /// The party receives injected digits (flag `inject DTMF` of its own message).
    pub inject_dtmf: bool,
    /// The audio player mixes what this party hears.
    pub audio_player: bool,
    /// The media is echoed back to its sender.
    pub echo: bool,
}

/// Everything besides the two lists that decides about handlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandlerPolicy {
    /// Flag `allow asymmetric codecs`.
    pub asymmetric: bool,
    /// Flag `force transcoding`.
    pub force_transcoding: bool,
    /// The rule of refused supplementals applies (§10.2): answerer → offerer in an answer, and every recomputation outside of
    /// signalling. Not in an offer and not offerer → answerer. [`super::answer()`] sets it by itself where it has to.
    pub refused_supplementals: bool,
    /// The sending side.
    pub source: SourcePolicy,
    /// The receiving side.
    pub sink: SinkPolicy,
}

/// One transcoding handler, complete as to what decoder and encoder need.
///
/// Two keys are equal if the running handler may go on untouched (§6): the same source and destination codec (same number,
/// *exact* by §4.2), the same telephone-event and CN numbers, the same tone detection, player and remote transcoder. Packet times,
/// bit rates and coder options are not compared: see [`HandlerKey::same_settings`].
#[derive(Clone, Debug)]
pub struct HandlerKey {
    /// Payload number at the source.
    pub input_payload_type: u8,
    /// Codec at the source; a supplemental for telephone-event and CN.
    pub input: Arc<Codec>,
    /// Packet time of the source in ms.
    pub input_ptime: u32,
    /// Payload number towards the sink. Handlers of one source → sink pair with the same number share one encoder (§10.5).
    pub output_payload_type: u8,
    /// Codec towards the sink, with the sink's own format parameters.
    pub output: Arc<Codec>,
    /// Packet time towards the sink in ms.
    pub output_ptime: u32,
    /// The sink's telephone-event number for the output clock; `None` turns events into tones.
    pub dtmf: Option<u8>,
    /// The sink's CN number for the output clock.
    pub cn: Option<u8>,
    /// Look for tones in the audio (§10.4).
    pub detect_tones: bool,
    /// Audio goes through the player's mixer.
    pub audio_player: bool,
    /// A remote endpoint transcodes this pair (§11.2).
    pub transform: Option<Arc<TranscodeRule>>,
}

impl HandlerKey {
    /// Besides being equal, packet times, bit rates and coder options are the same too. If not, a running handler that is
    /// otherwise equal is left as it is (§6); this tells whoever wants to adjust it in place.
    #[must_use]
    pub fn same_settings(&self, other: &Self) -> bool {
        let settings = |key: &Self| (key.input_ptime, key.output_ptime, key.output.bitrate);
        settings(self) == settings(other) && self.output.options == other.output.options
    }

    /// The name of the chain in statistics: `SRC/clock -> DST/clock`, with channels above one (§21(1)).
    #[must_use]
    pub fn chain_name(&self) -> String {
        let name = |codec: &Codec| match codec.channels {
            0 | 1 => format!("{}/{}", codec.name, codec.clock),
            channels => format!("{}/{}/{channels}", codec.name, codec.clock),
        };
        let remote = if self.transform.is_some() { " (TFM)" } else { "" };
        format!("{} -> {}{remote}", name(&self.input), name(&self.output))
    }
}

impl PartialEq for HandlerKey {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |k: &Self| {
            (k.input_payload_type, k.output_payload_type, k.dtmf, k.cn, k.detect_tones, k.audio_player)
        };
        numbers(self) == numbers(other)
            && compare(&self.input, &other.input) == Match::Exact
            && compare(&self.output, &other.output) == Match::Exact
            && self.transform == other.transform
    }
}

/// What happens to packets with a payload number.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Forwarded as they are; sequence numbers follow the transcoded ones if [`HandlerTable::track`] is set.
    Forward,
    /// Through decoder and encoder, or the event converter.
    Process(Arc<HandlerKey>),
}

/// One payload number of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// The source's number.
    pub payload_type: u8,
    /// The number of the sink's codec that it leads to, `None` if the source codec is passed through for lack of one.
    pub destination: Option<u8>,
    /// The sink's telephone-event number that goes with the destination.
    pub dtmf: Option<u8>,
    /// The sink's CN number that goes with the destination.
    pub cn: Option<u8>,
    /// What is done.
    pub action: Action,
}

impl Handler {
    /// Passed through for lack of a destination.
    fn forward(entry: &Entry) -> Self {
        Self {
            payload_type: entry.payload_type,
            destination: None,
            dtmf: None,
            cn: None,
            action: Action::Forward,
        }
    }

    fn route(&self, source: &MediaCodecs) -> Option<Route> {
        if let Action::Process(key) = &self.action {
            return Some(Route {
                input_payload_type: key.input_payload_type,
                input: Arc::clone(&key.input),
                input_ptime: key.input_ptime,
                output_payload_type: key.output_payload_type,
                output: Arc::clone(&key.output),
                output_ptime: key.output_ptime,
                dtmf: key.dtmf,
                cn: key.cn,
                detect_tones: key.detect_tones,
            });
        }
        let entry = source.list.get(self.payload_type).filter(|entry| entry.codec.supplemental.is_some())?;
        let ptime = source.packet_time_of(entry);
        Some(Route {
            input_payload_type: self.payload_type,
            input: Arc::clone(&entry.codec),
            input_ptime: ptime,
            output_payload_type: self.destination?,
            output: Arc::clone(&entry.codec),
            output_ptime: ptime,
            dtmf: self.dtmf,
            cn: self.cn,
            detect_tones: false,
        })
    }
}

/// The handlers of one source → sink pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandlerTable {
    /// One row per payload number of the source list, in its order. Other numbers are forwarded (§10.7).
    pub rows: Vec<Handler>,
    /// Forwarded packets keep count of sequence numbers, and RTCP is translated (§10.6).
    pub track: bool,
}

impl HandlerTable {
    /// The row of a payload number.
    #[must_use]
    pub fn get(&self, payload_type: u8) -> Option<&Handler> {
        self.rows.iter().find(|row| row.payload_type == payload_type)
    }

    /// The routes for [`rtpengine_common::codec::stream::RtpTranscoder`]: one for each handler that processes, and where anything is
    /// transcoded also for telephone-event and CN that only keep their number, because their positions follow the audio's. Empty if
    /// nothing is transcoded.
    #[must_use]
    pub fn routes(&self, source: &MediaCodecs) -> Vec<Route> {
        if !self.transcodes() {
            return Vec::new();
        }
        self.rows.iter().filter_map(|row| row.route(source)).collect()
    }

    /// Does any handler transcode?
    #[must_use]
    pub fn transcodes(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.action, Action::Process(_)))
    }
}

/// Computes the handlers for every payload number of `source` towards `sink`.
#[must_use]
pub fn handlers(
    source: &MediaCodecs,
    sink: &MediaCodecs,
    policy: &HandlerPolicy,
    environment: &Environment<'_>,
) -> HandlerTable {
    let entries = source.list.entries().iter();
    let rows: Vec<_> = if source.audio {
        let selection = Selection::new(source, sink, policy, environment.transcode_config);
        entries.map(|entry| selection.handler(entry)).collect()
    } else {
        entries.map(Handler::forward).collect()
    };
    let mut table = HandlerTable { rows, track: false };
    table.track = table.transcodes() || policy.sink.inject_dtmf || policy.sink.echo;
    table
}

/// One computation of an audio media's handlers, with what does not depend on the source codec.
struct Selection<'a> {
    source: &'a MediaCodecs,
    sink: &'a MediaCodecs,
    policy: &'a HandlerPolicy,
    config: &'a TranscodeConfig,
    /// The preferred destination without configured preferences.
    preferred: Option<&'a Entry>,
    source_supplementals: Supplementals<'a>,
    sink_supplementals: Supplementals<'a>,
}

/// The supplemental entries of a list: few, asked for with every codec.
type Supplementals<'a> = SmallVec<[&'a Entry; 8]>;

fn supplementals(list: &CodecList) -> Supplementals<'_> {
    list.entries().iter().filter(|entry| !entry.codec.is_audio()).collect()
}

fn find<'a>(entries: &Supplementals<'a>, kind: Supplemental, clock: u32) -> Option<&'a Entry> {
    entries.iter().find(|e| e.codec.supplemental == Some(kind) && e.codec.clock == clock).copied()
}

impl<'a> Selection<'a> {
    fn new(
        source: &'a MediaCodecs,
        sink: &'a MediaCodecs,
        policy: &'a HandlerPolicy,
        config: &'a TranscodeConfig,
    ) -> Self {
        let destinations = || destinations(&sink.list);
        let preferred = destinations().find(|entry| entry.marks.accepted).or_else(|| destinations().next());
        let (source_supplementals, sink_supplementals) =
            (supplementals(&source.list), supplementals(&sink.list));
        Self { source, sink, policy, config, preferred, source_supplementals, sink_supplementals }
    }

    fn handler(&self, entry: &'a Entry) -> Handler {
        let forward = Handler::forward(entry);
        let Some(destination) = self.destination(entry) else { return forward };
        let dtmf = self.sink_supplemental(Supplemental::TelephoneEvent, entry, destination);
        let cn = self.sink_supplemental(Supplemental::ComfortNoise, entry, destination);
        let detect_tones = self.detects_tones(entry, dtmf);
        let number = |entry: Option<&Entry>| entry.map(|entry| entry.payload_type);
        let handler = Handler {
            destination: Some(destination.payload_type),
            dtmf: number(dtmf),
            cn: number(cn),
            ..forward
        };
        if !self.transcodes(entry, destination, dtmf, cn, detect_tones) {
            return handler;
        }
        let key = HandlerKey {
            input_payload_type: entry.payload_type,
            input: Arc::clone(&entry.codec),
            input_ptime: self.source.packet_time_of(entry),
            output_payload_type: destination.payload_type,
            output: Arc::clone(&destination.codec),
            output_ptime: self.sink.packet_time_of(destination),
            dtmf: handler.dtmf,
            cn: handler.cn,
            detect_tones,
            audio_player: self.policy.sink.audio_player,
            transform: self.config.transform(&entry.codec, &destination.codec),
        };
        Handler { action: Action::Process(Arc::new(key)), ..handler }
    }

    /// §10.1: the sink codec this source codec leads to.
    fn destination(&self, entry: &'a Entry) -> Option<&'a Entry> {
        if !entry.codec.support.decode {
            return None;
        }
        let preferred = self.preferred(entry);
        let Some(same) = self.same(entry) else { return preferred };
        if same.codec.is_audio() {
            preferred.filter(|preferred| preferred.marks.for_transcoding).or(Some(same))
        } else {
            Some(same)
        }
    }

    /// §10.1(2): the sink's codec that is the source's.
    fn same(&self, entry: &'a Entry) -> Option<&'a Entry> {
        if self.is_blocked_event(&entry.codec) {
            return None;
        }
        let list = &self.sink.list;
        let by_number = list.get(entry.payload_type);
        let same = by_number.filter(|sink| compare(&entry.codec, &sink.codec) != Match::Different);
        if same.is_some() {
            return same;
        }
        if self.policy.asymmetric && !entry.marks.for_transcoding && entry.codec.is_audio() {
            return Some(entry);
        }
        list.entries().iter().find(|sink| {
            sink.codec.has_name(&entry.codec.name) && compare(&sink.codec, &entry.codec) != Match::Different
        })
    }

    /// §10.1(3) and §11.1: the sink codec to encode into if there is none in common.
    fn preferred(&self, entry: &Entry) -> Option<&'a Entry> {
        if !self.config.has_preferences() {
            return self.preferred;
        }
        let value = |sink: &Entry| self.config.preference(&entry.codec, &sink.codec);
        destinations(&self.sink.list).reduce(|best, next| if value(next) > value(best) { next } else { best })
    }

    /// Under a block mode that works on audio the sink's telephone-event counts as absent (§18.7(1)).
    fn is_blocked_event(&self, codec: &Codec) -> bool {
        self.policy.source.dtmf_block.is_pcm() && codec.supplemental == Some(Supplemental::TelephoneEvent)
    }

    /// The source's own supplemental for the clock of a source codec.
    fn source_supplemental(&self, kind: Supplemental, entry: &Entry) -> Option<&'a Entry> {
        find(&self.source_supplementals, kind, entry.codec.clock)
    }

    /// The sink's supplemental for the destination's clock, unless it counts as absent.
    fn sink_supplemental(&self, kind: Supplemental, entry: &Entry, destination: &Entry) -> Option<&'a Entry> {
        let sink = find(&self.sink_supplementals, kind, destination.codec.clock)?;
        let refused = self.policy.refused_supplementals
            && !sink.marks.for_transcoding
            && self.source_supplemental(kind, entry).is_none();
        (!refused && !self.is_blocked_event(&sink.codec)).then_some(sink)
    }

    /// §10.4.
    fn detects_tones(&self, entry: &Entry, dtmf: Option<&Entry>) -> bool {
        if !entry.codec.is_audio() {
            return false;
        }
        let source = &self.policy.source;
        let no_events = self.source_supplemental(Supplemental::TelephoneEvent, entry).is_none();
        let added = dtmf.is_some_and(|sink| sink.marks.for_transcoding);
        let acted_on = source.dtmf_block != DtmfBlock::Off || source.triggers || source.dtmf_delay;
        source.detect_dtmf || (no_events && (added || acted_on))
    }

    /// §10.2.
    fn transcodes(
        &self,
        entry: &Entry,
        destination: &Entry,
        dtmf: Option<&Entry>,
        cn: Option<&Entry>,
        detect_tones: bool,
    ) -> bool {
        let (from, to) = (&entry.codec, &destination.codec);
        // Nothing can be encoded into a codec without an encoder; events only change their numbers.
        if to.is_audio() && !to.is_supported() {
            return false;
        }
        let other_number = entry.payload_type != destination.payload_type && !self.policy.asymmetric;
        let other_codec = (from.clock, from.channels) != (to.clock, to.channels) || !from.has_name(&to.name);
        let inject = self.policy.sink.inject_dtmf && dtmf.is_none();
        if other_number || other_codec || inject {
            return true;
        }
        from.is_audio()
            && (self.repacketises(entry, destination)
                || self.is_forced()
                || detect_tones
                || self.lacks_added(Supplemental::TelephoneEvent, entry, dtmf)
                || self.lacks_added(Supplemental::ComfortNoise, entry, cn)
                || cn.is_some_and(|cn| cn.marks.for_transcoding)
                    && self.source_supplemental(Supplemental::ComfortNoise, entry).is_none())
    }

    /// Packet times differ, and one of the medias was told its packet time.
    fn repacketises(&self, entry: &Entry, destination: &Entry) -> bool {
        let overridden = self.source.packet_time.overridden || self.sink.packet_time.overridden;
        overridden && self.source.packet_time_of(entry) != self.sink.packet_time_of(destination)
    }

    fn is_forced(&self) -> bool {
        let policy = self.policy;
        policy.force_transcoding
            || policy.source.dtmf_block.is_replacing()
            || policy.source.dtmf_delay
            || policy.sink.audio_player
    }

    /// The source's telephone-event or CN was put in by the daemon, and the sink has none.
    fn lacks_added(&self, kind: Supplemental, entry: &Entry, sink: Option<&Entry>) -> bool {
        sink.is_none() && self.source_supplemental(kind, entry).is_some_and(|e| e.marks.for_transcoding)
    }
}

/// The sink codecs that audio can be encoded into.
fn destinations(list: &CodecList) -> impl Iterator<Item = &Entry> {
    list.entries().iter().filter(|entry| entry.codec.is_audio() && entry.codec.is_supported())
}
