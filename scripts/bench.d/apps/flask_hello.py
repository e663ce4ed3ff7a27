"""Flask's own first example."""

from flask import Flask

application = Flask(__name__)


@application.get("/")
def hello():
    return "hello\n"
