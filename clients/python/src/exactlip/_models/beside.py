"""The file beside an ONNX model that holds its weights."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

#: How a tensor names such a file: an entry of a string map with the key `location`, up to the length of its value.
_LOCATION = b"\x0a\x08location\x12"


def beside(path: Path, content: bytes) -> bytes | None:
    """The contents of that file, where ``content`` names one and it is there.

    Raises ``ValueError`` where the weights are in several files, which the service does not take.
    """
    files = [path.with_name(name) for name in locations(content) if _is_near(name)]
    there = [file for file in files if file.is_file()]
    if len(files) > 1:
        names = ", ".join(file.name for file in files[:3])
        raise ValueError(
            f"{path.name} keeps its weights in {len(files)} files ({names}{', …' if len(files) > 3 else ''}): save it with "
            "one, as onnx.save(model, path, save_as_external_data=True, all_tensors_to_one_file=True) does"
        )
    return there[0].read_bytes() if there else None


def locations(content: bytes) -> list[str]:
    """The names of files that a model's tensors are kept in, in the order in which they first stand there."""
    found: dict[str, None] = {}
    at = content.find(_LOCATION)
    while at >= 0:
        at += len(_LOCATION)
        length = content[at] if at < len(content) else 0
        start = at + 1
        if length >= 0x80:  # a second byte of the length
            length = (length & 0x7F) | (content[start] << 7 if start < len(content) else 0)
            start += 1
        name = content[start : start + length]
        if 0 < length == len(name):
            found[name.decode("utf-8", errors="replace")] = None
        at = content.find(_LOCATION, at)
    return list(found)


def _is_near(name: str) -> bool:
    """Whether a file stands beside the model, or in a folder there: no model fetches what is elsewhere."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
