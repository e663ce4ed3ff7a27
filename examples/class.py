#!/usr/local/bin/wsgi-cgi
"""An application that is a class: the server calls it, and iterates over the instance."""


class Application:
    def __init__(self, environ, start_response):
        self.environ = environ
        self.start_response = start_response

    def __iter__(self):
        self.start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        # What follows the script in the URL: /cgi-bin/class.py/Ada -> "/Ada".
        # WSGI hands it over as latin-1; the text in it is UTF-8.
        path = self.environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        name = path.strip("/") or "world"
        yield f"Hello, {name}!\n".encode()


# The program looks for the name `application`, then for `app`.
application = Application
