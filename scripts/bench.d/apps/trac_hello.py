"""The first page of the Trac environment beside this script."""

import os
from pathlib import Path

from trac.env import open_environment
from trac.web.main import dispatch_request

ENVIRONMENT = str(Path(__file__).with_name("trac-site"))

# No image can hold an open database, which a request in advance would leave.
os.register_at_fork(before=lambda: open_environment(ENVIRONMENT, use_cache=True).shutdown())


def application(environ, start_response):
    environ["trac.env_path"] = ENVIRONMENT
    return dispatch_request(environ, start_response)
