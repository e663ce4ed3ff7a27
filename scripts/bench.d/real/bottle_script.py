import os
import sqlite3
from wsgiref.handlers import CGIHandler

import bottle

BASE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "base.db")


@bottle.route("/")
def notes():
    with sqlite3.connect(BASE) as base:
        rows = base.execute("select text from notes").fetchall()
    return bottle.template("% for text, in rows:\n<li>{{text}}</li>\n% end\n", rows=rows)


CGIHandler().run(bottle.default_app())
