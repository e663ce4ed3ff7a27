"""Under wsgiref's validator, which fails where the environ or the protocol is not PEP 3333's."""

import warnings
from wsgiref.validate import validator

warnings.simplefilter("error")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"valid\n"]


application = validator(application)
