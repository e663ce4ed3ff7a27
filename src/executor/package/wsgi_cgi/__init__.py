"""The gateway of wsgi-cgi in a Python that is already running, for hosts that dictate a script's `#!` line:

    from wsgi_cgi import run

    run(application)

It is the gateway of the program `wsgi-cgi`, with the same checks, pages and log. Only the program itself has
images, chooses a virtual environment, and answers if Python does not start, is killed, or exits without an
answer. If the program runs a script that calls `run`, the program answers.

For tests, `check` says which rules of WSGI an application breaks, as `wsgi-cgi check` does:

    from wsgi_cgi import check

    def test_it_is_wsgi():
        assert check(application) == []
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import WSGIApplication

    from ._wsgi_cgi import Finding as Finding

__all__ = ["CGIHandler", "Finding", "check", "run"]


def check(
    application: WSGIApplication,
    urls: Iterable[str] = ("/",),
    *,
    ignore: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    openapi: str | os.PathLike[str] | None = None,
    safe: bool = False,
    notes: bool = False,
) -> list[Finding]:
    """Returns the rules of PEP 3333 and HTTP that `application` breaks, the most severe first; an empty list if none.

    The application is called with a series of requests for each of `urls`, and with the requests that the file
    `openapi` describes. `ignore` names rules to leave out (`wsgi-cgi check --rules` lists them), `environ` has
    more variables for each request, `safe` leaves out requests that may change something, such as POST, and
    `notes` adds notes on what is allowed but worth knowing. `str()` of a finding is one line; its attributes are
    `rule`, `section`, `severity`, `where`, `request`, `message` and `times`.
    The check runs in this process: an application that hangs or ends its process does so here, too.
    Raises ValueError for an unknown rule, an invalid URL, or an OpenAPI file that cannot be used.
    """
    from . import _wsgi_cgi

    for name, value in [("urls", urls), ("ignore", ignore)]:
        if isinstance(value, str):
            raise TypeError(f"{name} is a list of str, not a str: [{value!r}]")
    file = None if openapi is None else os.fspath(openapi)
    variables = list((environ or {}).items())
    return _wsgi_cgi.check(application, list(urls), list(ignore), variables, file, safe, notes)


def __getattr__(name: str) -> Any:
    # The extension module is loaded only when it is needed.
    if name == "Finding":
        from ._wsgi_cgi import Finding

        return Finding
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run(application: WSGIApplication) -> None:
    """Answers the CGI request in the environment with `application`.

    Settings are taken from the environment (`WSGI_CGI_DEBUG` ...) and from the script's metadata block, except
    those that choose Python and its packages or are about images.
    Raises RuntimeError if there is no request, and SystemExit(1) after an answer that is a failure.
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
    """For scripts that end in `CGIHandler().run(application)`; has no other method of the standard class."""

    def run(self, application: WSGIApplication) -> None:
        """Answers the CGI request in the environment with `application`; see the function `run`."""
        run(application)


def _is_answered_by_the_program() -> bool:
    """Whether the program runs this script: then it has replaced the standard library's handlers, or waits for
    their import."""
    handlers: Any = sys.modules.get("wsgiref.handlers")
    if handlers is not None:
        return bool(handlers.BaseHandler.run.__module__ == "wsgi_cgi")
    return any(type(finder).__module__ == "wsgi_cgi" for finder in sys.meta_path)
