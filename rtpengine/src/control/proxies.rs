//! What each controlling agent asked for (`controlstatistics`, ng-control.md 12.6).

use rtpengine_common::ng::Command;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Agents that are counted by address. Addresses of datagrams can be forged, so their number is bounded; the rest shows in the totals only.
const MAX_AGENTS: usize = 1024;

/// The figures of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Requests by command.
    pub requests: [u64; Command::COUNT],
    /// Their processing time by command, microseconds.
    pub micros: [u64; Command::COUNT],
    /// Error replies.
    pub errors: u64,
}

impl Default for Agent {
    fn default() -> Self {
        Self { requests: [0; Command::COUNT], micros: [0; Command::COUNT], errors: 0 }
    }
}

/// All agents.
#[derive(Debug)]
pub struct Proxies {
    agents: BTreeMap<IpAddr, Agent>,
    total: [u64; Command::COUNT],
}

impl Default for Proxies {
    fn default() -> Self {
        Self { agents: BTreeMap::new(), total: [0; Command::COUNT] }
    }
}

impl Proxies {
    /// Counts a request that was handled.
    pub fn count(&mut self, address: IpAddr, command: Option<Command>, micros: u64, error: bool) {
        if let Some(command) = command {
            self.total[command as usize] += 1;
        }
        if !self.agents.contains_key(&address) && self.agents.len() >= MAX_AGENTS {
            return;
        }
        let agent = self.agents.entry(address).or_default();
        if let Some(command) = command {
            agent.requests[command as usize] += 1;
            agent.micros[command as usize] += micros;
        }
        agent.errors += u64::from(error);
    }

    /// Makes an agent known before its first request is counted.
    pub fn meet(&mut self, address: IpAddr) {
        if self.agents.len() < MAX_AGENTS {
            self.agents.entry(address).or_default();
        }
    }

    /// The agents by address.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &Agent)> {
        self.agents.iter().map(|(address, agent)| (*address, agent))
    }

    /// Requests of a command over all agents.
    pub fn total(&self, command: Command) -> u64 {
        self.total[command as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_counted_apart_and_together_up_to_a_bound() {
        let mut proxies = Proxies::default();
        for n in 0..2000u32 {
            let address = IpAddr::from(n.to_be_bytes());
            proxies.count(address, Some(Command::Ping), 3, n % 2 == 0);
        }
        assert_eq!(proxies.iter().count(), MAX_AGENTS);
        assert_eq!(proxies.total(Command::Ping), 2000);
        let (_, first) = proxies.iter().next().unwrap();
        assert_eq!((first.requests[Command::Ping as usize], first.micros[0], first.errors), (1, 3, 1));
    }
}
