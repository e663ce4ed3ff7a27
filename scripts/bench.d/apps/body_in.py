"""Reads the message-body to its end in 64 KiB blocks and answers with its length."""


def application(environ, start_response):
    body, length = environ["wsgi.input"], 0
    while block := body.read(65536):
        length += len(block)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d\n" % length]
