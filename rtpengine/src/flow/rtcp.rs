//! RTCP on the packet path: what a compound packet contains (media-plane.md §13.1).

use rtpengine_common::rtcp::{Compound, Element, PacketType, RtcpError};

use super::events::Notice;

/// What is in a compound packet besides what is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// An APP element: such a packet counts as traffic for learning.
    pub(super) has_app: bool,
}

/// Checks a compound packet and says what is odd about it. An error means that it is to be dropped.
pub(super) fn survey(bytes: &[u8], say: &mut dyn FnMut(Notice)) -> Result<Survey, RtcpError> {
    let compound = Compound::parse(bytes).inspect_err(|error| say(Notice::InvalidRtcp { error: *error }))?;
    let mut survey = Survey::default();
    for packet in compound.packets() {
        if PacketType::from_number(packet.packet_type()).is_none() {
            say(Notice::UnknownRtcp { packet_type: packet.packet_type() });
        }
        match packet.element() {
            Element::App(_) => survey.has_app = true,
            Element::ExtendedReport(report) => {
                for error in report.blocks().filter_map(Result::err) {
                    say(Notice::ShortXrBlock { error });
                }
            }
            _ => {}
        }
    }
    Ok(survey)
}
