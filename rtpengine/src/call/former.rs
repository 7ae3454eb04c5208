//! Commands that open ports for one party leave the call as it was when they fail (ng-control.md §13).

use std::net::IpAddr;
use std::time::Instant;

use super::Call;
use super::ctx::Ctx;
use super::edge::Edge;
use super::ids::{MediaId, PartyId, SocketKey};
use super::media::Media;
use super::party::Party;
use super::port_maps::PortMap;
use super::signalling::CallFlags;

/// What a command about the party of one tag may change, as it was before.
pub(super) struct Former {
    /// The party, if it was there.
    party: Option<(PartyId, Party)>,
    /// Its medias, in its order.
    own: Vec<Media>,
    /// How many parties and medias the call had. Later ones are new.
    parties: usize,
    medias: usize,
    edges: Vec<Edge>,
    edges_made: u32,
    flags: CallFlags,
    xmlrpc_callback: Option<IpAddr>,
    deletion: Option<Instant>,
}

impl Call {
    /// The call as a command about the party with this tag finds it. To be taken before anything is changed.
    pub(super) fn former(&self, tag: &[u8]) -> Former {
        let call = &self.signalling;
        let party = call.by_tag(tag).map(|id| (id, call.party(id).clone()));
        let own = party.iter().flat_map(|(_, party)| &party.medias).map(|&id| call.media(id).clone());
        Former {
            own: own.collect(),
            parties: call.parties.len(),
            medias: call.medias.len(),
            edges: call.edges.clone(),
            edges_made: call.edges_made,
            flags: call.flags,
            xmlrpc_callback: call.xmlrpc_callback,
            deletion: call.deletion,
            party,
        }
    }

    /// Takes back what a command did that got no further than ports and negotiation: flows were not put in force, and nothing was
    /// changed about other parties. Ports that it closed stay closed.
    pub(super) fn restore(&mut self, former: Former, ctx: &mut Ctx<'_>) {
        let new = MediaId::at(former.medias);
        for at in former.medias..self.signalling.medias.len() {
            self.close_media(MediaId::at(at), ctx.ports);
        }
        self.signalling.medias.truncate(former.medias);
        self.plane.truncate(new);
        self.signalling.parties.truncate(former.parties);
        let call = &mut self.signalling;
        (call.edges, call.edges_made) = (former.edges, former.edges_made);
        (call.flags, call.xmlrpc_callback) = (former.flags, former.xmlrpc_callback);
        call.deletion = former.deletion;
        self.plane.set_drop_traffic(former.flags.contains(CallFlags::DROP_TRAFFIC));
        let Some((id, party)) = former.party else { return };
        for (&media, former) in party.medias.iter().zip(former.own) {
            self.restore_media(media, former, ctx);
        }
        *self.signalling.party_mut(id) = party;
    }

    fn restore_media(&mut self, id: MediaId, mut former: Media, ctx: &mut Ctx<'_>) {
        let keys = |media: &Media| -> Vec<SocketKey> {
            media.ports.all().iter().flat_map(PortMap::sockets).map(|socket| socket.key).collect()
        };
        let (before, open) = (keys(&former), keys(self.signalling.media(id)));
        for &socket in open.iter().filter(|socket| !before.contains(socket)) {
            self.plane.forget_socket(socket);
            ctx.ports.close(socket);
        }
        for set in former.ports.all_mut().iter_mut().flat_map(|map| &mut map.sets) {
            set.retain(|socket| open.contains(&socket.key));
        }
        *self.signalling.media_mut(id) = former;
        if self.shares_head(id) {
            self.share_sockets(id);
        } else if self.signalling.media(id).ports.current().is_some() {
            self.connect_sockets(id);
        } else {
            self.disable(id);
        }
    }
}
