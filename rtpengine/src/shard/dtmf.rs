//! Digits that calls saw: handed to whoever is told of them.

use super::calls::CallSlot;
use super::core::Shard;
use super::message::FromShard;
use crate::flow::Level;
use crate::report::log::allowed;
use rtpengine_common::log;

impl Shard {
    /// Lets a call take up the digits its packets showed.
    #[cold]
    pub(super) fn hear_dtmf(&mut self, slot: CallSlot) {
        let Some(key) = self.calls.get(slot).map(|resident| resident.call.key) else { return };
        let mut reports = Vec::new();
        self.work_call(slot, key, |call, _, ctx, _| reports = call.hear_dtmf(ctx));
        for report in reports {
            log::dtmf(|| report.line());
            if report.destination.is_none() && !self.settings.dtmf.ng_tcp {
                continue;
            }
            // Telling is not worth waiting: control that does not keep up misses some.
            if self.control.send(FromShard::Dtmf(Box::new(report))).is_err()
                && allowed("dtmf", self.now.instant)
            {
                self.log_call(slot, Level::Warning, "Too many DTMF events at once: not all are reported");
            }
        }
    }
}
