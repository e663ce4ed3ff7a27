#!/usr/local/bin/wsgi-cgi
"""Trac. The environment that `trac-admin /srv/trac initenv` made is named below, or by the server:
`SetEnv TRAC_ENV /srv/trac`. Its database and its log have to be writable by the server's user.

Trac itself is found in a virtual environment named venv or .venv, in this file's folder or the one
above.
"""

import os

os.environ.setdefault("TRAC_ENV", "/srv/trac")

from trac.web.main import dispatch_request as application  # noqa: E402
