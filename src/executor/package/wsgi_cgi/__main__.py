"""`python -m wsgi_cgi` is the program `wsgi-cgi` that was installed with this package."""

import os
import sys
import sysconfig

# `pip install --user` puts programs into another folder.
SCHEMES = [sysconfig.get_default_scheme()] if sys.version_info >= (3, 10) else ["posix_prefix"]
SCHEMES.append("posix_user")


def places() -> list[str]:
    """Where the program may be: beside the package, as in the archive and after `pip install --target`; or in
    Python's folders for programs."""
    above = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = [sysconfig.get_path("scripts", scheme) for scheme in SCHEMES]
    return [above, os.path.join(above, "bin"), *installed]


def main() -> None:
    for place in places():
        program = os.path.join(place, "wsgi-cgi")
        if os.path.isfile(program) and os.access(program, os.X_OK):
            os.execv(program, [program, *sys.argv[1:]])
    sys.exit("wsgi-cgi: the program is missing from this installation: reinstall the package with pip")


main()
