//! Server-sent events as they come: the fields `id`, `event` and `data`, of one line each.

use std::io::{self, BufRead};

use serde_json::Value;

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 256 << 20;

/// One event of a job.
#[derive(Debug, PartialEq)]
pub(super) struct JobEvent {
    /// Where a listener goes on.
    pub(super) id: Option<i64>,
    /// `state`, `progress`, `tier` or `result`.
    pub(super) kind: String,
    /// What happened.
    pub(super) data: Value,
}

/// Reads the next event; `None` at the end of the stream. An event that was cut off is none.
pub(super) fn next(stream: &mut impl BufRead) -> io::Result<Option<JobEvent>> {
    let mut event = JobEvent { id: None, kind: String::new(), data: Value::Null };
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than may be, to tell a line that is too long.
        let mut limited = io::Read::take(&mut *stream, MAX_LINE as u64 + 1);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_LINE {
            return Err(io::Error::other("an event is too long"));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            if event.kind.is_empty() {
                continue;
            }
            return Ok(Some(event));
        }
        // A line that starts with a colon is a sign of life.
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => event.id = value.parse().ok(),
            "event" => event.kind = value.to_owned(),
            "data" => event.data = serde_json::from_str(value).map_err(io::Error::other)?,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{JobEvent, next};

    #[test]
    fn events_are_read_between_signs_of_life_and_one_that_is_cut_off_is_none() {
        let mut text =
            ":\n\nid: 7\nevent: state\ndata: {\"a\": 1}\n\n:\n\nevent:x\r\ndata:2\r\n\r\nid: 8\nevent: y\n".as_bytes();
        let first = JobEvent { id: Some(7), kind: "state".into(), data: json!({"a": 1}) };
        assert_eq!(next(&mut text).unwrap(), Some(first));
        assert_eq!(next(&mut text).unwrap(), Some(JobEvent { id: None, kind: "x".into(), data: json!(2) }));
        assert_eq!(next(&mut text).unwrap(), None);
        assert!(next(&mut "data: {\n\n".as_bytes()).is_err());
    }
}
