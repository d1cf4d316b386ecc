//! ONNX models whose weights are in a file beside them: the two are joined into one model before it is read.
//!
//! A model is rewritten message by message: a tensor that names an external file gets the bytes themselves, and everything else
//! is copied as it is. So whatever reads, stores or hashes a model knows models in one file only.
//!
//! The names in a model come from strangers: names are plain relative paths without a step upwards, and what is
//! copied is bounded by twice what there is.

use std::ops::Range;

/// How deep messages are nested at most: graphs within nodes within graphs.
const MAX_DEPTH: usize = 24;

/// Why a model and the file beside it cannot be joined.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JoinError {
    /// A model is not to be led to other folders.
    #[error(
        "a tensor names the file `{0}`: only a file beside the model, or in a folder there, may be named. Export the model \
         again, or save it in one file: onnx.save(model, path, save_as_external_data=False)"
    )]
    Name(String),
    /// The one file that came with the model is not all that it needs.
    #[error(
        "its weights are in {0} files ({1}): one can be sent with a model. Save it in one file: onnx.save(model, path, \
         save_as_external_data=False)"
    )]
    Several(usize, String),
    /// A tensor asks for bytes that the file does not have.
    #[error(
        "a tensor needs the bytes {} to {} of `{name}`, which has {size}: it is not the file that was written with this \
         model, or not all of it", .range.start, .range.end
    )]
    Range {
        /// The file.
        name: String,
        /// What is asked of it.
        range: Range<usize>,
        /// What it has.
        size: usize,
    },
    /// Tensors take the same bytes again and again.
    #[error("its tensors take more than twice the bytes that the model and the files beside it have")]
    TooLarge,
    /// An offset or a length is no number.
    #[error("a tensor has the {0} `{1}` in an external file: it must be a whole number")]
    Number(&'static str, String),
}

/// The files that a model needs beside it, each once, in the order in which they are named; none when it is complete, and none
/// when the bytes are no ONNX model.
///
/// # Errors
/// [`JoinError::Name`].
pub fn files_beside(model: &[u8]) -> Result<Vec<String>, JoinError> {
    let mut names: Vec<String> = Vec::new();
    let mut look = |external: &External| {
        if !names.contains(&external.name) {
            names.push(external.name.clone());
        }
        Ok(Vec::new())
    };
    let mut out = Vec::new();
    match message(model, Kind::Model, MAX_DEPTH, &mut look, &mut out) {
        Err(Broken::Join(error)) => Err(error),
        // Whoever reads it says what is wrong with it.
        Err(Broken::Wire) => Ok(Vec::new()),
        Ok(()) => Ok(names),
    }
}

/// The model with the bytes of the files beside it, `file` having those of each name that [`files_beside`] tells.
///
/// # Errors
/// [`JoinError`].
pub fn joined<'a>(model: &[u8], file: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Vec<u8>, JoinError> {
    let names = files_beside(model)?;
    let beside: usize = names.iter().filter_map(|name| file(name)).map(<[u8]>::len).sum();
    let mut room = beside.saturating_add(model.len());
    let mut fetch = |external: &External| {
        let bytes = file(&external.name).unwrap_or_default();
        let end =
            external.length.map_or(bytes.len().max(external.offset), |length| external.offset.saturating_add(length));
        let range = external.offset..end;
        let found = bytes.get(range.clone()).ok_or_else(|| JoinError::Range {
            name: external.name.clone(),
            range,
            size: bytes.len(),
        })?;
        room = room.checked_sub(found.len()).ok_or(JoinError::TooLarge)?;
        Ok(found.to_vec())
    };
    let mut out = Vec::new();
    match message(model, Kind::Model, MAX_DEPTH, &mut fetch, &mut out) {
        Err(Broken::Join(error)) => Err(error),
        Err(Broken::Wire) => Ok(model.to_vec()),
        Ok(()) => Ok(out),
    }
}

/// Whether the bytes begin as a model's do and end before one of its parts does.
pub(super) fn is_cut_off(model: &[u8]) -> bool {
    let mut fields = Fields { rest: model };
    let mut read = 0;
    loop {
        let rest = fields.rest;
        match fields.next() {
            None => return false,
            Some(Ok(field)) if matches!(field.number, 1..=8 | 14 | 20 | 25 | 26) => read += 1,
            Some(Ok(_)) => return false,
            Some(Err(_)) => {
                let names_more = varint(rest).and_then(|(tag, behind)| {
                    let length = varint(behind).filter(|_| tag & 7 == 2)?;
                    (length.0 > length.1.len() as u64).then_some(())
                });
                return read > 0 && (names_more.is_some() || rest.len() < 10 && varint(rest).is_none());
            }
        }
    }
}

/// Where a tensor's values are.
struct External {
    name: String,
    offset: usize,
    length: Option<usize>,
}

/// The messages on the way to tensors.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Function,
    SparseTensor,
    Tensor,
}

impl Kind {
    /// The message in field `number`, where tensors may be.
    fn field(self, number: u64) -> Option<Kind> {
        match (self, number) {
            (Kind::Model, 7) | (Kind::Attribute, 6 | 11) => Some(Kind::Graph),
            (Kind::Model, 25) => Some(Kind::Function),
            (Kind::Graph, 1) | (Kind::Function, 7) => Some(Kind::Node),
            (Kind::Graph, 5) | (Kind::Attribute, 5 | 10) | (Kind::SparseTensor, 1 | 2) => Some(Kind::Tensor),
            (Kind::Graph, 15) | (Kind::Attribute, 22 | 23) => Some(Kind::SparseTensor),
            (Kind::Node, 5) | (Kind::Function, 11) => Some(Kind::Attribute),
            (Kind::Model | Kind::Graph | Kind::Node | Kind::Attribute | Kind::Function, _) => None,
            (Kind::SparseTensor | Kind::Tensor, _) => None,
        }
    }
}

/// The fields of a tensor that matter.
const RAW_DATA: u64 = 9;
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;

enum Broken {
    /// The bytes are no message.
    Wire,
    Join(JoinError),
}

type Fetch<'f> = dyn FnMut(&External) -> Result<Vec<u8>, JoinError> + 'f;

/// Copies a message, with the tensors in it joined.
fn message(bytes: &[u8], kind: Kind, depth: usize, fetch: &mut Fetch<'_>, out: &mut Vec<u8>) -> Result<(), Broken> {
    if depth == 0 {
        return Err(Broken::Wire);
    }
    if let Kind::Tensor = kind {
        return tensor(bytes, fetch, out);
    }
    for field in (Fields { rest: bytes }) {
        let field = field?;
        match (kind.field(field.number), field.content) {
            (Some(inner), Some(content)) => {
                let mut written = Vec::new();
                message(content, inner, depth - 1, fetch, &mut written)?;
                write_content(field.number, &written, out);
            }
            _ => out.extend_from_slice(field.whole),
        }
    }
    Ok(())
}

fn tensor(bytes: &[u8], fetch: &mut Fetch<'_>, out: &mut Vec<u8>) -> Result<(), Broken> {
    let mut entries = Vec::new();
    let mut is_external = false;
    for field in (Fields { rest: bytes }) {
        let field = field?;
        match (field.number, field.content) {
            (EXTERNAL_DATA, Some(content)) => entries.push(entry(content)?),
            (DATA_LOCATION, None) => is_external = field.whole.last() == Some(&1),
            _ => {}
        }
    }
    if !is_external {
        out.extend_from_slice(bytes);
        return Ok(());
    }
    let values = fetch(&external(&entries).map_err(Broken::Join)?).map_err(Broken::Join)?;
    for field in (Fields { rest: bytes }) {
        let field = field?;
        if !matches!(field.number, EXTERNAL_DATA | DATA_LOCATION | RAW_DATA) {
            out.extend_from_slice(field.whole);
        }
    }
    write_content(RAW_DATA, &values, out);
    Ok(())
}

/// Key and value.
fn entry(bytes: &[u8]) -> Result<(String, String), Broken> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in (Fields { rest: bytes }) {
        let field = field?;
        let text = field.content.map(|content| String::from_utf8_lossy(content).into_owned());
        match (field.number, text) {
            (1, Some(text)) => key = text,
            (2, Some(text)) => value = text,
            _ => {}
        }
    }
    Ok((key, value))
}

fn external(entries: &[(String, String)]) -> Result<External, JoinError> {
    let value = |key: &str| entries.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    let number = |key: &'static str| {
        let text = value(key).filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|_| JoinError::Number(key, super::clip(text)))).transpose()
    };
    let name = value("location").unwrap_or_default();
    if !stays_beside(name) {
        return Err(JoinError::Name(super::clip(name)));
    }
    Ok(External { name: name.to_owned(), offset: number("offset")?.unwrap_or(0), length: number("length")? })
}

/// Whether a path leads to a file in the same folder or below it, on any system.
fn stays_beside(name: &str) -> bool {
    let is_step = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
    name.strip_prefix("./").unwrap_or(name).split('/').all(is_step)
}

fn write_content(number: u64, content: &[u8], out: &mut Vec<u8>) {
    write_varint(number << 3 | 2, out);
    write_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field of a message, as it stands there.
struct Field<'a> {
    number: u64,
    whole: &'a [u8],
    /// What a field with a length has.
    content: Option<&'a [u8]>,
}

/// The fields of a message.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(Broken::Wire))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<Field<'a>> {
        let whole = self.rest;
        let (tag, mut rest) = varint(whole)?;
        let mut content = None;
        match tag & 7 {
            0 => rest = varint(rest)?.1,
            1 => rest = rest.get(8..)?,
            2 => {
                let (length, behind) = varint(rest)?;
                let length = usize::try_from(length).ok()?;
                content = Some(behind.get(..length)?);
                rest = behind.get(length..)?;
            }
            5 => rest = rest.get(4..)?,
            // Groups are not used.
            _ => return None,
        }
        self.rest = rest;
        Some(Field { number: tag >> 3, whole: &whole[..whole.len() - rest.len()], content })
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32)?;
        if byte < 0x80 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u64, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_content(number, content, &mut out);
        out
    }

    /// A model with one initializer whose values are at these places in a file.
    fn model(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut tensor = field(8, b"w");
        for (key, value) in entries {
            tensor.extend(field(EXTERNAL_DATA, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat()));
        }
        tensor.extend([(DATA_LOCATION << 3) as u8, 1]);
        [field(2, b"made by hand"), field(7, &field(5, &tensor))].concat()
    }

    #[test]
    fn a_model_and_the_file_beside_it_become_one() {
        let model = model(&[("location", "m.onnx.data"), ("offset", "2"), ("length", "3")]);
        assert_eq!(files_beside(&model).unwrap(), ["m.onnx.data"]);
        let one = joined(&model, |name| (name == "m.onnx.data").then_some(&b"0123456789"[..])).unwrap();
        let tensor = [field(8, b"w"), field(RAW_DATA, b"234")].concat();
        assert_eq!(one, [field(2, b"made by hand"), field(7, &field(5, &tensor))].concat());
        assert!(files_beside(&one).unwrap().is_empty());
        assert_eq!(joined(&one, |_| None).unwrap(), one);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["../w", "/etc/passwd", "a/../../w", "", "..", "C:\\w", "a\\..\\w", "a//w", "./../w", "a/."] {
            let error = files_beside(&model(&[("location", name)])).unwrap_err();
            assert!(matches!(error, JoinError::Name(_)), "{name}: {error}");
        }
        for name in ["w", "./w", "weights/w.bin", "..w", "m.onnx.data"] {
            assert_eq!(files_beside(&model(&[("location", name)])).unwrap(), [name]);
        }
    }

    #[test]
    fn bytes_that_are_not_there_are_asked_for_in_vain() {
        let join = |offset: &str, length: &str| {
            joined(&model(&[("location", "w"), ("offset", offset), ("length", length)]), |_| Some(&b"0123"[..]))
        };
        assert!(join("1", "3").is_ok());
        for (offset, length) in [("2", "3"), ("5", "0"), ("18446744073709551615", "9")] {
            assert!(matches!(join(offset, length), Err(JoinError::Range { .. })), "{offset} {length}");
        }
        assert!(matches!(join("-1", "1"), Err(JoinError::Number("offset", _))));
        assert!(matches!(joined(&model(&[("location", "w")]), |_| None), Ok(one) if !one.is_empty()));
    }

    #[test]
    fn the_same_bytes_are_not_taken_again_and_again() {
        let tensor = model(&[("location", "w")]);
        // Twenty copies of the graph field in one message.
        let graph = &tensor[field(2, b"made by hand").len()..];
        let many = graph.repeat(20);
        let weights = vec![7; 100_000];
        assert_eq!(joined(&many, |_| Some(&weights)), Err(JoinError::TooLarge));
    }

    #[test]
    fn a_model_that_was_cut_off_is_told_from_what_is_none() {
        let model = [vec![8, 9], model(&[("location", "w")])].concat();
        assert!(!is_cut_off(&model));
        assert!((20..model.len()).all(|end| is_cut_off(&model[..end])));
        for bytes in [&b"hello"[..], b"{\"layers\": []}", b"\xff\xff\xff\xff", b""] {
            assert!(!is_cut_off(bytes));
        }
    }

    #[test]
    fn what_is_no_model_is_left_as_it_is() {
        for bytes in [&b"hello"[..], b"\xff\xff\xff", b"", b"{\"layers\": []}"] {
            assert!(files_beside(bytes).unwrap().is_empty());
            assert_eq!(joined(bytes, |_| None).unwrap(), bytes);
        }
    }
}
