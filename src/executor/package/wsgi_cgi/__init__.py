"""The gateway of wsgi-cgi in a Python that is running already, for hosts that dictate a script's `#!` line:

    from wsgi_cgi import run

    run(application)

It is the gateway of the program `wsgi-cgi`, with its checks, pages and log. What comes before a Python is the
program's alone: images, the choice of a virtual environment, and an answer where Python itself does not
start, is killed, or leaves without one. Under the program a script that calls this is answered by the program.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["CGIHandler", "run"]


def run(application: WSGIApplication) -> None:
    """Answers the CGI request in the environment with `application`.

    Settings are taken from the environment (`WSGI_CGI_DEBUG` ...) and from the script's metadata block, but for
    those that are about the choice of Python, its packages and images.
    RuntimeError where there is no request; SystemExit with 1 after an answer that is a failure.
    """
    if _is_answered_by_the_program():
        from wsgiref.handlers import CGIHandler

        CGIHandler().run(application)
        return
    from . import _wsgi_cgi

    script = getattr(sys.modules["__main__"], "__file__", None)
    if not _wsgi_cgi.answer(application, script):
        sys.exit(1)


class CGIHandler:
    """For scripts that end in `CGIHandler().run(application)`; of the standard library's class it has no more."""

    def run(self, application: WSGIApplication) -> None:
        """Answers the CGI request in the environment with `application`, see `run` of this module."""
        run(application)


def _is_answered_by_the_program() -> bool:
    """Whether the program runs this script: it waits for a handler of the standard library to be called."""
    handlers: Any = sys.modules.get("wsgiref.handlers")
    if handlers is not None:
        return bool(handlers.BaseHandler.run.__module__ == "wsgi_cgi")
    return any(type(finder).__module__ == "wsgi_cgi" for finder in sys.meta_path)
