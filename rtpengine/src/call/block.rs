//! Selecting a party, and blocking or silencing media and DTMF (ng-control.md §11.1, §11.7).

use rtpengine_common::ng::{All, Command, Reply, Request, Selector, present};

use super::Call;
use super::edge::EdgeFlags;
use super::error::Error;
use super::ids::PartyId;
use super::party::PartyFlags;
use super::signalling::CallFlags;

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selected {
    /// `all`, explicitly.
    All,
    /// No party is named.
    Call,
    /// This one.
    Party(PartyId),
}

impl Call {
    /// Stores a `set-label` beside the selector of a command that was carried out. In offers and their kin it is no selector, and the label
    /// of a subscription is the subscriber's.
    pub(super) fn label_selected(&mut self, request: &Request) {
        use Command as C;
        let selects = matches!(
            request.command,
            C::BlockMedia
                | C::UnblockMedia
                | C::SilenceMedia
                | C::UnsilenceMedia
                | C::BlockDtmf
                | C::UnblockDtmf
                | C::StartForwarding
                | C::StopForwarding
                | C::PlayMedia
                | C::StopMedia
                | C::PlayDtmf
                | C::Connect
        );
        let Some(label) = present(&request.set_label).filter(|_| selects) else { return };
        if let Ok(Selected::Party(party)) = self.selected(request) {
            self.signalling.set_label(party, label);
        }
    }

    /// The party a request selects.
    pub(super) fn selected(&self, request: &Request) -> Result<Selected, Error> {
        let call = &self.signalling;
        let party = match request.selector() {
            Selector::All => return Ok(Selected::All),
            Selector::None => return Ok(Selected::Call),
            Selector::Label(label) => call.by_label(label).ok_or(Error::UnknownLabel)?,
            Selector::Address(text) => {
                let address = rtpengine_common::sdp::parse_ip(text).ok_or(Error::BadAddress)?;
                self.by_address(address).ok_or(Error::UnknownAddress)?
            }
            Selector::FromTag(tag) => call.by_tag(tag).ok_or(Error::UnknownFromTag)?,
        };
        Ok(Selected::Party(party))
    }

    fn by_address(&self, address: std::net::IpAddr) -> Option<PartyId> {
        let advertises = |media: &super::ids::MediaId| {
            let stream = self.signalling.media(*media).rtp().and_then(|s| self.plane.stream(s));
            stream.and_then(crate::flow::Stream::advertised).is_some_and(|a| a.ip() == address)
        };
        self.signalling.party_ids().find(|(_, p)| p.medias.iter().any(advertises)).map(|(id, _)| id)
    }

    /// block and unblock DTMF.
    pub(super) fn block_dtmf(&mut self, request: &Request) -> Result<Reply, Error> {
        match self.selected(request)? {
            Selected::Party(party) => self.block_dtmf_of(party, request),
            whole => self.block_dtmf_of_all(request, whole == Selected::All),
        }
        self.renew_all_handlers();
        self.compile_all();
        self.plane.rebuild_masks();
        Ok(Reply::ok())
    }

    /// block, unblock, silence, unsilence media.
    pub(super) fn block(&mut self, request: &Request) -> Result<Reply, Error> {
        let (call_flag, party_flag, edge_flag, on) = match request.command {
            Command::BlockMedia => {
                (CallFlags::BLOCK_MEDIA, PartyFlags::BLOCK_MEDIA, EdgeFlags::BLOCKED, true)
            }
            Command::UnblockMedia => {
                (CallFlags::BLOCK_MEDIA, PartyFlags::BLOCK_MEDIA, EdgeFlags::BLOCKED, false)
            }
            Command::SilenceMedia => {
                (CallFlags::SILENCE_MEDIA, PartyFlags::SILENCE_MEDIA, EdgeFlags::SILENCED, true)
            }
            _ => (CallFlags::SILENCE_MEDIA, PartyFlags::SILENCE_MEDIA, EdgeFlags::SILENCED, false),
        };
        match self.selected(request)? {
            Selected::Party(party) => {
                if let Some(sink) = self.flow_target(request)? {
                    self.set_flows(party, |_, to| to == sink, edge_flag, on)
                        .ok_or(Error::FlowNotSubscribed)?;
                } else if let Some(wanted) = kind_of_flows(request.all) {
                    self.set_flows(party, |flags, _| wanted(flags), edge_flag, on).ok_or(Error::NoFlows)?;
                } else {
                    self.signalling.party_mut(party).flags.set(party_flag, on);
                }
            }
            whole => {
                self.signalling.flags.set(call_flag, on);
                if !on && whole == Selected::All {
                    for party in &mut self.signalling.parties {
                        party.flags.remove(party_flag);
                    }
                }
            }
        }
        self.compile_all();
        Ok(Reply::ok())
    }

    /// The party at the other end of the one flow that is meant.
    fn flow_target(&self, request: &Request) -> Result<Option<PartyId>, Error> {
        if let Some(tag) = request.to_tag() {
            return self.signalling.by_tag(tag).map(Some).ok_or(Error::FlowToTag);
        }
        if let Some(label) = present(&request.to_label) {
            return self.signalling.by_label(label).map(Some).ok_or(Error::FlowToLabel);
        }
        Ok(None)
    }

    /// Sets or clears a mark on the flows of `party` that `meant` picks; `None` if there are none.
    fn set_flows(
        &mut self,
        party: PartyId,
        meant: impl Fn(EdgeFlags, PartyId) -> bool,
        flag: EdgeFlags,
        on: bool,
    ) -> Option<()> {
        let call = &mut self.signalling;
        let mut found = None;
        for edge in &mut call.edges {
            let from = call.medias[edge.source.index()].party;
            let to = call.medias[edge.sink.index()].party;
            if from == party && meant(edge.flags, to) {
                edge.flags.set(flag, on);
                found = Some(());
            }
        }
        found
    }
}

fn kind_of_flows(all: All) -> Option<fn(EdgeFlags) -> bool> {
    match all {
        All::None | All::All => None,
        All::OfferAnswer => Some(|flags| flags.contains(EdgeFlags::OFFER_ANSWER)),
        All::NotOfferAnswer => Some(|flags| !flags.contains(EdgeFlags::OFFER_ANSWER)),
        All::Flows => Some(|_| true),
    }
}
