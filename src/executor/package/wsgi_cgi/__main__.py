"""`python -m wsgi_cgi` is the program `wsgi-cgi` that was installed with this package."""

import os
import sys
import sysconfig

# `pip install --user` has a folder of its own for programs.
SCHEMES = [sysconfig.get_default_scheme()] if sys.version_info >= (3, 10) else ["posix_prefix"]
SCHEMES.append("posix_user")


def main() -> None:
    for scheme in SCHEMES:
        program = os.path.join(sysconfig.get_path("scripts", scheme), "wsgi-cgi")
        if os.access(program, os.X_OK):
            os.execv(program, [program, *sys.argv[1:]])
    sys.exit("wsgi-cgi: the program was not installed with this package: `pip install` it anew")


main()
