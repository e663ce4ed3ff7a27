"""Says the length and the checksum of what was sent, as a user of Flask reads it."""

from hashlib import sha256

from flask import Flask, request

application = Flask(__name__)


@application.route("/raw", methods=["POST", "PUT", "PATCH"])
def raw():
    return told(request.get_data())


@application.post("/form")
def form():
    return told(request.files["file"].read())


def told(content):
    return "%d %s" % (len(content), sha256(content).hexdigest())
