//! Questions of the HTTP side to the router, and their answers. The HTTP threads and the router's share nothing else.

use crate::shard::inbox::Mailbox;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A unit of the ng protocol: cookie, space, dictionary.
    Ng(Vec<u8>),
    /// An ng dictionary without cookie, hence without detection of duplicates.
    NgPlain(Vec<u8>),
    /// A line of the CLI.
    Cli(Vec<u8>),
    /// The figures in the text form of Prometheus.
    Metrics,
}

/// Where an answer goes; it is gone with its last copy, and whoever waits for the answer then knows that there will be none.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Mutex<Option<oneshot::Sender<Vec<u8>>>>>);

impl Caller {
    fn new() -> (Self, oneshot::Receiver<Vec<u8>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    /// Hands over the answer. One question has one answer: further ones, and those nobody waits for any more, are dropped.
    pub fn answer(&self, bytes: &[u8]) {
        if let Some(sender) = self.0.lock().take() {
            // The client may have gone.
            let _ = sender.send(bytes.to_vec());
        }
    }
}

/// A question on its way.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// Who asks.
    pub agent: SocketAddr,
    /// Where the answer goes.
    pub caller: Caller,
}

/// Asks and waits. `None`: there is no answer, because the router does not keep up or by the protocol's rules.
pub async fn ask(router: &Mailbox<Asked>, question: Question, agent: SocketAddr) -> Option<Vec<u8>> {
    let (caller, answer) = Caller::new();
    router.send(Asked { question, agent, caller }).ok()?;
    answer.await.ok()
}
