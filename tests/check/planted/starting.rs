//! `start_response` and `write`.

use super::{HELLO, Planted, planted};

pub(super) const STARTING: [Planted; 33] = [
    planted("start-response-missing", "return [b'']", HELLO),
    planted(
        "start-response-late",
        "yield b'hello'\nstart_response('200 OK', TEXT)",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted(
        "start-response-after-empty",
        "yield b''\nstart_response('200 OK', TEXT)\nyield b'hello'",
        "start_response('200 OK', TEXT)\nyield b''\nyield b'hello'",
    ),
    planted(
        "start-response-twice",
        "start_response('200 OK', TEXT)\nstart_response('404 Not Found', TEXT)\nreturn [b'hello']",
        "start_response('200 OK', TEXT)\ntry: 1 / 0\nexcept ZeroDivisionError:\n    \
         start_response('404 Not Found', TEXT, sys.exc_info())\nreturn [b'hello']",
    ),
    planted(
        "start-response-arguments",
        "start_response(status='200 OK', headers=TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "exc-info-wrong",
        "start_response('200 OK', TEXT, sys.exc_info())\nreturn [b'hello']",
        "start_response('200 OK', TEXT, None)\nreturn [b'hello']",
    ),
    planted(
        "exc-info-swallowed",
        "start_response('200 OK', TEXT)\nyield b'hello'\ntry: 1 / 0\nexcept ZeroDivisionError:\n    \
         try: start_response('500 Oh', TEXT, sys.exc_info())\n    except ZeroDivisionError: yield b'oh'",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted(
        "status-not-str",
        "start_response(200, TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "status-malformed",
        "start_response('OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "status-not-latin-1",
        "start_response('200 \\u2713', TEXT)\nreturn [b'hello']",
        "start_response('200 Gr\\xfc\\xdfe', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "status-without-reason",
        "start_response('200', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "status-unknown",
        "start_response('600 High', TEXT)\nreturn [b'hello']",
        "start_response('299 Own', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "status-interim",
        "start_response('103 Early Hints', [])\nreturn []",
        HELLO,
    ),
    planted(
        "headers-not-list",
        "start_response('200 OK', tuple(TEXT))\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-not-tuple",
        "start_response('200 OK', [['Content-Type', 'text/plain']])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-not-str",
        "start_response('200 OK', TEXT + [('Content-Length', 5)])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Content-Length', '5')])\nreturn [b'hello']",
    ),
    planted(
        "header-name-malformed",
        "start_response('200 OK', TEXT + [('X-Own:', '1')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', '1')])\nreturn [b'hello']",
    ),
    planted(
        "header-value-control",
        "start_response('200 OK', TEXT + [('X-Own', 'a\\r\\nb')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', 'a b')])\nreturn [b'hello']",
    ),
    planted(
        "header-not-latin-1",
        "start_response('200 OK', TEXT + [('X-Own', '\\u2713')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', '\\xe9')])\nreturn [b'hello']",
    ),
    planted(
        "header-value-padded",
        "start_response('200 OK', TEXT + [('X-Own', ' a')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('X-Own', 'a')])\nreturn [b'hello']",
    ),
    planted(
        "header-hop-by-hop",
        "start_response('200 OK', TEXT + [('Connection', 'close')])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-status",
        "start_response('200 OK', TEXT + [('Status', '404 Not Found')])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "header-repeated",
        "start_response('200 OK', TEXT + TEXT)\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')])\n\
         return [b'hello']",
    ),
    planted(
        "headers-changed",
        "headers = TEXT[:]\nstart_response('200 OK', headers)\nheaders.append(('X-Own', '1'))\n\
         return [b'hello']",
        "headers = TEXT[:]\nheaders.append(('X-Own', '1'))\nstart_response('200 OK', headers)\n\
         return [b'hello']",
    ),
    planted(
        "write-used",
        "start_response('200 OK', TEXT)(b'hello')\nreturn []",
        HELLO,
    ),
    planted(
        "write-not-bytes",
        "start_response('200 OK', TEXT)('hello')\nreturn []",
        "start_response('200 OK', TEXT)(b'hello')\nreturn []",
    ),
    planted(
        "write-arguments",
        "start_response('200 OK', TEXT)(b'hello', b'hello')\nreturn []",
        "start_response('200 OK', TEXT)(b'hello')\nreturn []",
    ),
    planted(
        "write-in-iterable",
        "start_response('200 OK', TEXT)(b'hello')\nyield b''",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted(
        "write-late",
        "write = start_response('200 OK', TEXT)\nclass Own(list):\n    def close(self):\n        \
         threading.Timer(0.05, write, [b'late']).start()\nreturn Own()",
        HELLO,
    ),
    planted(
        "set-cookie-folded",
        "start_response('200 OK', TEXT + [('Set-Cookie', 'a=1; Path=/, b=2')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Set-Cookie', \
         'a=1; Expires=Sun, 06 Nov 1994 08:49:37 GMT')])\nreturn [b'hello']",
    ),
    planted(
        "etag-malformed",
        "start_response('200 OK', TEXT + [('ETag', 'abc')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('ETag', '\"abc\"')])\nreturn [b'hello']",
    ),
    planted(
        "date-malformed",
        "start_response('200 OK', TEXT + [('Last-Modified', '2020-01-01')])\nreturn [b'hello']",
        "start_response('200 OK', TEXT + [('Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT')])\n\
         return [b'hello']",
    ),
    planted(
        "content-length-repeated",
        "start_response('200 OK', length('hello') + [('Content-Length', '5')])\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
];
