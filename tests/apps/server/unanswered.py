"""Ends the process in the way, and at the moment, that the query names."""
import ctypes
import os
import signal


def end(way):
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif way == "exit":
        os._exit(3)
    elif way == "exec":
        # Past Python's own functions, which are refused.
        ctypes.CDLL(None).execl(b"/bin/echo", b"echo", b"Status: 200 OK", None)
    elif way == "memory":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))
        ctypes.CDLL(None).abort()


def application(environ, start_response):
    way, _, moment = environ["QUERY_STRING"].partition("-")
    if moment == "called":
        end(way)
    if moment == "read":
        environ["wsgi.input"].read()
        end(way)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if moment == "started":
        end(way)

    def blocks():
        if moment == "asked":
            end(way)
        yield b""
        end(way)

    return blocks()
