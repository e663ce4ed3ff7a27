"""Reads a form, line by line and in one piece, with sizes as validators want them."""


def application(environ, start_response):
    body = environ["wsgi.input"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    parts = [body.readline(4), body.read(max(length - 8, 0)), body.read(100)]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return parts
