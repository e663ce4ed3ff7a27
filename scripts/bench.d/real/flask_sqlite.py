import os
import sqlite3

from flask import Flask, g, render_template_string

BASE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "base.db")
application = Flask(__name__)
PAGE = "<ul>{% for text in rows %}<li>{{ text }}</li>{% endfor %}</ul>\n"


@application.route("/")
def rows():
    g.base = sqlite3.connect(BASE)
    found = [text for (text,) in g.base.execute("select text from notes")]
    return render_template_string(PAGE, rows=found)


@application.teardown_appcontext
def close(_):
    g.base.close()
