"""A redirect to an absolute URL."""


def application(environ, start_response):
    start_response(
        "302 Found",
        [("Content-Type", "text/plain"), ("Location", "http://example.org/elsewhere")],
    )
    return [b"elsewhere\n"]
