"""Fails when it is called."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    raise LookupError("a secret in the message")
