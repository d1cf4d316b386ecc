#!/usr/bin/env python3
"""Makes the modules of `exactlip._sync` from those of `exactlip._async`, so that both clients are one text.

`unasync.py` writes them; `unasync.py --check` says which are stale, and fails then.
"""

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent / "src" / "exactlip"
HEADER = "# Made from {source} by unasync.py: edit that.\n"
#: In order; each a pattern and what stands in its place.
WORDS = [
    (r"    await asyncio\.sleep\((\w+)\)", r"    time.sleep(\1)"),
    (r"return await asyncio\.to_thread\((\w+)\)", r"return \1()"),
    (r"^import asyncio\n", ""),
    (r"\bawait ", ""),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"(\w+) async for\b", r"\1 for"),
    (r"AsyncIterator, Callable", "Callable, Iterator"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\ba(close|read)\b", r"\1"),
    (r"\baiter_lines\b", "iter_lines"),
    (r"The client for ``asyncio``\..*?\"\"\"", 'The client that waits."""'),
]


def converted(source: Path) -> str:
    """The synchronous text of a module."""
    text = source.read_text(encoding="utf-8")
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return HEADER.format(source=f"_async/{source.name}") + text


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    stale = []
    for source in sorted((PACKAGE / "_async").glob("*.py")):
        target = PACKAGE / "_sync" / source.name
        text = converted(source)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            stale.append(target.name)
            if not check:
                target.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"stale in _sync: {', '.join(stale)}; run clients/python/unasync.py", file=sys.stderr)
    return int(check and bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())
