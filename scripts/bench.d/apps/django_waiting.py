"""Django's answer, whose last byte waits for the request's content."""

from django_hello import application as django


def application(environ, start_response):
    answer = b"".join(django({**environ, "REQUEST_METHOD": "GET"}, start_response))
    yield answer[:-1]
    environ["wsgi.input"].read()
    yield answer[-1:]
