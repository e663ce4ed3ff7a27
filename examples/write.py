#!/usr/local/bin/wsgi-cgi
"""The older way to send: start_response returns a function that sends a block at once."""


def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written first\n")
    write(b"written second\n")
    # What is returned comes after what was written.
    return [b"returned last\n"]
