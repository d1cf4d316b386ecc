//! What a request needs.

use axum::http::Method;

use super::SIGN_IN;
use crate::jobs::Scope;

/// What a request needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Demand {
    /// No key.
    Nothing,
    /// A key with this scope.
    Scope(Scope),
}

/// What a request needs, whether or not there is something at its path: who has no key does not learn what there is.
///
/// Without a key come those who watch over the service (`/healthz`, `/readyz`), and what the page shows on which browsers sign
/// in. `read` is for everything that changes nothing, which the evaluation of a stored network is, too, `admin` for deletes,
/// `submit` for the rest.
pub fn demand(method: &Method, path: &str) -> Demand {
    if matches!(path, "/healthz" | "/readyz" | "/style.css" | "/icon.svg" | SIGN_IN | "/sign-out") {
        return Demand::Nothing;
    }
    Demand::Scope(match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Scope::Read,
        Method::DELETE => Scope::Admin,
        _ if path.starts_with("/v1/networks/") && path.ends_with("/evaluate") => Scope::Read,
        _ => Scope::Submit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_asking_and_deleting_are_told_apart() {
        let cases = [
            ("GET", "/healthz", Demand::Nothing),
            ("GET", "/readyz", Demand::Nothing),
            ("POST", "/sign-in", Demand::Nothing),
            ("GET", "/metrics", Demand::Scope(Scope::Read)),
            ("GET", "/v1/jobs", Demand::Scope(Scope::Read)),
            ("HEAD", "/nothing", Demand::Scope(Scope::Read)),
            ("POST", "/v1/networks/ab/evaluate", Demand::Scope(Scope::Read)),
            ("POST", "/v1/networks", Demand::Scope(Scope::Submit)),
            ("POST", "/v1/jobs/ab/cancel", Demand::Scope(Scope::Submit)),
            ("POST", "/jobs/ab/retry", Demand::Scope(Scope::Submit)),
            ("DELETE", "/v1/jobs/ab", Demand::Scope(Scope::Admin)),
            ("PURGE", "/healthz/..", Demand::Scope(Scope::Submit)),
        ];
        for (method, path, expected) in cases {
            assert_eq!(demand(&method.parse().unwrap(), path), expected, "{method} {path}");
        }
    }
}
