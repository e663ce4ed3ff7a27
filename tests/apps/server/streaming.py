"""Makes its second block only once the test has seen the first: the query names a folder, where
the test then makes the file `seen`."""

import os
import time


def application(environ, start_response):
    seen = os.path.join(environ["QUERY_STRING"], "seen")
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first\n"
    for _ in range(2000):
        if os.path.exists(seen):
            yield b"second\n"
            return
        time.sleep(0.01)
    yield b"never seen\n"
