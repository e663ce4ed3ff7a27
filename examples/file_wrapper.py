#!/usr/local/bin/wsgi-cgi
"""A download: the server sends the file by itself, without passing it through Python."""

import os


def application(environ, start_response):
    file = open(__file__, "rb")
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(os.fstat(file.fileno()).st_size)),
            ("Content-Disposition", 'attachment; filename="file_wrapper.py"'),
        ],
    )
    # Not every server has wsgi.file_wrapper; this one always does, and closes the file.
    if "wsgi.file_wrapper" in environ:
        return environ["wsgi.file_wrapper"](file)
    return blocks(file)


def blocks(file):
    with file:
        while block := file.read(65536):
            yield block
