"""Two cookies."""


def application(environ, start_response):
    start_response("200 OK", [
        ("Set-Cookie", "one=1; Path=/"),
        ("Content-Type", "text/plain"),
        ("Set-Cookie", "two=2; Expires=Thu, 01 Jan 2037 00:00:00 GMT"),
    ])
    return [environ["HTTP_COOKIE"].encode()]
