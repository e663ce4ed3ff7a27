"""Sends the body back, with the checksum of what arrived. A query names the folder that gets the
file `started` before the body is read."""

import hashlib
import os
import tempfile


def application(environ, start_response):
    if environ["QUERY_STRING"]:
        open(os.path.join(environ["QUERY_STRING"], "started"), "w").close()
    checksum, spooled = hashlib.sha256(), tempfile.TemporaryFile()
    for block in blocks(environ["wsgi.input"]):
        checksum.update(block)
        spooled.write(block)
    length = spooled.tell()
    spooled.seek(0)
    start_response("200 OK", [
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(length)),
        ("X-Received", checksum.hexdigest()),
        ("X-Announced", repr((environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")))),
    ])
    return blocks(spooled)


def blocks(file):
    return iter(lambda: file.read(65536), b"")
