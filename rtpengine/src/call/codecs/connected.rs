//! What the packet path can do with codecs.

use rtpengine_common::codec::table::CodecDef;
use rtpengine_common::codec::{EngineSupport, Linked, Support};

/// The codecs that the packet path works on. Engines are linked as the build says, but flows only forward: no audio codec is offered for
/// transcoding, so that no SDP promises what no packet gets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connected;

impl EngineSupport for Connected {
    fn support(&self, def: &CodecDef) -> Support {
        if def.supplemental.is_some() { Linked.support(def) } else { Support::NONE }
    }
}
