"""Runs a script of reads against wsgi.input and io.BytesIO; answers with the first difference.

The script is in the query: reads separated by commas, such as read:3,readline,readlines:10,next."""

import io


def run(stream, step):
    name, colon, size = step.partition(":")
    if name == "next":
        return next(stream, b"")
    arguments = [None if size == "None" else int(size)] if colon else []
    return getattr(stream, name)(*arguments)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    scripts = [step for step in environ["QUERY_STRING"].split(",") if step]
    expected_stream = io.BytesIO(bytes.fromhex(environ["HTTP_X_CONTENT"]))
    for number, step in enumerate(scripts + ["read", "read", "readline", "next", "readlines"]):
        expected = run(expected_stream, step)
        found = run(environ["wsgi.input"], step)
        if type(expected) is not type(found) or expected != found:
            text = "step %d, %s: %r, not %r" % (number, step, found, expected)
            return [text.encode()]
    return [b"same"]
