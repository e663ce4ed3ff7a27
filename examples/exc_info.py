#!/usr/local/bin/wsgi-cgi
"""An error page of one's own: start_response may be called again, with exc_info."""

import sys
import traceback


def application(environ, start_response):
    try:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [work(environ["QUERY_STRING"])]
    except Exception:
        # The first head was not sent yet, so this one takes its place. Had it been sent already,
        # start_response would raise the error again, and the log would tell of it.
        start_response(
            "500 Internal Server Error", [("Content-Type", "text/plain")], sys.exc_info()
        )
        traceback.print_exc(file=environ["wsgi.errors"])
        return [b"Give two numbers to divide, such as ?10/4\n"]


def work(query):
    dividend, divisor = query.split("/")
    return f"{int(dividend) / int(divisor)}\n".encode()
