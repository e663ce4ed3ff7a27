"""Sends as many bytes as the query says, from a generator of 64 KiB blocks."""

BLOCK = bytes(65536)


def application(environ, start_response):
    left = int(environ["QUERY_STRING"].partition("=")[2])
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    while left:
        block = BLOCK[:left]
        left -= len(block)
        yield block
