#!/usr/local/bin/wsgi-cgi
"""Middleware: an application that wraps another one, here to turn its text into capitals."""

from hello import application as hello  # the file beside this one


class Upper:
    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        blocks = self.application(environ, start_response)
        try:
            for block in blocks:
                yield block.upper()
        finally:
            # Middleware must close the iterable of the application that it wraps.
            if hasattr(blocks, "close"):
                blocks.close()


application = Upper(hello)
