//! `connect` and `mesh`: links between parties that never exchanged SDP (ng-control.md §11.10).

use rtpengine_common::ng::{ByteString, Command, Flag, Reply, Request, present};

use super::Call;
use super::ctx::Ctx;
use super::edge::EdgeFlags;
use super::error::Error;
use super::ids::{MediaId, PartyId};

/// How [`Call::link_medias`] links.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Linking {
    /// The sources leave whom they talked to and talk with the sink.
    Transfer,
    /// The sink hears the sources too.
    OneWay,
    /// Both hear each other too.
    BothWays,
}

impl Call {
    /// The checks of `connect`, `mesh` and `inject` that come before the calls of their further ids are merged into this one: a command that
    /// fails leaves them apart.
    ///
    /// # Errors
    /// What the client is told.
    pub fn may_join(&self, request: &Request, others: &[&Self]) -> Result<(), Error> {
        match request.command {
            Command::Connect => {
                self.find_sources(request)?;
                request.to_tag().ok_or(Error::NoToTag)?;
                if self.can_merge_all(others) { Ok(()) } else { Err(Error::ConnectMerge) }
            }
            Command::Mesh if !self.can_merge_all(others) => Err(Error::MeshMerge),
            Command::Mesh => self.check_mesh(request, others),
            Command::InjectStart | Command::InjectStop if others.is_empty() => Ok(()),
            Command::InjectStart | Command::InjectStop => self.may_inject(request, others),
            _ => Ok(()),
        }
    }

    pub(super) fn connect(
        &mut self,
        request: &Request,
        call_id: &[u8],
        ctx: &mut Ctx<'_>,
    ) -> Result<Reply, Error> {
        if !self.leads_here(request.to_call_id.iter()) {
            return Err(Error::UnknownCallIds);
        }
        let sources = self.sources(request, ctx)?;
        let to = request.to_tag().ok_or(Error::NoToTag)?;
        let id = present(&request.to_call_id).map_or(call_id, |id| id.as_bytes());
        let id = self.signalling.ids.iter().position(|name| name.as_bytes() == id).unwrap_or(0);
        let sink = self.party_with_tag(to.as_bytes(), u16::try_from(id).unwrap_or(0), ctx);
        let linking = match (request.has(Flag::Directional), request.has(Flag::Bidirectional)) {
            (false, _) => Linking::Transfer,
            (true, false) => Linking::OneWay,
            (true, true) => Linking::BothWays,
        };
        self.link_medias(&sources, sink, linking, ctx);
        Ok(Reply::ok())
    }

    fn check_mesh(&self, request: &Request, others: &[&Self]) -> Result<(), Error> {
        let calls = || std::iter::once(self).chain(others.iter().copied());
        let known = |tag: &[u8]| calls().any(|call| call.signalling.by_tag(tag).is_some());
        for entry in &request.tags {
            if !known(entry.from.as_bytes()) {
                return Err(Error::MeshFromTag);
            }
            if !entry.to.iter().all(|to| known(to.as_bytes())) {
                return Err(Error::MeshToTag);
            }
        }
        Ok(())
    }

    pub(super) fn mesh(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> Result<Reply, Error> {
        if request.calls.is_empty() || !self.leads_here(request.calls.iter()) {
            return Err(Error::UnknownMeshIds);
        }
        self.check_mesh(request, &[])?;
        let both = request.has(Flag::Bidirectional);
        if request.has(Flag::Unsubscribe) {
            let froms: Vec<PartyId> =
                request.tags.iter().filter_map(|t| self.signalling.by_tag(t.from.as_bytes())).collect();
            self.unlink(|source, sink, flags| {
                let meant = froms.contains(&sink) || (both && froms.contains(&source));
                meant && !flags.contains(EdgeFlags::INJECT)
            });
        }
        let linking = if both { Linking::BothWays } else { Linking::OneWay };
        for entry in &request.tags {
            let Some(from) = self.signalling.by_tag(entry.from.as_bytes()) else { continue };
            let sources = self.signalling.party(from).medias.to_vec();
            for to in &entry.to {
                if let Some(to) = self.signalling.by_tag(to.as_bytes()) {
                    self.link_medias(&sources, to, linking, ctx);
                }
            }
        }
        Ok(Reply::ok())
    }

    /// Whether each of these ids, if not empty, leads to this call.
    pub(super) fn leads_here<'i>(&self, mut ids: impl Iterator<Item = &'i ByteString>) -> bool {
        let own = &self.signalling.ids;
        ids.all(|id| id.is_empty() || own.iter().any(|name| name.as_bytes() == id.as_bytes()))
    }

    /// Links each source media with a media of `sink`.
    fn link_medias(&mut self, sources: &[MediaId], sink: PartyId, linking: Linking, ctx: &mut Ctx<'_>) {
        let mut pairs: Vec<(MediaId, MediaId)> = Vec::with_capacity(sources.len());
        for &source in sources {
            if self.signalling.media(source).party == sink {
                continue;
            }
            match self.counterpart(source, sink, &pairs) {
                Some(media) => pairs.push((source, media)),
                None => {
                    let media = self.signalling.media(source);
                    let text = format!("No matching media to connect '{}' #{} to", media.kind, media.index);
                    ctx.warn(text);
                }
            }
        }
        if linking == Linking::Transfer {
            self.leave_others(&pairs);
        }
        let call = &mut self.signalling;
        for &(source, media) in &pairs {
            if linking == Linking::Transfer {
                let (a, b) = (call.media(source).party, call.media(media).party);
                call.associate(a, b);
                call.link(source, media, EdgeFlags::OFFER_ANSWER);
                call.link(media, source, EdgeFlags::OFFER_ANSWER);
                continue;
            }
            add_link(call, source, media);
            if linking == Linking::BothWays {
                add_link(call, media, source);
            }
        }
        let touched: Vec<MediaId> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
        self.renew_between(&pairs);
        self.compile_around(&touched);
    }

    /// The media of `sink` for a source: same mid and type, else same type at the same index or behind it, which no other media of the source's
    /// party has got.
    fn counterpart(&self, source: MediaId, sink: PartyId, pairs: &[(MediaId, MediaId)]) -> Option<MediaId> {
        let call = &self.signalling;
        let from = call.media(source);
        let free = |id: &MediaId| {
            !pairs.iter().any(|(other, taken)| taken == id && call.media(*other).party == from.party)
        };
        let fits = || {
            let medias = call.party(sink).medias.iter().copied();
            medias.filter(free).filter(|&id| call.media(id).kind == from.kind)
        };
        fits()
            .find(|&id| from.mid.is_some() && call.media(id).mid == from.mid)
            .or_else(|| fits().find(|&id| call.media(id).index >= from.index))
    }

    /// Drops the offer/answer links that lead from or to the medias of `pairs`, except those of the pairs.
    fn leave_others(&mut self, pairs: &[(MediaId, MediaId)]) {
        let moved = |id: MediaId| pairs.iter().any(|&(a, b)| a == id || b == id);
        let paired = |a: MediaId, b: MediaId| pairs.contains(&(a, b)) || pairs.contains(&(b, a));
        let mut touched: Vec<MediaId> = Vec::new();
        self.signalling.edges.retain(|e| {
            let concerned = moved(e.source) || moved(e.sink);
            let gone = e.flags.contains(EdgeFlags::OFFER_ANSWER) && concerned && !paired(e.source, e.sink);
            if gone {
                touched.extend([e.source, e.sink]);
            }
            !gone
        });
        self.compile_around(&touched);
    }
}

/// Adds a link beside those there are; an offer/answer link between the two stays what it is.
fn add_link(call: &mut super::signalling::Signalling, source: MediaId, sink: MediaId) {
    let known = call.edges_from(source).any(|e| e.sink == sink && e.flags.contains(EdgeFlags::OFFER_ANSWER));
    if !known {
        call.link(source, sink, EdgeFlags::empty());
    }
}
