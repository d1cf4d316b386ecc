//! Files → [`Network`](super::Network).
