"""Sends the file that the query names, through the server's file wrapper."""


def application(environ, start_response):
    name = environ["QUERY_STRING"].partition("=")[2]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](open(name, "rb"), 65536)
