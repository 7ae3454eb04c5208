//! Side threads with a bounded queue.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Jobs that may wait: more than that is an overload, and whoever asks is told so.
const CAPACITY: usize = 4096;

/// Something to be done on a side thread.
pub type Job = Box<dyn FnOnce() + Send>;

/// A queue with threads that work on it. They end when the last pool handle is gone.
#[derive(Clone, Debug)]
pub struct Pool {
    queue: Sender<Job>,
}

impl Pool {
    /// Starts threads; each calls `begin` first.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        name: &str,
        threads: usize,
        begin: &Arc<dyn Fn() + Send + Sync>,
    ) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (queue, jobs) = bounded(CAPACITY);
        let mut handles = Vec::with_capacity(threads);
        for number in 0..threads.max(1) {
            let (jobs, begin) = (jobs.clone(), Arc::clone(begin));
            handles
                .push(Builder::new().name(format!("{name}-{number}")).spawn(move || work(&jobs, &*begin))?);
        }
        Ok((Self { queue }, handles))
    }

    /// Hands a job over.
    ///
    /// # Errors
    /// Gives it back when too much is waiting already.
    pub fn submit(&self, job: Job) -> Result<(), Job> {
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }
}

fn work(jobs: &Receiver<Job>, begin: &(dyn Fn() + Send + Sync)) {
    begin();
    while let Ok(job) = jobs.recv() {
        // What fails ends its own job: whoever waits for it has a deadline.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Arc<dyn Fn() + Send + Sync> {
        Arc::new(|| {})
    }

    #[test]
    fn jobs_are_done_and_a_failing_one_ends_nothing() {
        let (pool, threads) = Pool::start("test", 2, &quiet()).unwrap();
        let (tell, told) = bounded(10);
        assert!(pool.submit(Box::new(|| panic!("on purpose"))).is_ok());
        for number in 0..5 {
            let tell = tell.clone();
            assert!(pool.submit(Box::new(move || tell.send(number).unwrap())).is_ok());
        }
        let mut done: Vec<i32> = told.iter().take(5).collect();
        done.sort_unstable();
        assert_eq!(done, [0, 1, 2, 3, 4]);
        drop(pool);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn a_full_queue_gives_jobs_back() {
        let (pool, _threads) = Pool::start("test", 1, &quiet()).unwrap();
        let (go, wait) = bounded::<()>(0);
        let hold = move || {
            let _ = wait.recv();
        };
        pool.submit(Box::new(hold)).ok().unwrap();
        let refused = (0..=CAPACITY).filter(|_| pool.submit(Box::new(|| {})).is_err()).count();
        assert!((1..=2).contains(&refused), "{refused}");
        drop(go);
    }
}
