//! Who is let in, and how much one key may have.

use std::net::IpAddr;
use std::num::NonZeroU32;

/// Who is let in, and how much one key may have.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The names and addresses that the service answers to, besides those that can only mean this machine.
    pub hosts: Vec<String>,
    /// The addresses of proxies that are believed when they say where a request comes from.
    pub trusted_proxies: Vec<IpAddr>,
    /// How many requests one key may send in a second; `None` for as many as it likes.
    pub key_rate: Option<NonZeroU32>,
    /// How many jobs of one key may wait.
    pub key_queued: u64,
    /// How many bytes the networks of one key may have.
    pub key_bytes: u64,
}

impl Default for Entrance {
    fn default() -> Self {
        Self { hosts: vec![], trusted_proxies: vec![], key_rate: None, key_queued: u64::MAX, key_bytes: u64::MAX }
    }
}
