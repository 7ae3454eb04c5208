//! SpanDSP's own fax machine, which the gateway is tried with. A room of FFI, for tests only.

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};

use spandsp_sys::{
    fax_free, fax_get_t30_state, fax_init, fax_rx, fax_set_transmit_on_idle, fax_state_t, fax_tx,
    t30_call_active, t30_get_transfer_statistics, t30_set_ecm_capability, t30_set_rx_file, t30_set_tx_file,
    t30_state_t, t30_stats_t,
};

/// A fax machine on the audio side.
pub(super) struct Terminal {
    state: NonNull<fax_state_t>,
}

/// What a machine says after a call.
#[derive(Debug)]
pub(super) struct Result {
    pub(super) bit_rate: i32,
    pub(super) ecm: bool,
    pub(super) pages_sent: i32,
    pub(super) pages_received: i32,
    pub(super) bad_rows: i32,
    pub(super) status: i32,
}

impl Terminal {
    /// The caller, who sends the pages of a TIFF file.
    pub(super) fn sending(file: &Path, ecm: bool) -> Self {
        let terminal = Self::open(true, ecm);
        let file = path(file);
        // SAFETY: valid state, a C string that the library copies.
        unsafe { t30_set_tx_file(terminal.t30(), file.as_ptr(), -1, -1) };
        terminal
    }

    /// The called one, who writes what it gets into a TIFF file.
    pub(super) fn receiving(file: &Path, ecm: bool) -> Self {
        let terminal = Self::open(false, ecm);
        let file = path(file);
        // SAFETY: valid state, a C string that the library copies.
        unsafe { t30_set_rx_file(terminal.t30(), file.as_ptr(), -1) };
        terminal
    }

    fn open(calls: bool, ecm: bool) -> Self {
        // SAFETY: without a state given the library allocates one.
        let state = NonNull::new(unsafe { fax_init(ptr::null_mut(), calls) }).unwrap();
        let terminal = Self { state };
        // SAFETY: valid states; values are stored.
        unsafe {
            fax_set_transmit_on_idle(state.as_ptr(), 1);
            t30_set_ecm_capability(terminal.t30(), ecm);
        }
        terminal
    }

    fn t30(&self) -> *mut t30_state_t {
        // SAFETY: valid state; the T.30 engine is a part of it.
        unsafe { fax_get_t30_state(self.state.as_ptr()) }
    }

    /// What it hears.
    pub(super) fn hear(&mut self, samples: &[i16]) {
        let mut samples = samples.to_vec();
        // SAFETY: as many samples as said.
        unsafe { fax_rx(self.state.as_ptr(), samples.as_mut_ptr(), samples.len() as c_int) };
    }

    /// What it says.
    pub(super) fn speak(&mut self, count: usize) -> Vec<i16> {
        let mut samples = vec![0; count];
        // SAFETY: room for as many samples as said.
        unsafe { fax_tx(self.state.as_ptr(), samples.as_mut_ptr(), count as c_int) };
        samples
    }

    /// The call goes on.
    pub(super) fn is_active(&self) -> bool {
        // SAFETY: valid state.
        unsafe { t30_call_active(self.t30()) != 0 }
    }

    pub(super) fn result(&self) -> Result {
        let mut stats = t30_stats_t::default();
        // SAFETY: valid state, and a structure to be filled.
        unsafe { t30_get_transfer_statistics(self.t30(), &mut stats) };
        Result {
            bit_rate: stats.bit_rate,
            ecm: stats.error_correcting_mode != 0,
            pages_sent: stats.pages_tx,
            pages_received: stats.pages_rx,
            bad_rows: stats.bad_rows,
            status: stats.current_status,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // SAFETY: made by the library, freed once.
        unsafe { fax_free(self.state.as_ptr()) };
    }
}

fn path(file: &Path) -> CString {
    CString::new(file.to_str().unwrap()).unwrap()
}

/// Octets of a row of 1728 pixels.
pub(super) const ROW: usize = 216;

unsafe extern "C" {
    fn TIFFOpen(name: *const c_char, mode: *const c_char) -> *mut c_void;
    fn TIFFClose(tiff: *mut c_void);
    fn TIFFReadScanline(tiff: *mut c_void, buffer: *mut c_void, row: u32, sample: u16) -> c_int;
    fn TIFFScanlineSize(tiff: *mut c_void) -> isize;
}

/// The rows of the first page of a TIFF file, as libtiff reads them.
pub(super) fn read_page(file: &Path, rows: u32) -> Vec<[u8; ROW]> {
    let file = path(file);
    // SAFETY: C strings; the handle is used and closed below only.
    let tiff = unsafe { TIFFOpen(file.as_ptr(), c"r".as_ptr()) };
    assert!(!tiff.is_null());
    // SAFETY: valid handle.
    assert_eq!(unsafe { TIFFScanlineSize(tiff) }, ROW as isize);
    let page = (0..rows)
        .map_while(|row| {
            let mut octets = [0; ROW];
            // SAFETY: the buffer has room for a row, whose size was checked.
            (unsafe { TIFFReadScanline(tiff, octets.as_mut_ptr().cast(), row, 0) } == 1).then_some(octets)
        })
        .collect();
    // SAFETY: opened above.
    unsafe { TIFFClose(tiff) };
    page
}
