//! `/sign-in`: a browser gets in with an API key, and keeps a session instead of the key.

use std::net::{IpAddr, Ipv4Addr};

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::{moment, render_with};
use crate::dashboard::actions::own_page;
use crate::http::{ApiError, COOKIE, Client, Code, Parameters, SIGN_IN, Service, cookie};
use crate::jobs::{ApiKey, Secret};

/// How long a session lasts.
const SESSION: Duration = Duration::hours(12);
/// The largest form that is read: a key and a path.
const MAX_FORM_BYTES: usize = 16 << 10;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    /// Whether the service asks for keys.
    asked_for: bool,
    /// The key that the browser is signed in with.
    key: Option<KeyWords>,
    /// Where to go then.
    next: String,
    error: Option<&'static str>,
}

struct KeyWords {
    name: String,
    scopes: String,
    end: Option<String>,
}

impl KeyWords {
    fn new(key: ApiKey) -> Self {
        Self { scopes: key.scopes.to_string(), end: key.expires_at.map(moment), name: key.name }
    }
}

/// What the address asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct SignInQuery {
    next: Option<String>,
}

/// The form, or whom the browser is signed in as.
pub(in crate::dashboard) async fn show(
    State(service): State<Service>,
    Parameters(query): Parameters<SignInQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let key = match cookie(&headers) {
        Some(session) => service.signed_in(&session).await?,
        None => None,
    };
    page(&service, StatusCode::OK, key, own_path(query.next.as_deref()), None).await
}

async fn page(
    service: &Service,
    status: StatusCode,
    key: Option<ApiKey>,
    next: &str,
    error: Option<&'static str>,
) -> Result<Response, ApiError> {
    let asked_for = service.asks_for_keys().await?;
    render_with(status, &SignInPage { asked_for, key: key.map(KeyWords::new), next: next.to_owned(), error })
}

/// A path of this service; another site's address would be a way to send people there.
fn own_path(next: Option<&str>) -> &str {
    let is_own = |next: &&str| {
        next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && !next.contains(char::is_control)
    };
    next.filter(is_own).filter(|next| !next.starts_with(SIGN_IN)).unwrap_or("/")
}

/// Signs in.
pub(in crate::dashboard) async fn enter(
    State(service): State<Service>,
    client: Option<Extension<Client>>,
    request: Request,
) -> Result<Response, ApiError> {
    own_page(request.headers())?;
    let fields = service.read_form(request, MAX_FORM_BYTES).await?;
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let next = own_path(field("next"));
    let (address, encrypted) = client
        .map_or((IpAddr::V4(Ipv4Addr::UNSPECIFIED), false), |Extension(client)| (client.address, client.encrypted));
    let until = OffsetDateTime::now_utc() + SESSION;
    let secret = field("key").unwrap_or_default().trim();
    let Some((key, session)) = service.sign_in(address, secret, until).await? else {
        tracing::warn!(client = %address, "somebody tried to sign in with a key that is none");
        let error = "There is no such key, or it has ended.";
        return page(&service, StatusCode::UNAUTHORIZED, None, next, Some(error)).await;
    };
    tracing::info!(client = %address, key = key.name, "signed in");
    let kept = set_cookie(Some(&session), encrypted)?;
    Ok(([(header::SET_COOKIE, kept)], Redirect::to(next)).into_response())
}

/// Signs out.
pub(in crate::dashboard) async fn leave(
    State(service): State<Service>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    own_page(&headers)?;
    if let Some(session) = cookie(&headers) {
        service.sign_out(&session).await?;
    }
    Ok(([(header::SET_COOKIE, set_cookie(None, false)?)], Redirect::to(SIGN_IN)).into_response())
}

/// What tells a browser to keep a session, or to forget it. No script sees it, and no other site's forms come with it.
fn set_cookie(session: Option<&Secret>, encrypted: bool) -> Result<HeaderValue, ApiError> {
    let (value, seconds) = session.map_or(("", 0), |session| (session.reveal(), SESSION.whole_seconds()));
    let secure = if encrypted { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| ApiError::new(Code::Internal, "the session cannot be sent to the browser"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(own_path(Some("/jobs/1?x=y")), "/jobs/1?x=y");
        for next in ["//evil.example", "https://evil.example", "/\\evil.example", "", "evil", "/sign-in?next=/", "/\tx"]
        {
            assert_eq!(own_path(Some(next)), "/", "{next}");
        }
    }
}
