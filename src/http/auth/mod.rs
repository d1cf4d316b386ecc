//! Who asks: API keys, the sessions of browsers that have signed in with one, and what each may do.
//!
//! - [`check`]: what every request passes: which key it comes with, whether that allows what is asked, and whether the key has
//!   not asked too much; and the record of who changed what.
//! - [`Caller`]: who asks, for handlers.
//! - [`demand`]: what a request needs.
//! - `ring`: the keys, as the service sees them; `record`: who used a key and changed something, on its way to the database.
//!
//! Where there is no key at all, everything is open, and the service listens on a loopback address only. As soon as there is
//! one, revoked or not, everything asks for a key.

mod demand;
mod record;
mod ring;

pub use demand::{Demand, demand};
pub(super) use ring::KeyRing;

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use time::OffsetDateTime;
use uuid::Uuid;

use super::peer::Client;
use super::{ApiError, Code, Service};
use crate::jobs::store::Owner;
use crate::jobs::{ApiKey, AuditEntry, Secret};

/// The cookie of a session.
pub const COOKIE: &str = "exactlip_session";
/// Where browsers sign in.
pub const SIGN_IN: &str = "/sign-in";

/// Who asks.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The key; `None` where the service asks for none.
    pub key: Option<ApiKey>,
    /// Whether a browser's session brought it.
    pub by_session: bool,
}

impl Caller {
    /// The id of the key.
    pub fn id(&self) -> Option<Uuid> {
        self.key.as_ref().map(|key| key.id)
    }

    /// A client's own name for a request, apart from those of other keys.
    pub(super) fn own(&self, name: String) -> String {
        match &self.key {
            Some(key) => format!("{}/{name}", key.id),
            None => name,
        }
    }
}

/// Lets a request pass that comes with a key which allows it.
pub(super) async fn check(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let demand = demand(request.method(), request.uri().path());
    let caller = match admit(&service, request.headers(), demand).await {
        Ok(caller) => caller,
        Err(error) => return refused(&request, error),
    };
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let action = changes.then(|| format!("{} {}", request.method(), request.uri().path()));
    let client = request.extensions().get::<Client>().map_or_else(String::new, |client| client.address.to_string());
    let (key, name) = (caller.id(), caller.key.as_ref().map(|key| key.name.clone()));
    request.extensions_mut().insert(caller);
    let response = next.run(request).await;
    if let Some(action) = action
        && response.status().as_u16() < 400
        && demand != Demand::Nothing
    {
        let subject = response.headers().get(header::LOCATION).and_then(|path| path.to_str().ok());
        let (subject, status) = (subject.unwrap_or_default().to_owned(), response.status().as_u16());
        service.keys.record(AuditEntry { at: OffsetDateTime::now_utc(), key, name, client, action, subject, status });
    }
    response
}

async fn admit(service: &Service, headers: &HeaderMap, demand: Demand) -> Result<Caller, ApiError> {
    let Demand::Scope(scope) = demand else { return Ok(Caller::default()) };
    if !service.keys.are_asked_for(service.queue.store()).await? {
        return Ok(Caller::default());
    }
    let (key, by_session) = match bearer(headers)? {
        Some(secret) => (service.keys.of_secret(service.queue.store(), &secret).await?, false),
        None => match cookie(headers) {
            Some(secret) => (service.keys.of_session(service.queue.store(), &secret).await?, true),
            None => return Err(ApiError::new(Code::Unauthorized, NO_KEY)),
        },
    };
    let key =
        key.ok_or_else(|| ApiError::new(Code::Unauthorized, if by_session { SIGNED_OUT } else { UNKNOWN_KEY }))?;
    if let Some(how) = key.ended(OffsetDateTime::now_utc()) {
        return Err(ApiError::new(Code::Unauthorized, format!("the key `{}` {how}", key.name)));
    }
    if !key.scopes.allow(scope) {
        let detail = format!("the key `{}` has the scopes {}: this needs `{scope}`", key.name, key.scopes);
        return Err(ApiError::new(Code::MissingScope, detail));
    }
    service.keys.count(key.id)?;
    Ok(Caller { key: Some(key), by_session })
}

const NO_KEY: &str = "this service asks for an API key: send `Authorization: Bearer exl_…`";
const UNKNOWN_KEY: &str = "there is no such API key";
const SIGNED_OUT: &str = "the session has ended: sign in again";

/// The secret in the header `Authorization`.
fn bearer(headers: &HeaderMap) -> Result<Option<Secret>, ApiError> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let malformed = || ApiError::new(Code::Unauthorized, "the header `Authorization` is not `Bearer exl_…`");
    if all.next().is_some() {
        return Err(malformed());
    }
    // The value is repeated nowhere: it is a secret, or somebody believes that it is.
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(malformed());
    }
    Secret::of_key(token.trim()).map(Some).ok_or_else(|| ApiError::new(Code::Unauthorized, UNKNOWN_KEY))
}

/// The secret in the cookie of a session.
pub fn cookie(headers: &HeaderMap) -> Option<Secret> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).and_then(|(_, value)| Secret::of_cookie(value))
}

/// A refusal: a way to sign in for browsers that ask for a page, a document for everybody else.
fn refused(request: &Request, error: ApiError) -> Response {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = request.uri().path();
    let is_page = !path.starts_with("/v1/") && text(header::ACCEPT).contains("text/html");
    if error.document().status == 401 && is_page && request.method() == Method::GET {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        return Redirect::to(&format!("{SIGN_IN}?next={}", encoded(target))).into_response();
    }
    let unauthorized = error.document().status == 401;
    let mut response = error.into_response();
    if unauthorized {
        let challenge = HeaderValue::from_static("Bearer realm=\"exactlip\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Text as it may stand in a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut all, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => all.push(byte.into()),
            _ => all.push_str(&format!("%{byte:02X}")),
        }
        all
    })
}

impl Service {
    /// Signs a browser in: the key of a secret, and the secret of a new session that ends at the moment given; `None` when the
    /// secret is of no key that may be used.
    ///
    /// # Errors
    /// That too many have tried; a database that fails.
    pub async fn sign_in(
        &self,
        client: IpAddr,
        secret: &str,
        until: OffsetDateTime,
    ) -> Result<Option<(ApiKey, Secret)>, ApiError> {
        self.keys.count_attempt(client)?;
        let Some(secret) = Secret::of_key(secret) else { return Ok(None) };
        let store = self.queue.store();
        let key = self.keys.of_secret(store, &secret).await?;
        let Some(key) = key.filter(|key| key.ended(OffsetDateTime::now_utc()).is_none()) else { return Ok(None) };
        let session = Secret::of_session().map_err(|detail| ApiError::new(Code::Internal, detail))?;
        let until = key.expires_at.map_or(until, |end| end.min(until));
        store.open_session(session.hash(), key.id, until).await?;
        Ok(Some((key, session)))
    }

    /// The key that a session was opened with, where both still hold.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn signed_in(&self, session: &Secret) -> Result<Option<ApiKey>, ApiError> {
        let key = self.keys.of_session(self.queue.store(), session).await?;
        Ok(key.filter(|key| key.ended(OffsetDateTime::now_utc()).is_none()))
    }

    /// Signs a browser out.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn sign_out(&self, session: &Secret) -> Result<(), ApiError> {
        self.keys.forget(session);
        Ok(self.queue.store().close_session(session.hash()).await?)
    }

    /// Whether a key is asked for.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn asks_for_keys(&self) -> Result<bool, ApiError> {
        Ok(self.keys.are_asked_for(self.queue.store()).await?)
    }
}

impl Service {
    /// Writes what is still to be written, before the service ends: who used a key and changed something.
    pub async fn finish(&self) {
        self.keys.finish(&self.queue).await;
    }

    /// Whose the jobs of a caller are.
    pub(super) fn owner_of_jobs(&self, caller: &Caller) -> Option<Owner> {
        caller.id().map(|key| Owner { key, most: self.entrance.key_queued })
    }
}
