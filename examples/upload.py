#!/usr/local/bin/wsgi-cgi
"""A form that uploads files. They are read as they arrive: a large one needs no more memory
than a small one. Instead of storing a file, this tells its size and checksum."""

import hashlib
from email.message import Message
from html import escape

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Upload</title>
<form method="post" enctype="multipart/form-data">
<input type="file" name="file" multiple> <button>Upload</button>
</form>
"""


def application(environ, start_response):
    if environ["REQUEST_METHOD"] != "POST":
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE.encode()]
    lines = [PAGE, "<ul>\n"]
    try:
        for headers, blocks in parts(environ):
            checksum, size = hashlib.sha256(), 0
            for block in blocks:
                checksum.update(block)
                size += len(block)
            # A name from outside is never used as a path, and never shown unescaped.
            name = escape(headers.get_filename() or "a field without a file")
            lines.append(f"<li>{name}: {size} bytes, SHA-256 {checksum.hexdigest()}\n")
    except ValueError as error:
        start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{error}\n".encode()]
    lines.append("</ul>\n")
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return ["".join(lines).encode()]


def parts(environ):
    """Each part of a multipart/form-data body: its headers, and an iterable over its blocks,
    which has to be used up before the next part is asked for."""
    form = Message()
    form["Content-Type"] = environ.get("CONTENT_TYPE", "")
    boundary = form.get_boundary()
    if form.get_content_type() != "multipart/form-data" or not boundary:
        raise ValueError("a form of the type multipart/form-data is expected")
    delimiter = b"--" + boundary.encode("latin-1")
    # No line is longer than this; longer ones come in pieces.
    lines = iter(lambda: environ["wsgi.input"].readline(65536), b"")
    for line in lines:
        if line.rstrip() == delimiter:
            break
    else:
        raise ValueError("the form has no part")
    last = []
    while not last:
        headers = Message()
        for line in lines:
            if not line.strip():
                break
            name, _, value = line.decode("utf-8", "replace").partition(":")
            headers[name.strip()] = value.strip()
        yield headers, content(lines, delimiter, last)


def content(lines, delimiter, last):
    """The blocks up to the delimiter; the line's end before it belongs to it. Puts True into
    `last` after the last part."""
    held = b""
    for line in lines:
        if held == b"\r\n" and line.rstrip() in (delimiter, delimiter + b"--"):
            if line.rstrip() != delimiter:
                last.append(True)
            return
        block = held + line
        held = b"\r\n" if block.endswith(b"\r\n") else b"\r" if block.endswith(b"\r") else b""
        yield block[: len(block) - len(held)]
    raise ValueError("the form ends too early")
