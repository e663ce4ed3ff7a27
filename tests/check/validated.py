"""Which of the applications in a folder `wsgiref.validate` finds a fault in: their names, one a line.

Each is called through `wsgiref.validate.validator` by the standard library's handler, with GET, HEAD, POST and
a query, in a process of its own that has two seconds. Found is what is raised or warned of in that module.
"""

import io
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path
from wsgiref.handlers import SimpleHandler
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import WSGIWarning, validator


class Handler(SimpleHandler):
    """Keeps what was raised instead of writing it down."""

    raised = None

    def log_exception(self, exc_info):
        self.raised = exc_info[1]


def is_found(application):
    for method, query, content in [
        ("GET", "", b""),
        ("HEAD", "", b""),
        ("GET", "a=1", b""),
        ("POST", "", b"a=1&b=2"),
    ]:
        environ = {"REQUEST_METHOD": method, "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.0"}
        if content:
            environ["CONTENT_LENGTH"] = str(len(content))
            environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        setup_testing_defaults(environ)
        for name in [name for name in environ if name.startswith("wsgi.")]:
            del environ[name]
        handler = Handler(io.BytesIO(content), io.BytesIO(), io.StringIO(), environ)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                handler.run(validator(application))
            except BaseException as error:
                handler.raised = handler.raised or error
        if any(issubclass(one.category, WSGIWarning) for one in seen):
            return True
        if handler.raised is not None:
            frames = traceback.extract_tb(handler.raised.__traceback__)
            if frames and frames[-1].filename.endswith("validate.py"):
                return True
    return False


def main():
    for file in sorted(Path(sys.argv[1]).glob("*.py")):
        read, write = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(2)
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            names = {"__file__": str(file), "__name__": "app"}
            exec(compile(file.read_text(), str(file), "exec"), names)
            os.write(write, b"+" if is_found(names["application"]) else b"-")
            os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        os.set_blocking(read, False)
        try:
            found = os.read(read, 1) == b"+"
        except BlockingIOError:
            found = False
        os.close(read)
        if found:
            print(file.stem)


main()
