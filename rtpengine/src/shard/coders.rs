//! Threads for expensive transcoding (`--codec-num-threads`), or one that opens codecs, shared by all shards.

use super::calls::CallSlot;
use super::inbox::Mailbox;
use super::message::ToShard;
use crate::call::ids::CallKey;
use crate::flow::CoderJob;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Jobs that wait for a thread. A shard that finds the queue full does the work itself.
const CAPACITY: usize = 4096;

/// A job and whom to tell when it is done.
#[derive(Debug)]
struct Assignment {
    job: CoderJob,
    shard: Mailbox<ToShard>,
    call: (CallSlot, CallKey),
}

impl Assignment {
    fn carry_out(self) {
        self.job.run();
        // A shard whose inbox is full finds the result with the next packet of the stream.
        let _ = self.shard.send(ToShard::Coded { slot: self.call.0, key: self.call.1 });
    }
}

/// Where shards leave their jobs.
#[derive(Clone, Debug)]
pub struct Coders {
    jobs: Sender<Assignment>,
}

/// A coder thread's end.
#[derive(Debug)]
pub struct Bench {
    jobs: Receiver<Assignment>,
}

/// The two ends.
#[must_use]
pub fn coders() -> (Coders, Bench) {
    let (sender, receiver) = bounded(CAPACITY);
    (Coders { jobs: sender }, Bench { jobs: receiver })
}

impl Coders {
    /// Leaves a job to the threads; gives it back when too many wait.
    pub(super) fn assign(
        &self,
        job: CoderJob,
        shard: &Mailbox<ToShard>,
        call: (CallSlot, CallKey),
    ) -> Result<(), CoderJob> {
        let assignment = Assignment { job, shard: shard.clone(), call };
        self.jobs.try_send(assignment).map_err(|error| match error {
            TrySendError::Full(assignment) | TrySendError::Disconnected(assignment) => assignment.job,
        })
    }
}

impl Bench {
    /// Another end of the same queue, for one more thread.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }

    /// Works until all shards have ended.
    pub fn work(&self) {
        self.jobs.iter().for_each(Assignment::carry_out);
    }

    /// Works on what is waiting.
    #[cfg(all(test, feature = "codec"))]
    pub(super) fn work_off(&self) -> usize {
        self.jobs.try_iter().map(Assignment::carry_out).count()
    }
}
