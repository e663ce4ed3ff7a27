//! How an application is called and what it returns.

use super::{HELLO, Planted, planted};

pub(super) const CALLING: [Planted; 22] = [
    planted(
        "wrong-arguments",
        "def application(environ):\n    return [b'']",
        HELLO,
    ),
    planted(
        "iterable-reused",
        "body = iter([b'hello'])\ndef application(environ, start_response):\n    \
         start_response('200 OK', TEXT)\n    return body",
        "body = [b'hello']\ndef application(environ, start_response):\n    \
         start_response('200 OK', TEXT)\n    return body",
    ),
    planted(
        "raises",
        "return [str(int(environ['PATH_INFO'])).encode()]",
        "start_response('200 OK', TEXT)\nreturn [environ['PATH_INFO'].isdigit() and b'yes' or b'no']",
    ),
    planted(
        "raises-late",
        "start_response('200 OK', TEXT)\nyield b'hello'\nraise ValueError('late')",
        "start_response('200 OK', TEXT)\nyield b'hello'",
    ),
    planted("exits", "sys.exit(1)", HELLO),
    planted("ends-process", "os._exit(1)", HELLO),
    planted("hangs", "time.sleep(60)", HELLO),
    planted("returns-none", "start_response('200 OK', TEXT)", HELLO),
    planted(
        "returns-str",
        "start_response('200 OK', TEXT)\nreturn 'hello'",
        HELLO,
    ),
    planted(
        "returns-bytes",
        "start_response('200 OK', TEXT)\nreturn b'hello'",
        HELLO,
    ),
    planted(
        "not-iterable",
        "start_response('200 OK', TEXT)\nreturn 5",
        HELLO,
    ),
    planted(
        "item-not-bytes",
        "start_response('200 OK', TEXT)\nreturn ['hello']",
        HELLO,
    ),
    planted(
        "item-of-subclass",
        "class Own(bytes): pass\nstart_response('200 OK', TEXT)\nreturn [Own(b'hello')]",
        HELLO,
    ),
    planted(
        "wrong-len",
        "class Own(list):\n    def __len__(self): return 1\nstart_response('200 OK', TEXT)\n\
         return Own([b'one', b'two'])",
        "class Own(list): pass\nstart_response('200 OK', TEXT)\nreturn Own([b'one', b'two'])",
    ),
    planted(
        "tiny-blocks",
        "start_response('200 OK', TEXT)\nreturn [b'x'] * 500",
        "start_response('200 OK', TEXT)\nreturn [b'x' * 500]",
    ),
    planted(
        "endless",
        "start_response('200 OK', TEXT)\nwhile True: yield b'x' * 65536",
        "start_response('200 OK', TEXT)\nfor _ in range(3): yield b'x' * 65536",
    ),
    planted(
        "close-raises",
        "class Own:\n    def __iter__(self): return iter([b'hello'])\n    def close(self): raise OSError('no')\n\
         start_response('200 OK', TEXT)\nreturn Own()",
        "class Own:\n    def __iter__(self): return iter([b'hello'])\n    def close(self): pass\n\
         start_response('200 OK', TEXT)\nreturn Own()",
    ),
    planted(
        "needs-optional",
        "start_response('200 OK', TEXT)\nreturn [environ['QUERY_STRING'].encode()]",
        "start_response('200 OK', TEXT)\nreturn [environ.get('QUERY_STRING', '').encode()]",
    ),
    planted(
        "needs-empty",
        "start_response('200 OK', TEXT)\nreturn [environ['PATH_INFO'].encode('latin-1')]",
        "start_response('200 OK', TEXT)\nreturn [environ.get('PATH_INFO', '').encode('latin-1')]",
    ),
    planted(
        "path-not-utf-8",
        "start_response('200 OK', TEXT)\n\
         return [environ.get('PATH_INFO', '').encode('latin-1').decode('utf-8').encode()]",
        "start_response('200 OK', TEXT)\n\
         return [environ.get('PATH_INFO', '').encode('latin-1').decode('utf-8', 'replace').encode()]",
    ),
    planted(
        "file-wrapper-argument",
        "start_response('200 OK', TEXT)\n\
         if 'wsgi.file_wrapper' in environ: environ['wsgi.file_wrapper'](__file__)\nreturn []",
        "start_response('200 OK', TEXT)\n\
         if 'wsgi.file_wrapper' in environ: return environ['wsgi.file_wrapper'](io.BytesIO(b'x'))\n\
         return []",
    ),
    planted(
        "server-error",
        "start_response('500 Internal Server Error', TEXT)\nreturn [b'oh']",
        "start_response('503 Service Unavailable', TEXT)\nreturn [b'oh']",
    ),
];
