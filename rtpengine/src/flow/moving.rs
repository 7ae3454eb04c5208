//! What changes in the plane when its call moves to another shard: the names of its sockets, and who wakes it.

use crate::call::ids::SocketKey;

use super::plane::Plane;

impl Plane {
    /// Gives every socket the name it has in its new shard.
    pub fn rename_sockets(&mut self, name: &dyn Fn(SocketKey) -> SocketKey) {
        self.forget_alarm();
        for stream in &mut self.streams {
            for place in &mut stream.places {
                place.socket.key = name(place.socket.key);
            }
            let Some(rare) = &mut stream.rare else { continue };
            rare.superseded.iter_mut().for_each(|old| old.socket.key = name(old.socket.key));
            rare.ice_sources.iter_mut().for_each(|(key, _)| *key = name(*key));
        }
    }
}
