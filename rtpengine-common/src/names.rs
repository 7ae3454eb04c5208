//! Finding names of tables that are fixed when the program is built.

/// An index over the names of a table: each stands at the place its first and last letter and its length lead to, or at the next free
/// one. Every format and every attribute of a body is looked up by name, and comparing each with every name of the table was a tenth of
/// what an offer costs. With some three places for each name, nearly every name is found or missed at the first look.
pub(crate) struct NameIndex<const PLACES: usize> {
    /// Positions in the table plus one; 0 is a free place.
    places: [u8; PLACES],
}

impl<const PLACES: usize> NameIndex<PLACES> {
    /// Indexes a table of fewer than 256 names, and fewer than there are places.
    pub(crate) const fn new(names: &[&str]) -> Self {
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

    /// Positions in the table at which the name may stand, whatever its letter case; the caller compares.
    pub(crate) fn candidates(&self, name: &[u8]) -> impl Iterator<Item = usize> + '_ {
        let (before, behind) = self.places.split_at(Self::place(name));
        let taken = behind.iter().chain(before).take_while(|&&at| at != 0);
        taken.map(|&at| usize::from(at) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_among_its_candidates() {
        const NAMES: [&str; 6] = ["abc", "aXc", "Abc", "x", "", "rtpmap"];
        let index = NameIndex::<16>::new(&NAMES);
        for (at, name) in NAMES.iter().enumerate() {
            assert!(index.candidates(name.as_bytes()).any(|found| found == at), "{name}");
            assert!(index.candidates(name.to_uppercase().as_bytes()).any(|found| found == at), "{name}");
        }
        assert_eq!(index.candidates(b"none").filter(|&at| NAMES[at] == "none").count(), 0);
    }
}
