"""Sends the client to where the query says."""

from urllib.parse import parse_qs


def application(environ, start_response):
    to = parse_qs(environ["QUERY_STRING"])["to"][0]
    start_response("302 Found", [("Location", to), ("Content-Type", "text/plain")])
    return [b"elsewhere\n"]
