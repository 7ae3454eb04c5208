//! Finding DTMF tones in audio with SpanDSP (`codecs.md` §18.4(1)). A room of FFI.
//!
//! The detector works on blocks of 102 samples at 8000 Hz with SpanDSP's default limits.

use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use spandsp_sys::{dtmf_rx, dtmf_rx_free, dtmf_rx_init, dtmf_rx_set_realtime_callback, dtmf_rx_state_t};

use super::CodecError;

/// A change that the detector saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToneChange {
    /// Position in samples since the start.
    pub position: u64,
    /// The tone that is heard from now on, `None` if there is none any more.
    pub tone: Option<Tone>,
}

/// A tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// Number of the telephone-event.
    pub event: u8,
    /// Level in -dBm0, 0 to 63.
    pub volume: u8,
}

/// What the callback writes into.
#[derive(Default)]
struct Reports {
    position: u64,
    changes: Vec<ToneChange>,
}

/// A detector for one stream of 8000 Hz mono audio.
pub struct DtmfDetector {
    state: NonNull<dtmf_rx_state_t>,
    /// Owned here, written by the callback; boxed by hand so that its address stays.
    reports: NonNull<Reports>,
}

// SAFETY: state and reports have one owner; the callback runs inside `push` only.
unsafe impl Send for DtmfDetector {}

/// The telephone-event number of a DTMF character.
fn event_of(character: c_int) -> Option<u8> {
    let character = u8::try_from(character).ok()?;
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'*' => Some(10),
        b'#' => Some(11),
        b'A'..=b'D' => Some(character - b'A' + 12),
        _ => None,
    }
}

/// Levels are measured against full scale as SpanDSP 0.0.6 did, whose levels are the reference: 3 dB above those of the linked version,
/// which measures against the loudest sine. So a tone that was made of an event (`codecs.md` §18.1) gets the event's volume back.
const LEVEL_OFFSET: c_int = 3;

/// Called by the library at each change, with the samples since the change before.
unsafe extern "C" fn report(user_data: *mut c_void, code: c_int, level: c_int, delay: c_int) {
    // SAFETY: the pointer is that of the detector's reports, which live as long as the detector and are not borrowed while it runs.
    let reports = unsafe { &mut *user_data.cast::<Reports>() };
    reports.position = reports.position.wrapping_add(u64::try_from(delay).unwrap_or(0));
    let level = level.saturating_add(LEVEL_OFFSET);
    let volume = u8::try_from(level.saturating_neg().clamp(0, 63)).unwrap_or(0);
    let tone = event_of(code).map(|event| Tone { event, volume });
    reports.changes.push(ToneChange { position: reports.position, tone });
}

impl DtmfDetector {
    /// A detector that has heard nothing.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn open() -> Result<Self, CodecError> {
        // SAFETY: without a state given the library allocates one; no digit callback.
        let state = NonNull::new(unsafe { dtmf_rx_init(ptr::null_mut(), None, ptr::null_mut()) });
        let state =
            state.ok_or(CodecError::Library { library: "spandsp", operation: "dtmf_rx_init", code: 0 })?;
        let reports = NonNull::from(Box::leak(Box::<Reports>::default()));
        // SAFETY: the callback's pointer stays valid until the detector is dropped.
        unsafe { dtmf_rx_set_realtime_callback(state.as_ptr(), Some(report), reports.as_ptr().cast()) };
        Ok(Self { state, reports })
    }

    /// Listens to samples of 8000 Hz mono; changes are appended.
    pub fn push(&mut self, samples: &[i16], changes: &mut Vec<ToneChange>) {
        for chunk in samples.chunks(1 << 20) {
            let count = c_int::try_from(chunk.len()).unwrap_or(0);
            // SAFETY: the chunk has `count` samples; the callback may write the reports meanwhile, nobody borrows them.
            unsafe { dtmf_rx(self.state.as_ptr(), chunk.as_ptr(), count) };
        }
        // SAFETY: the library is not running now.
        changes.append(unsafe { &mut self.reports.as_mut().changes });
    }
}

impl Drop for DtmfDetector {
    fn drop(&mut self) {
        // SAFETY: the state was made by the library and is freed once; the reports were leaked from a box in `open` and are taken back once,
        // after the last use of the callback.
        unsafe {
            dtmf_rx_free(self.state.as_ptr());
            drop(Box::from_raw(self.reports.as_ptr()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::stream::Sound;

    fn listen(samples: &[i16]) -> Vec<ToneChange> {
        let (mut detector, mut changes) = (DtmfDetector::open().unwrap(), Vec::new());
        for frame in samples.chunks(160) {
            detector.push(frame, &mut changes);
        }
        changes
    }

    /// Every digit at every usual volume and length is found, with its start and end.
    #[test]
    fn every_digit() {
        for event in 0..16 {
            for volume in [4, 10, 25] {
                for ms in [50, 100, 400] {
                    let mut samples = vec![0; 800];
                    Sound::of_event(event).append(0, ms * 8, 8000, 1, volume, &mut samples);
                    samples.extend([0; 1600]);
                    let changes = listen(&samples);
                    let [start, end] = changes[..] else { panic!("{event} {volume} {ms}: {changes:?}") };
                    let tone = start.tone.expect("it begins");
                    assert_eq!(tone.event, event);
                    assert!(tone.volume.abs_diff(volume) <= 1, "{event}: {} for {volume}", tone.volume);
                    assert_eq!(end.tone, None);
                    assert!((800..800 + 320).contains(&start.position), "{start:?}");
                    let length = ms as u64 * 8;
                    assert!((end.position - start.position).abs_diff(length) <= 2 * 102, "{changes:?}");
                }
            }
        }
    }

    /// Silence, a single frequency and a sweep are no digits.
    #[test]
    fn other_sounds() {
        assert_eq!(listen(&[0; 8000]), []);
        let mut samples = Vec::new();
        Sound::Single(697).append(0, 8000, 8000, 1, 10, &mut samples);
        assert_eq!(listen(&samples), []);
        let sweep: Vec<i16> = (0..80_000)
            .map(|n| {
                let t = f64::from(n) / 8000.0;
                ((t * (300.0 + 150.0 * t) * std::f64::consts::TAU).sin() * 12000.0) as i16
            })
            .collect();
        assert_eq!(listen(&sweep), []);
    }
}
