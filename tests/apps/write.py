"""The legacy stream, then an iterable."""


def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written\n")
    write(b"x" * 100_000)
    return [b"returned\n"]
