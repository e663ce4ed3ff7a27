"""An error page of its own, with two cookies."""


def application(environ, start_response):
    headers = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    start_response("404 Not Found", headers)
    return [b"There is no such page.\n"]
