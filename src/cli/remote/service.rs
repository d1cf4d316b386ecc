//! Requests to a service, and what it refuses.

use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderValue, Request, Response, StatusCode, Uri};
use ureq::{Agent, Body, SendBody};

use super::super::input::BadInput;
use super::{Connection, RemoteError};
use crate::http::Code;

/// How long the service may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long it may be silent in the middle of a request: longer than the pauses between its signs of life on a stream.
const SILENCE: Duration = Duration::from_secs(60);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 256 << 20;

/// A service at an address.
pub(super) struct Service {
    url: String,
    /// The value of the header `Authorization`.
    authorization: Option<HeaderValue>,
    agent: Agent,
}

impl Service {
    /// The service that the flags name. Nothing is sent yet.
    pub(super) fn new(connection: &Connection) -> Result<Self, RemoteError> {
        let bad = |words: &str| BadInput::new(Code::BadRequest, format!("the address `{}` {words}", connection.url));
        let url = connection.url.trim_end_matches('/');
        let uri: Uri = url.parse().map_err(|_| bad("is none"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(bad("cannot be used: give one like http://127.0.0.1:8080").into());
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The proxies of the environment do not lead to a service on this machine or behind a tunnel.
            .proxy(None)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            // A connection that the service closes in this moment would fail the next request.
            .max_idle_connections(0)
            .user_agent(concat!("exactlip/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let authorization = connection.key.as_ref().map(|key| {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.trim()));
            value.map_err(|_| BadInput::new(Code::BadRequest, "the key has characters that no key has".to_owned()))
        });
        Ok(Self { url: url.to_owned(), authorization: authorization.transpose()?, agent })
    }

    /// A JSON document by GET.
    pub(super) fn get(&self, path: &str) -> Result<Value, RemoteError> {
        let (status, body) = self.send("GET", path, &[], &[])?;
        self.document(status, body)
    }

    /// The document at `path`; `None` when there is none.
    pub(super) fn find(&self, path: &str) -> Result<Option<Value>, RemoteError> {
        let (status, body) = self.send("GET", path, &[], &[])?;
        if status == StatusCode::NOT_FOUND { Ok(None) } else { self.document(status, body).map(Some) }
    }

    /// The JSON answer to a POST.
    pub(super) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Value, RemoteError> {
        let (status, body) = self.send("POST", path, headers, body)?;
        self.document(status, body)
    }

    /// A stream of events behind event `after`.
    pub(super) fn stream(&self, path: &str, after: Option<i64>) -> Result<Body, RemoteError> {
        let after = after.map(|id| id.to_string());
        let headers: Vec<(&str, &str)> = after.iter().map(|id| ("last-event-id", id.as_str())).collect();
        let response = self.open("GET", path, &headers, &[])?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let (status, body) = self.whole(response)?;
        Err(self.refusal(status, &body))
    }

    /// The error of a connection that was lost.
    pub(super) fn lost(&self, error: &dyn std::fmt::Display) -> RemoteError {
        RemoteError::Unreachable { url: self.url.clone(), error: error.to_string() }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(StatusCode, Vec<u8>), RemoteError> {
        self.whole(self.open(method, path, headers, body)?)
    }

    fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response<Body>, RemoteError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value.clone());
        }
        let bad = |e: ureq::http::Error| BadInput::new(Code::BadRequest, format!("the request cannot be sent: {e}"));
        let answer = if method == "POST" {
            self.agent.run(request.body(body).map_err(bad)?)
        } else {
            self.agent.run(request.body(SendBody::none()).map_err(bad)?)
        };
        answer.map_err(|e| self.lost(&e))
    }

    fn whole(&self, mut response: Response<Body>) -> Result<(StatusCode, Vec<u8>), RemoteError> {
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(|e| self.lost(&e))?;
        Ok((response.status(), body))
    }

    fn document(&self, status: StatusCode, body: Vec<u8>) -> Result<Value, RemoteError> {
        if !status.is_success() {
            return Err(self.refusal(status, &body));
        }
        serde_json::from_slice(&body).map_err(|e| self.failed(status, format!("no JSON: {e}")))
    }

    /// What a status that is no success means: a problem document with a status below 500 blames the input.
    fn refusal(&self, status: StatusCode, body: &[u8]) -> RemoteError {
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        match document["detail"].as_str() {
            Some(_) if status.is_client_error() => RemoteError::Refused(document),
            Some(detail) => self.failed(status, detail.to_owned()),
            None => self.failed(status, "is there an exactlip service?".into()),
        }
    }

    /// That the service answers what no exactlip service should.
    pub(super) fn failed(&self, status: StatusCode, detail: String) -> RemoteError {
        RemoteError::Failed { url: self.url.clone(), status: status.as_u16(), detail }
    }
}

/// Text as it may stand in a query.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut all, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => all.push(byte.into()),
            _ => all.push_str(&format!("%{byte:02X}")),
        }
        all
    })
}

/// The parameters that are there as a query.
pub(super) fn query(parameters: &[(String, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> = given.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn parameters_survive_their_query() {
        let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        assert_eq!(query(&[pair("a", None)]), "");
        let text = query(&[pair("label.team/x", Some("a b&ü=1")), pair("b", None), pair("limit", Some("7"))]);
        assert_eq!(text, "?label.team%2Fx=a%20b%26%C3%BC%3D1&limit=7");
    }
}
