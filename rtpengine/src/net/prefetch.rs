//! Asking for memory before it is needed. The packets of a turn belong to different calls, whose data are not in the caches: fetched one
//! after the other they cost as much as a system call per packet, fetched together they cost almost nothing.
#![allow(unsafe_code)]

/// Bytes fetched together by the processors this is built for.
const LINE: usize = 64;

/// The most lines of one value that are worth asking for.
const MOST: usize = 6;

/// Asks for a value without waiting for it. Nothing but time depends on it.
#[inline]
pub fn prefetch<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    let lines = size_of::<T>().div_ceil(LINE).clamp(1, MOST);
    for line in 0..lines {
        fetch(start.wrapping_add(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: SSE is part of x86-64; a prefetch reads nothing and cannot fault, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn fetch(_: *const i8) {}
