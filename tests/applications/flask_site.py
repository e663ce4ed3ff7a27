"""A small Flask site: routes, a form, a session, redirects, errors, a download."""

import io

from flask import Flask, abort, flash, get_flashed_messages, jsonify, redirect, request
from flask import send_file, session, url_for

app = Flask(__name__)
app.secret_key = "known to the test"


@app.get("/")
def index():
    return f"Hello, {session.get('name', 'stranger')}. {' '.join(get_flashed_messages())}"


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return f'<form method="post" action="{url_for("login")}"><input name="name"></form>'
    session["name"] = request.form["name"]
    flash("Welcome!")
    return redirect(url_for("index"), 303)


@app.get("/logout")
def logout():
    session.clear()
    return redirect(url_for("index"))


@app.get("/items/<int:number>/<path:rest>")
def item(number, rest):
    return jsonify(number=number, rest=rest, arguments=request.args.to_dict(flat=False))


@app.post("/upload")
def upload():
    file = request.files["file"]
    return {"name": file.filename, "size": len(file.read()), "note": request.form["note"]}


@app.get("/download")
def download():
    return send_file(io.BytesIO(bytes(range(256)) * 1000), "application/octet-stream")


@app.get("/forbidden")
def forbidden():
    abort(403)


@app.get("/broken")
def broken():
    raise RuntimeError("broken on purpose")


@app.get("/address")
def address():
    return request.url
