"""The first page of the Trac environment beside this script."""

from pathlib import Path

from trac.web.main import dispatch_request

ENVIRONMENT = str(Path(__file__).with_name("trac-site"))


def application(environ, start_response):
    environ["trac.env_path"] = ENVIRONMENT
    return dispatch_request(environ, start_response)
