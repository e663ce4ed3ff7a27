"""Answers with 1 MiB and leaves the body where it is. A query names the folder that gets the file
`started` first."""

import os

SIZE = 1024 * 1024


def application(environ, start_response):
    if environ["QUERY_STRING"]:
        open(os.path.join(environ["QUERY_STRING"], "started"), "w").close()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(SIZE))])
    return [b"x" * 4096] * (SIZE // 4096)
