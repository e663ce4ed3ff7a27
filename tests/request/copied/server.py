"""Serves app.py of the working directory, with TLS if the client begins with it, and prints its port. The environ has
the variables of RFC 3875, and `test.client`, which names the client."""
import socket, ssl, sys, threading, urllib.parse
import app

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
TLS.load_cert_chain("certificate.pem")


def chunks(reader):
    while size := int(reader.readline(), 16):
        yield reader.read(size)
        reader.readline()
    reader.readline()


class Content:
    def __init__(self, content):
        self.content = content

    def read(self, *_):
        return self.content


def environ(reader, scheme, proceed):
    method, target, protocol = reader.readline().decode("latin-1").split(" ")
    path, _, query = target.partition("?")
    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": urllib.parse.unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": protocol.strip(),
        "wsgi.url_scheme": scheme,
        "test.client": "curl",
    }
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        name = name.upper().replace("-", "_")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = "HTTP_" + name
        if name in given:
            separator = "; " if name == "HTTP_COOKIE" else ", "
            given[name] += separator + value.strip()
        else:
            given[name] = value.strip()
    if given.pop("HTTP_EXPECT", None):
        proceed()
    if given.pop("HTTP_TRANSFER_ENCODING", None):
        content = b"".join(chunks(reader))
        given["CONTENT_LENGTH"] = str(len(content))
    else:
        content = reader.read(int(given.get("CONTENT_LENGTH") or 0))
    return given | {"wsgi.input": Content(content)}


def serve(connection):
    scheme = "http"
    if connection.recv(1, socket.MSG_PEEK) == b"\x16":
        connection = TLS.wrap_socket(connection, server_side=True)
        scheme = "https"
    with connection, connection.makefile("rb") as reader:
        asked = environ(reader, scheme, lambda: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n"))
        head = []
        blocks = app.application(asked, lambda status, fields: head.extend([status, fields]))
        status, fields = head
        content = b"".join(blocks)
        lines = ["HTTP/1.1 " + status] + ["%s: %s" % field for field in fields]
        lines += ["Content-Length: %d" % len(content), "", ""]
        answer = "\r\n".join(lines).encode("latin-1")
        connection.sendall(answer + (b"" if asked["REQUEST_METHOD"] == "HEAD" else content))


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()
