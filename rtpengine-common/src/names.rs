//! Finding names of tables that are fixed when the program is built.

/// An index over the names of a table: each stands at the place its first and last letter and its length lead to, or at the next free
/// one. Every format and every attribute of a body is looked up by name, and comparing each with every name of the table was a tenth of
/// what an offer costs. With some three places for each name, nearly every name is found or missed at the first look.
pub(crate) struct NameIndex<const PLACES: usize> {
    /// Positions in the table plus one; 0 is a free place.
    places: [u8; PLACES],
}

impl<const PLACES: usize> NameIndex<PLACES> {
    /// Indexes a table of fewer than 256 names; the build fails unless there are more places.
    pub(crate) const fn new(names: &[&str]) -> Self {
        assert!(names.len() < PLACES && names.len() < 256);
        let mut places = [0; PLACES];
        let mut at = 0;
        while at < names.len() {
            let mut place = Self::place(names[at].as_bytes());
            while places[place] != 0 {
                place = (place + 1) % PLACES;
            }
            at += 1;
            places[place] = at as u8;
        }
        Self { places }
    }

    /// Letters in either case lead to the same place.
    const fn place(name: &[u8]) -> usize {
        const LOWER: u8 = 0x20;
        match name {
            [first, .., last] => {
                ((*first | LOWER) as usize * 7 + (*last | LOWER) as usize * 3 + name.len() * 11) % PLACES
            }
            _ => 0,
        }
    }

    /// The position in the table of the name, which `is` compares with that of a position, in whatever way letter case counts.
    pub(crate) fn find(&self, name: &[u8], is: impl Fn(usize) -> bool) -> Option<usize> {
        let mut place = Self::place(name);
        // There are free places.
        loop {
            let at = usize::from(*self.places.get(place)?).checked_sub(1)?;
            if is(at) {
                return Some(at);
            }
            place = (place + 1) % PLACES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_at_its_position() {
        const NAMES: [&str; 6] = ["abc", "aXc", "Abc", "x", "", "rtpmap"];
        let index = NameIndex::<16>::new(&NAMES);
        for (at, name) in NAMES.iter().enumerate() {
            assert_eq!(index.find(name.as_bytes(), |found| NAMES[found] == *name), Some(at), "{name}");
            let upper = name.to_uppercase();
            assert!(index.find(upper.as_bytes(), |found| found == at).is_some(), "{upper}");
        }
        assert_eq!(index.find(b"none", |found| NAMES[found] == "none"), None);
        assert_eq!(index.find(b"ayc", |found| NAMES[found] == "ayc"), None, "at a place that is taken");
    }
}
