//! The database's file: that it is one, that it is this service's alone, and that it is still there.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::StoreError;

/// What a SQLite file begins with (sqlite.org/fileformat.html).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Who may do what with the file and those that SQLite makes beside it.
const MODE: u32 = 0o600;

/// The path in an address: `sqlite://PATH`, or a path alone. What is said about an address never repeats it as a whole:
/// addresses carry passwords.
pub(super) fn path(address: &str) -> Result<PathBuf, StoreError> {
    let refuse = |detail: String| Err(StoreError::Address(format!("the database's address {detail}")));
    let Some(rest) = address.strip_prefix("sqlite:") else {
        // Another database's address; a path may hold a colon behind a slash, but an @ is never a file's here.
        let is_word = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let scheme = address.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| scheme.chars().all(is_word));
        if scheme.is_some() || address.contains('@') || address.contains("://") {
            let shown =
                address.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| scheme.chars().all(is_word));
            let begins =
                shown.map_or_else(|| "is none of a file".into(), |scheme| format!("begins with `{scheme}://`"));
            return refuse(format!("{begins}: use a path, or `sqlite://PATH`"));
        }
        if address.is_empty() || address == ":memory:" {
            return refuse("names no file: use a path, or `sqlite://PATH`".into());
        }
        return Ok(PathBuf::from(address));
    };
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    if parameters.split('&').any(|parameter| !matches!(parameter, "" | "mode=rwc" | "mode=rw")) {
        return refuse("has a parameter that no service can use: write `sqlite://PATH` alone".into());
    }
    if rest.contains(":memory:") {
        return refuse("names no file: use `sqlite://PATH`".into());
    }
    match SqliteConnectOptions::from_str(&format!("sqlite:{rest}")) {
        Ok(options) if !options.get_filename().as_os_str().is_empty() => Ok(options.get_filename().to_path_buf()),
        Ok(_) => refuse("names no file: use `sqlite://PATH`".into()),
        Err(_) => refuse("cannot be read: use `sqlite://PATH`".into()),
    }
}

/// The path as an error may show it: without what stands before an `@`.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    text.rsplit_once('@').map_or(text.clone(), |(_, rest)| format!("…@{rest}"))
}

/// A file of one service. The lock is on the file itself, so that it holds whatever name the file is opened by; the system
/// drops it with the process. No file is made beside it, and nothing in it is touched before it is known to be a database.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    // Never closed while SQLite has the file open: that would drop SQLite's own locks, which are the process's.
    _lock: File,
    place: Place,
}

/// Where the file is, and which one it is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    identity: (u64, u64),
    min_free_mb: u64,
}

impl DatabaseFile {
    /// Opens and locks the file at `path`, or makes an empty one.
    pub(super) fn open(path: &Path, min_free_mb: u64) -> Result<Self, StoreError> {
        let refuse = |detail: String| StoreError::Address(format!("the database {}: {detail}", shown(path)));
        let failed = |what: &str| {
            let what = what.to_owned();
            move |e: io::Error| refuse(format!("{what}: {e}"))
        };
        let file = match fs::metadata(path) {
            Ok(found) if !found.is_file() => return Err(refuse("is no file".into())),
            Ok(found) if found.permissions().readonly() => {
                return Err(refuse("is read-only: a service writes to it".into()));
            }
            Ok(_) => {
                OpenOptions::new().read(true).write(true).open(path).map_err(failed("cannot be opened for writing"))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A file that is there by now, or a link to nowhere, is somebody else's.
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true).mode(MODE);
                options.open(path).map_err(failed("cannot be created"))?
            }
            Err(error) => return Err(failed("cannot be looked at")(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // If it is this process that holds it, closing the file would drop SQLite's locks on it.
                std::mem::forget(file);
                return Err(StoreError::InUse(shown(path)));
            }
            Err(TryLockError::Error(e)) => return Err(failed("cannot be locked")(e)),
        }
        let found = file.metadata().map_err(failed("cannot be looked at"))?;
        let mut head = [0; MAGIC.len()];
        if found.len() > 0 && (file.read_exact_at(&mut head, 0).is_err() || head != *MAGIC) {
            return Err(refuse("is no SQLite database; it was left as it is".into()));
        }
        let path = fs::canonicalize(path).map_err(failed("cannot be found"))?;
        let place = Place { identity: (found.dev(), found.ino()), path, min_free_mb };
        place.check()?;
        place.close_to_others();
        Ok(Self { _lock: file, place })
    }

    /// Its path without symbolic links.
    pub(super) fn path(&self) -> &Path {
        &self.place.path
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// As [`Place::require_room`].
    pub(super) fn require_room(&self, bytes: u64) -> Result<(), StoreError> {
        self.place.require_room(bytes)
    }
}

impl Place {
    /// Whether the file of this name is still the one that was opened: what is written to a deleted file is lost.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == self.identity => Ok(()),
            Ok(_) => Err(StoreError::Moved("was replaced by another one")),
            Err(_) => Err(StoreError::Moved("was deleted, moved, or cannot be reached")),
        }
    }

    /// Refuses what is new while the disk, `bytes` less, has less room than is to be kept free.
    pub(super) fn require_room(&self, bytes: u64) -> Result<(), StoreError> {
        // A system that does not tell is asked by writing.
        let Some(free) = free_bytes(&self.path) else { return Ok(()) };
        if free.saturating_sub(bytes) >= self.min_free_mb.saturating_mul(1 << 20) {
            return Ok(());
        }
        Err(StoreError::NoRoom { free_mb: free >> 20, floor_mb: self.min_free_mb })
    }

    /// Takes the file, and those that SQLite has left beside it, away from other users.
    fn close_to_others(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            let path = PathBuf::from(path);
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if !found.is_file() || found.mode() & 0o777 & !MODE == 0 {
                continue;
            }
            match fs::set_permissions(&path, Permissions::from_mode(found.mode() & 0o777 & MODE)) {
                Ok(()) => tracing::info!(file = %path.display(), "other users cannot read it any more"),
                Err(error) => tracing::warn!(file = %path.display(), %error, "other users may read it"),
            }
        }
    }
}

/// How much an ordinary user may still write to the disk that holds `path`; `None` where the system does not tell.
fn free_bytes(path: &Path) -> Option<u64> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: all zeroes are a valid value of the structure.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with a zero, the call writes to `found`, and both outlive it.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut found) } != 0 {
        return None;
    }
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Refuses a database that has tables and none of this service's; `options` must change nothing in it.
pub(super) async fn refuse_foreign(options: &SqliteConnectOptions, file: &DatabaseFile) -> Result<(), StoreError> {
    let mut connection = options.connect().await?;
    let (tables, ours): (i64, i64) = sqlx::query_as(
        "SELECT count(*), ifnull(sum(name = '_sqlx_migrations'), 0) FROM sqlite_schema WHERE type = 'table'",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    if tables > 0 && ours == 0 {
        let detail = format!("the database {}: is another program's; it was left as it is", shown(file.path()));
        return Err(StoreError::Address(detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_its_password() {
        for address in [
            "postgres://user:secret@host/exactlip",
            "postgres:secret",
            "user:secret@host",
            "sqlite://jobs.db?password=secret",
            "sqlite://jobs.db?mode=secret",
            "sqlite://jobs.db?immutable=1",
            "sqlite::memory:",
            "sqlite://",
            "secret://jobs.db/..%",
            "sqlite://%ff/secret",
        ] {
            let refusal = path(address).unwrap_err().to_string();
            assert!(!refusal.replace("`secret://`", "").contains("secret"), "{address}: {refusal}");
            assert!(refusal.contains("sqlite://PATH"), "{address}: {refusal}");
        }
        let refusal = DatabaseFile::open(Path::new("user:secret@host/no/such/place.db"), 0).unwrap_err().to_string();
        assert!(!refusal.contains("secret") && refusal.contains("place.db"), "{refusal}");
        assert_eq!(path("sqlite://a%20b.db?mode=rwc").unwrap(), Path::new("a b.db"));
        assert_eq!(path("sqlite:///var/x.db").unwrap(), Path::new("/var/x.db"));
    }
}
