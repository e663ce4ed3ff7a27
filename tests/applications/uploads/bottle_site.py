"""Says the length and the checksum of what was sent, as a user of Bottle reads it."""

from hashlib import sha256

from bottle import default_app, request, route


@route("/raw", method=["POST", "PUT", "PATCH"])
def raw():
    return told(request.body.read())


@route("/form", method="POST")
def form():
    return told(request.files.file.file.read())


def told(content):
    return "%d %s" % (len(content), sha256(content).hexdigest())


application = default_app()
