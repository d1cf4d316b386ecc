//! Keeps other sites' pages away: a browser would send their requests here, with a foreign `Origin`, or with a foreign `Host`
//! where a name of theirs was made to mean this machine.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::body::{SEND_A_FILE, SEND_JSON, content_type};
use super::{ApiError, Code, Service};

/// Where a browser says that a request comes from.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests that name another host, and changes that another site's page asks for.
pub(super) async fn check(State(service): State<Service>, request: Request, next: Next) -> Response {
    match refusal(&request, &service.entrance.hosts) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    }
}

fn refusal(request: &Request, hosts: &[String]) -> Option<ApiError> {
    let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    // A request line may name the host, too. Whoever stands between might have believed the one or the other.
    let named = request.uri().authority().map(|authority| authority.as_str());
    let stated = request.headers().get_all(header::HOST).iter().count();
    if stated > 1 {
        return Some(ApiError::new(Code::BadRequest, format!("the header `Host` stands {stated} times: send it once")));
    }
    let Some(host) = text(header::HOST).or(named) else {
        return Some(ApiError::new(Code::BadRequest, "the header `Host` is missing"));
    };
    for host in [Some(host), named].into_iter().flatten() {
        if host.contains('@') {
            return Some(ApiError::new(Code::BadRequest, "the host comes with a user's name: send `NAME:PORT` alone"));
        }
        if !is_loopback(host) && !is_allowed(host, hosts) {
            let others = if hosts.is_empty() { "" } else { " and those that --allowed-host names" };
            let detail =
                format!("the host is `{host}`: this service answers to loopback names such as 127.0.0.1{others} only");
            return Some(ApiError::new(Code::WrongHost, detail));
        }
    }
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, site)| site.eq_ignore_ascii_case(host));
    let (origin, site) = (text(header::ORIGIN), text(SITE));
    if origin.is_some_and(|origin| !is_own(origin)) || site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
    {
        return Some(ApiError::new(Code::ForeignOrigin, "only this service's own pages may do this"));
    }
    // What a page may send anywhere without asking; a form must say that it is this service's own.
    let content_type = content_type(request.headers());
    let refused = match content_type.as_str() {
        "application/x-www-form-urlencoded" => origin.is_none() && site != Some("same-origin"),
        "text/plain" => true,
        _ => false,
    };
    refused.then(|| {
        let send = match request.uri().path() {
            "/v1/networks" => SEND_A_FILE,
            "/v1/jobs" | "/v1/batches" => SEND_JSON,
            _ => "send no body, or `content-type: application/json`",
        };
        ApiError::new(Code::UnsupportedMediaType, format!("the content type is `{content_type}`: {send}"))
    })
}

/// Whether an authority (`name`, `name:port`) is one of `hosts`, which are names with or without a port.
fn is_allowed(authority: &str, hosts: &[String]) -> bool {
    let name = host_name(authority);
    hosts
        .iter()
        .any(|host| host.eq_ignore_ascii_case(authority) || name.is_some_and(|name| host.eq_ignore_ascii_case(name)))
}

/// Whether an authority (`name`, `name:port`) can only mean this machine.
fn is_loopback(authority: &str) -> bool {
    let is_address = |name: &str| name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    host_name(authority).is_some_and(|name| name.eq_ignore_ascii_case("localhost") || is_address(name))
}

/// The name in an authority, an address of version 6 without its brackets; `None` where it is none.
fn host_name(authority: &str) -> Option<&str> {
    let (name, rest) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or_default(),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |rest: &str| rest.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    (rest.is_empty() || is_port(rest)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{is_allowed, is_loopback};

    #[test]
    fn a_service_answers_to_the_names_that_it_was_given() {
        let hosts = ["bounds.example".to_owned(), "192.0.2.7:8080".into(), "2001:db8::7".into()];
        for host in ["bounds.example", "BOUNDS.example:443", "192.0.2.7:8080", "[2001:db8::7]:80"] {
            assert!(is_allowed(host, &hosts), "{host}");
        }
        for host in ["", "bounds.example.evil", "192.0.2.7", "192.0.2.7:80", "bounds.example:x", "[2001:db8::8]"] {
            assert!(!is_allowed(host, &hosts), "{host}");
        }
    }

    #[test]
    fn only_loopback_names_mean_this_machine() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.8.9.1:80", "[::1]", "[::1]:8080"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:8080",
            "[::2]:1",
            "[::1",
            "::1",
            "127.0.0.1:80:1",
            "127.0.0.1:x",
            "[::1]x",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
