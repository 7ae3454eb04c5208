//! What changes in a call when it moves to another shard: the names of its sockets.

use super::Call;
use super::ids::SocketKey;

impl Call {
    /// Gives every socket the name it has in its new shard.
    pub fn rename_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        for media in &mut self.signalling.medias {
            let sockets = media.ports.all_mut().iter_mut().flat_map(|map| map.sets.iter_mut().flatten());
            sockets.for_each(|socket| socket.key = name(socket.key));
        }
        self.plane.rename_sockets(name);
        self.agents.rename_sockets(name);
        self.rename_remote_sockets(name);
    }
}
