"""Writes each request to a file named after the client (`curl` or `request`), and answers as the path says."""
import gzip, os, zlib

FOLDER = os.path.dirname(os.path.abspath(__file__))


def note(environ):
    names = sorted(name for name in environ if name.startswith("HTTP_"))
    names = ["REQUEST_METHOD", "wsgi.url_scheme", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL"] + names
    names += ["CONTENT_TYPE", "CONTENT_LENGTH"]
    lines = ["%s=%s\n" % (name, environ[name]) for name in names if name in environ]
    content = environ["wsgi.input"].read()
    with open(os.path.join(FOLDER, environ.get("test.client", "request")), "ab") as file:
        file.write("".join(lines).encode("latin-1") + b"content=" + content + b"\n\n")


def application(environ, start_response):
    note(environ)
    _, kind, *words = environ["PATH_INFO"].split("/")
    status, fields, content = "200 OK", [("Content-Type", "text/plain")], b"answer\n"
    if kind == "status":
        status = words[0] + " As Asked"
    elif kind == "redirect":
        status = words[0] + " As Asked"
        fields += [("Location", "/" + "/".join(words[1:])), ("Set-Cookie", "on=the-way; path=/")]
    elif kind == "set":
        fields += [
            ("Set-Cookie", "a=1; path=/"),
            ("Set-Cookie", "b=2; path=/; HttpOnly; Max-Age=1000000000"),
            ("Set-Cookie", "c=3; path=/set; Secure"),
        ]
    elif kind == "gzip":
        content = gzip.compress(b"x" * 100000)
        fields += [("Content-Encoding", "gzip")]
    elif kind == "deflate":
        content = zlib.compress(b"y" * 100000)
        fields += [("Content-Encoding", "deflate")]
    elif kind == "unknown":
        fields += [("Content-Encoding", "unheard-of")]
    start_response(status, fields)
    return [content]
