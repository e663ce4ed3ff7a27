#!/usr/local/bin/wsgi-cgi
"""A script written for Python's standard library. Only its first line was changed."""

from wsgiref.handlers import CGIHandler


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello from CGIHandler().run\n"]


if __name__ == "__main__":
    CGIHandler().run(application)
