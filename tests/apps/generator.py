"""Several blocks, one of them empty, made as they are asked for."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Blocks", "3")])
    yield b"one\n"
    yield b""
    yield b"three\n" * 30_000
