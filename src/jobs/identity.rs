//! What makes two networks the same.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The id of a network: the sha256 of its file in hexadecimal digits.
///
/// A file of which another than the default output was chosen is another network: the choice is hashed behind the bytes.
pub fn network_id(bytes: &[u8], output: Option<&str>) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes);
    if let Some(output) = output {
        hash.update(b"\0output\0");
        hash.update(output.as_bytes());
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
