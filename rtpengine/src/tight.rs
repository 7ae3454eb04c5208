//! Lists that stay short in nearly every call.

/// As many elements come one at a time; beyond them the list grows as lists do.
const FEW: usize = 4;

/// Appends to a list of a call. The first few elements take no more memory than they need: the usual growth begins with room for
/// four, of which an ordinary call of two medias would leave half empty, in each of thousands of calls.
pub fn push<T>(list: &mut Vec<T>, value: T) {
    if list.len() < FEW {
        list.reserve_exact(1);
    }
    list.push(value);
}

/// Makes room for elements that will be pushed next: without spare room while the list is short, in strides when it is long.
pub fn reserve<T>(list: &mut Vec<T>, more: usize) {
    if list.len() < FEW {
        list.reserve_exact(more);
    } else {
        list.reserve(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_list_has_no_spare_room_and_a_long_one_grows_in_strides() {
        let mut list: Vec<u64> = Vec::new();
        for number in 0..4 {
            push(&mut list, number);
            assert_eq!(list.capacity(), list.len());
        }
        let mut growths = 0;
        for number in 4..4096 {
            let before = list.capacity();
            push(&mut list, number);
            growths += usize::from(list.capacity() != before);
        }
        assert!(growths <= 10, "{growths} reallocations");
        assert!(list.iter().copied().eq(0..4096));
    }
}
