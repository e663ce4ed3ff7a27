#!/usr/local/bin/wsgi-cgi
"""An answer made bit by bit: each block is on its way before the next one is made."""

from urllib.parse import parse_qs


def application(environ, start_response):
    query = parse_qs(environ.get("QUERY_STRING", ""))
    try:
        count = int(query.get("count", ["3"])[0])
    except ValueError:
        start_response("400 Bad Request", [("Content-Type", "text/plain")])
        yield b"count must be a number\n"
        return
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        for number in range(1, count + 1):
            yield f"line {number}\n".encode()
    finally:
        # This runs whatever happens, also when the client has gone away meanwhile.
        pass
