import os

import markdown
import sqlalchemy as sql
from flask import Flask, abort, render_template_string
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

BASE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "base.db")
engine = sql.create_engine(f"sqlite:///{BASE}")
application = Flask(__name__)
LAYOUT = "<title>{{ page.name }}</title>{{ text|safe }}<ul>{% for name in names %}<li>{{ name }}</li>{% endfor %}</ul>"


class Base(DeclarativeBase):
    pass


class Page(Base):
    __tablename__ = "pages"
    name: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]


@application.route("/<name>")
def show(name):
    with Session(engine) as session:
        page = session.get(Page, name) or abort(404)
        names = session.scalars(sql.select(Page.name).order_by(Page.name)).all()
        return render_template_string(
            LAYOUT, page=page, names=names, text=markdown.markdown(page.text)
        )
