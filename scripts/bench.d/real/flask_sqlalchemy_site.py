import os

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

BASE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "base.db")
application = Flask(__name__)
application.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{BASE}"
db = SQLAlchemy(application)


class Note(db.Model):
    __tablename__ = "notes"
    id = db.Column(db.Integer, primary_key=True)
    text = db.Column(db.String)


@application.route("/")
def notes():
    return "".join(f"<li>{note.text}</li>" for note in Note.query.all())
