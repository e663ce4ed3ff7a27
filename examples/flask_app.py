#!/usr/local/bin/wsgi-cgi
"""Flask. Its packages are found in a virtual environment named venv or .venv, in this file's
folder or the one above:

    /usr/bin/python3 -m venv venv
    venv/bin/pip install flask
"""

from flask import Flask, request, url_for
from markupsafe import escape

app = Flask(__name__)


@app.get("/")
def index():
    return f"""<!doctype html>
<title>Flask</title>
<form method="post" action="{url_for('greet')}">
<input name="name"> <button>Greet</button>
</form>
"""


@app.post("/greet")
def greet():
    return f"<!doctype html>\n<title>Flask</title>\n<p>Hello, {escape(request.form['name'])}!\n"
