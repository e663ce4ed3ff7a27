//! Content, and what an answer is an answer to.

use super::{HELLO, Planted, planted};

pub(super) const ANSWERING: [Planted; 19] = [
    planted(
        "content-length-malformed",
        "start_response('200 OK', TEXT + [('Content-Length', 'five')])\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-too-long",
        "start_response('200 OK', length('hell'))\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-too-short",
        "start_response('200 OK', length('hello!'))\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-type-missing",
        "start_response('200 OK', [])\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "content-forbidden",
        "start_response('204 No Content', [])\nreturn [b'hello']",
        "start_response('204 No Content', [])\nreturn []",
    ),
    planted(
        "content-length-forbidden",
        "start_response('204 No Content', [('Content-Length', '0')])\nreturn []",
        "start_response('204 No Content', [])\nreturn []",
    ),
    planted(
        "content-type-of-nothing",
        "start_response('204 No Content', TEXT)\nreturn []",
        "start_response('204 No Content', [])\nreturn []",
    ),
    planted(
        "head-with-content",
        "start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "head-differs",
        "text = of_head(environ, b'hello')\n\
         start_response('200 OK', length(b''.join(text)))\nreturn text",
        "start_response('200 OK', length(b'hello'))\nreturn of_head(environ, b'hello')",
    ),
    planted(
        "head-refused",
        "if environ['REQUEST_METHOD'] == 'HEAD':\n    \
         start_response('405 Method Not Allowed', [('Allow', 'GET')])\n    return []\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "not-modified-unasked",
        "start_response('304 Not Modified', [])\nreturn []",
        "if 'HTTP_IF_NONE_MATCH' in environ:\n    start_response('304 Not Modified', [])\n    return []\n\
         start_response('200 OK', TEXT + [('ETag', '\"a\"')])\nreturn [b'hello']",
    ),
    planted(
        "etag-ignored",
        "start_response('200 OK', TEXT + [('ETag', '\"a\"')])\nreturn [b'hello']",
        "if 'HTTP_IF_NONE_MATCH' in environ:\n    start_response('304 Not Modified', [])\n    return []\n\
         start_response('200 OK', TEXT + [('ETag', '\"a\"')])\nreturn [b'hello']",
    ),
    planted(
        "partial-unasked",
        "start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-4/9')])\n\
         return [b'hello']",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-0/5')])\n    \
         return [b'h']\n\
         start_response('200 OK', length('hello') + [('Accept-Ranges', 'bytes')])\nreturn [b'hello']",
    ),
    planted(
        "content-range-missing",
        "if 'HTTP_RANGE' in environ:\n    start_response('206 Partial Content', TEXT)\n    return [b'h']\n\
         start_response('200 OK', length('hello'))\nreturn [b'hello']",
        "start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "content-range-wrong",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-0/5')])\n    \
         return [b'hello']\nstart_response('200 OK', length('hello'))\nreturn [b'hello']",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('206 Partial Content', TEXT + [('Content-Range', 'bytes 0-0/5')])\n    \
         return [b'h']\nstart_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "unsatisfied-without-range",
        "if 'HTTP_RANGE' in environ:\n    start_response('416 No', TEXT)\n    return [b'no']\n\
         start_response('200 OK', length('hello'))\nreturn [b'hello']",
        "if 'HTTP_RANGE' in environ:\n    \
         start_response('416 No', TEXT + [('Content-Range', 'bytes */5')])\n    return [b'no']\n\
         start_response('200 OK', length('hello'))\nreturn [b'hello']",
    ),
    planted(
        "location-missing",
        "start_response('302 Found', [])\nreturn []",
        "start_response('302 Found', [('Location', '/there')])\nreturn []",
    ),
    planted(
        "allow-missing",
        "start_response('405 Method Not Allowed', TEXT)\nreturn [b'no']",
        "start_response('405 Method Not Allowed', TEXT + [('Allow', 'DELETE')])\nreturn [b'no']",
    ),
    planted(
        "authenticate-missing",
        "start_response('401 Unauthorized', TEXT)\nreturn [b'no']",
        "start_response('401 Unauthorized', TEXT + [('WWW-Authenticate', 'Basic realm=\"a\"')])\n\
         return [b'no']",
    ),
];
