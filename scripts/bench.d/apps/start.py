"""Answers with the moment at which it was called."""

from time import monotonic_ns


def application(environ, start_response):
    now = b"%d\n" % monotonic_ns()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [now]
