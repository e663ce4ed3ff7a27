"""Shows what the server gave: one line a variable, any byte but ASCII escaped."""

import sys


def application(environ, start_response):
    seen = {key: value for key, value in environ.items() if isinstance(value, str)}
    seen["argv"] = repr(sys.argv[1:])
    seen["wsgi.input read"] = repr(environ["wsgi.input"].read())
    lines = [f"{key}={value.encode('unicode_escape').decode()}\n" for key, value in seen.items()]
    body = "".join(lines).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
