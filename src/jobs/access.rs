//! Who may do what: API keys and their scopes.
//!
//! A secret is `exl_` and 256 random bits in hexadecimal digits. Only its hash is kept; with that many random bits a plain
//! SHA-256 is enough, and no table of guesses helps. Its first digits are kept as they are: by them its row is found, and
//! what is left to compare is compared in constant time.

use std::fmt;
use std::str::FromStr;

use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use uuid::Uuid;

/// What every secret of a key begins with.
const KEY_MARK: &str = "exl_";
/// What every secret of a session begins with.
const SESSION_MARK: &str = "exs_";
/// How many random bytes a secret has.
const RANDOM_BYTES: usize = 32;
/// How many characters of a secret are no secret: the mark and 48 random bits.
const PREFIX: usize = 16;
/// The longest name of a key, in bytes.
const MAX_NAME: usize = 100;

/// What a key allows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To look: every GET, the metrics, and the values of stored networks.
    Read,
    /// To ask: new networks, jobs and batches, to cancel and to ask again.
    Submit,
    /// To delete.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Submit, Scope::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Submit => "submit",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Scope::ALL.into_iter().find(|scope| scope.name() == text);
        known.ok_or_else(|| format!("there is no scope `{text}`: use read, submit and admin"))
    }
}

/// The scopes of a key: each allows what it names and nothing else.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Whether they allow what needs `scope`.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = String;

    /// Reads `read,submit`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut scopes = text.split(',').map(|word| word.trim().parse()).collect::<Result<Vec<Scope>, String>>()?;
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Self(scopes))
    }
}

/// What is kept of an API key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiKey {
    /// Its id, by which it is revoked.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// What its secret begins with.
    pub prefix: String,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was used last, to a minute.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// A key that is made at `now`, and its secret, which is kept nowhere.
    ///
    /// # Errors
    /// What is wrong with the name, or that the system gives no random numbers.
    pub fn new(
        name: &str,
        scopes: Scopes,
        now: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(Self, Secret), String> {
        let name = name.trim();
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(format!("the name of a key has 1 to {MAX_NAME} bytes and no control characters"));
        }
        let secret = Secret::new(KEY_MARK)?;
        let prefix = secret.0.get(..PREFIX).unwrap_or_default().to_owned();
        let key = Self {
            id: Uuid::now_v7(),
            name: name.to_owned(),
            prefix,
            scopes,
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        Ok((key, secret))
    }

    /// Why the key is not to be used at `now`, if it is not.
    pub fn ended(&self, now: OffsetDateTime) -> Option<&'static str> {
        if self.revoked_at.is_some() {
            return Some("was revoked");
        }
        self.expires_at.is_some_and(|end| end <= now).then_some("has expired")
    }
}

/// A secret: who has it may do what its key allows. It shows itself nowhere but where it is asked for.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    fn new(mark: &str) -> Result<Self, String> {
        let mut random = [0; RANDOM_BYTES];
        OsRng.try_fill_bytes(&mut random).map_err(|e| format!("the system gives no random numbers: {e}"))?;
        Ok(Self(random.iter().fold(mark.to_owned(), |text, byte| text + &format!("{byte:02x}"))))
    }

    /// The secret of a new session.
    ///
    /// # Errors
    /// That the system gives no random numbers.
    pub fn of_session() -> Result<Self, String> {
        Self::new(SESSION_MARK)
    }

    /// The secret in a text that has the form of a key.
    pub fn of_key(text: &str) -> Option<Self> {
        Self::read(KEY_MARK, text)
    }

    /// The secret in a text that has the form of a session.
    pub fn of_cookie(text: &str) -> Option<Self> {
        Self::read(SESSION_MARK, text)
    }

    fn read(mark: &str, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(mark)?;
        let whole = digits.len() == 2 * RANDOM_BYTES && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        whole.then(|| Self(text.to_owned()))
    }

    /// The text: printed once, or sent to the browser that keeps it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What it begins with, which is no secret.
    pub fn prefix(&self) -> &str {
        self.0.get(..PREFIX).unwrap_or_default()
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

/// The SHA-256 of a secret.
#[derive(Clone, Copy, Debug)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// From what was stored; `None` when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// What is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are of the same secret; takes as long whatever they are.
    pub fn equals(&self, other: &SecretHash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// One line of the record of who changed what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditEntry {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By which key; `None` where the service asks for none.
    pub key: Option<Uuid>,
    /// What the key was called then.
    pub name: Option<String>,
    /// From which address.
    pub client: String,
    /// The request's method and path.
    pub action: String,
    /// What came of it: the path of what was made, where something was.
    pub subject: String,
    /// The status of the answer.
    pub status: u16,
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_alone_and_shows_itself_nowhere() {
        let now = OffsetDateTime::now_utc();
        let (key, secret) = ApiKey::new(" pipeline ", "submit,read,read".parse().unwrap(), now, None).unwrap();
        assert_eq!((key.name.as_str(), key.scopes.to_string().as_str()), ("pipeline", "read,submit"));
        assert_eq!(secret.reveal().len(), 4 + 64);
        assert!(secret.reveal().starts_with(&key.prefix) && key.prefix == secret.prefix());
        let again = Secret::of_key(secret.reveal()).unwrap();
        assert!(again.hash().equals(&secret.hash()));
        let (_, other) = ApiKey::new("other", "read".parse().unwrap(), now, None).unwrap();
        assert!(!other.hash().equals(&secret.hash()));
        let shown = format!("{secret:?} {:?} {}", key, serde_json::to_string(&key).unwrap());
        assert!(!shown.contains(&secret.reveal()[PREFIX..]), "{shown}");
    }

    #[test]
    fn what_has_not_the_form_of_a_secret_is_none() {
        let secret = Secret::of_session().unwrap();
        assert!(Secret::of_cookie(secret.reveal()).is_some() && Secret::of_key(secret.reveal()).is_none());
        let digits = "0".repeat(64);
        for text in ["", "exl_", "exl_0", &format!("exl_{digits}0"), &format!("exl_{}G", &digits[1..]), &digits] {
            assert!(Secret::of_key(text).is_none(), "{text}");
        }
        // Bytes of a character must not be cut.
        assert!(Secret::of_key(&format!("exl_{}", "ü".repeat(32))).is_none());
    }

    #[test]
    fn a_key_ends_when_it_expires_or_is_revoked() {
        let now = OffsetDateTime::now_utc();
        let scopes: Scopes = "read".parse().unwrap();
        let (mut key, _) = ApiKey::new("k", scopes.clone(), now, Some(now + Duration::HOUR)).unwrap();
        assert_eq!(key.ended(now), None);
        assert_eq!(key.ended(now + Duration::HOUR), Some("has expired"));
        key.revoked_at = Some(now);
        assert_eq!(key.ended(now), Some("was revoked"));
        assert!(scopes.allow(Scope::Read) && !scopes.allow(Scope::Submit) && !scopes.allow(Scope::Admin));
        assert!("read,write".parse::<Scopes>().unwrap_err().contains("`write`"));
        assert!(ApiKey::new("\n", scopes, now, None).is_err());
    }
}
