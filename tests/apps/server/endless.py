"""Sends blocks for ever; its close() leaves the file `closed` in the folder that the query names."""

import os


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Endless(environ["QUERY_STRING"])


class Endless:
    def __init__(self, folder):
        self.folder = folder

    def __iter__(self):
        while True:
            yield b"x" * 8192

    def close(self):
        with open(os.path.join(self.folder, "closed"), "a") as file:
            file.write("closed\n")
