//! Files that are no networks in a format that is read, told by how they begin, with what to do instead.

/// What a file is instead of a network, and what its owner may do; `None` where it looks like nothing known.
pub(super) fn named(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    let starts = |with: &str| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()));
    let contains = |what: &[u8]| bytes.windows(what.len()).any(|part| part == what);
    if starts("version https://git-lfs.github.com/spec/") {
        return Some("it is a Git LFS pointer, not the file it stands for: run `git lfs pull` where it comes from");
    }
    if ["<!doctype html", "<html", "<?xml", "<head", "<body"].iter().any(|tag| starts(tag)) {
        return Some("it is a web page, not the file: download the raw file");
    }
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Some("it is an HDF5 file, as Keras writes: export the model to ONNX, with tf2onnx or model.export");
    }
    if bytes.starts_with(b"MATLAB ") {
        return Some("it is a MATLAB file: export the network with exportONNXNetwork");
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(if contains(b"data.pkl") || contains(b"version") && contains(b".data/") {
            "it is a PyTorch archive: load it in Python and export it with torch.onnx.export"
        } else if contains(b"model.weights.h5") {
            "it is a Keras archive: export the model to ONNX, with tf2onnx or model.export"
        } else if contains(b".npy") {
            "it is an archive of NumPy arrays: a network is read as ONNX, NNet or JSON"
        } else {
            "it is a zip archive: send the network's file itself"
        });
    }
    match bytes {
        [0x80, 2..=5, ..] => Some(
            "it is a pickle, as PyTorch and scikit-learn write: load it in Python and export it, with torch.onnx.export or \
             skl2onnx",
        ),
        [0x1f, 0x8b, ..] => Some("it is compressed with gzip: unpack it first"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("it is compressed with xz: unpack it first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("it is compressed with zstd: unpack it first"),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => {
            Some("it is one NumPy array: a network is read as ONNX, NNet or JSON")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("it is text in UTF-16: save it in UTF-8"),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => {
            Some("it is a TensorFlow Lite model: convert it to ONNX with tf2onnx --tflite")
        }
        [_, _, _, _, _, _, 0, 0, b'{', b'"', ..] => {
            Some("it is a safetensors file, which has weights alone: export the model to ONNX")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn files_are_named_for_what_they_are() {
        for (bytes, word) in [
            (&b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n"[..], "git lfs pull"),
            (b"\n\n<!DOCTYPE html>\n<html lang=\"en\">", "web page"),
            (b"<HTML><body>", "web page"),
            (b"PK\x03\x04\x00\x00net/data.pkl\x80\x02", "torch.onnx.export"),
            (b"PK\x03\x04\x00\x00metadata.json model.weights.h5", "Keras"),
            (b"PK\x03\x04\x00\x00w.npy", "NumPy"),
            (b"PK\x03\x04\x00\x00word/document.xml", "zip archive"),
            (b"\x80\x02}q\x00", "pickle"),
            (b"\x89HDF\r\n\x1a\n\x00", "HDF5"),
            (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "MATLAB"),
            (b"\x1f\x8b\x08\x00", "gzip"),
            (b"\x93NUMPY\x01\x00", "NumPy"),
            (b"\xff\xfe{\x00", "UTF-16"),
            (b"\x1c\x00\x00\x00TFL3\x00", "TensorFlow Lite"),
            (b"\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":{", "safetensors"),
        ] {
            let found = named(bytes).unwrap_or_else(|| panic!("{word}: not known"));
            assert!(found.contains(word), "{word}: {found}");
        }
        for bytes in [&b"\x08\x07\x12\x07pytorch"[..], b"{\"layers\": []}", b"2,1,1,2,\n", b"", b"hello"] {
            assert_eq!(named(bytes), None);
        }
    }
}
