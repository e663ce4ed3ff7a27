"""Shows the environ as the application got it, a line a key."""


def application(environ, start_response):
    lines = []
    for key in sorted(environ):
        value = environ[key]
        shown = ascii(value) if isinstance(value, (str, bool, tuple)) else type(value).__name__
        lines.append("%s=%s %s\n" % (ascii(key), type(value).__name__, shown))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["".join(lines).encode("ascii")]
