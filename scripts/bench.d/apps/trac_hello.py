"""The first page of the Trac environment beside this script."""

import os
from pathlib import Path

from trac.env import env_cache
from trac.web.main import dispatch_request

ENVIRONMENT = str(Path(__file__).with_name("trac-site"))

# No image can hold an open database, which a request in advance would leave.
os.register_at_fork(before=lambda: [site.shutdown() for site in env_cache.values()])


def application(environ, start_response):
    environ["trac.env_path"] = ENVIRONMENT
    # Or Trac throws away what the next request could use, which is the image's first.
    environ["wsgi.run_once"] = False
    return dispatch_request(environ, start_response)
