#!/usr/local/bin/wsgi-cgi
"""The smallest application: one function, one block."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"Hello, world!\n"]
