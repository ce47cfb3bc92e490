"""Two values of a TOML file, found without reading it as TOML, which takes longer than a whole hand-over.

Only the plain way of writing them is known, a line with one string in quotes. Whoever is told
of a value here is told of the same by the reader of the configuration before anything hangs on it.
"""

from __future__ import annotations


def glance(text: bytes) -> tuple[str, str] | None:
    """Return ``spool`` and ``serve.submit``, two absolute paths, or None where they do not meet the eye."""
    lines = b"\n" + text.replace(b"\r\n", b"\n")
    top = lines.partition(b"\n[")[0]
    serve = lines.partition(b"\n[serve]")[2].partition(b"\n[")[0]
    spool, submit = _path(top, b"spool"), _path(serve, b"submit")
    return (spool, submit) if spool and submit else None


def _path(lines: bytes, key: bytes) -> str | None:
    for line in lines.split(b"\n"):
        word, _, rest = line.partition(b"=")
        if word.strip() != key:
            continue
        value = rest.strip()
        quote = value[:1]
        path, closed, after = value[1:].partition(quote or b"=")
        if quote not in (b'"', b"'") or not closed or b"\\" in path or not path.startswith(b"/"):
            return None
        if after.strip() and not after.strip().startswith(b"#"):
            return None
        try:
            return path.decode()
        except UnicodeDecodeError:
            return None
    return None
