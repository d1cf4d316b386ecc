//! Where a request comes from: the address of the connection, or, where that is a proxy that is trusted, the address that the
//! proxy says.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

use super::Service;

/// The address at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// The client.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether its connection is known to be encrypted.
    pub encrypted: bool,
}

/// Finds out where a request comes from.
pub(super) async fn find(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() {
        let client = client(peer, request.headers(), &service.entrance.trusted_proxies);
        let encrypted = is_encrypted(peer, request.headers(), &service.entrance.trusted_proxies);
        request.extensions_mut().insert(Client { address: client, encrypted });
    }
    next.run(request).await
}

/// The last address in `X-Forwarded-For` that is not one of the trusted proxies': what stands before it anybody may have
/// written.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let mut nearest = peer;
    for value in values {
        for address in value.to_str().unwrap_or_default().split(',').rev() {
            // What is no address ends what can be believed.
            let Ok(address) = address.trim().parse() else { return nearest };
            nearest = address;
            if !trusted.contains(&nearest) {
                return nearest;
            }
        }
    }
    nearest
}

/// Whether the client's connection is encrypted, as far as a trusted proxy says so.
fn is_encrypted(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> bool {
    trusted.contains(&peer) && headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_where_a_request_comes_from() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "6.6.6.6, 192.0.2.7".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        let trusted = [address("10.0.0.1"), address("10.0.0.2")];
        assert_eq!(client(address("198.51.100.1"), &headers, &trusted), address("198.51.100.1"));
        assert_eq!(client(address("10.0.0.1"), &headers, &trusted), address("192.0.2.7"));
        assert_eq!(client(address("10.0.0.1"), &headers, &trusted[..1]), address("10.0.0.2"));
        headers.insert("x-forwarded-for", "192.0.2.7, unknown".parse().unwrap());
        assert_eq!(client(address("10.0.0.1"), &headers, &trusted), address("10.0.0.1"));
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        assert!(is_encrypted(address("10.0.0.1"), &headers, &trusted));
        assert!(!is_encrypted(address("6.6.6.6"), &headers, &trusted));
    }
}
