"""A class is the application; its instance is the iterable."""


class application:
    def __init__(self, environ, start_response):
        self.method = environ["REQUEST_METHOD"]
        self.start_response = start_response

    def __iter__(self):
        self.start_response("200 OK", [("Content-Type", "text/plain")])
        yield self.method.encode("latin-1")
