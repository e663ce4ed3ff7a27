//! The head on the wire (RFC 3875, section 6; PEP 3333 on response headers).

use crate::harness::cgi::{Answer, Cgi};

fn with_headers(headers: &str) -> Cgi {
    Cgi::source(&format!(
        "def application(environ, start_response):
    start_response('200 OK', {headers})
    return [b'content']
"
    ))
}

#[track_caller]
fn refused(headers: &str, reason: &str) {
    let answer = with_headers(headers).exits(1).logs(reason).run();
    answer.error_id();
    assert_eq!(answer.status, "500 Internal Server Error");
}

#[test]
fn a_header_never_splits_the_response() {
    for value in [
        "a\\r\\nSet-Cookie: b=c",
        "a\\n",
        "a\\rb",
        "a\\0b",
        "a\\tb",
        "a\\x7f",
    ] {
        refused(&format!("[('X', '{value}')]"), "control character");
    }
    for name in ["X\\r\\nY", "X Y", "X:", "", "\\u00e9"] {
        refused(&format!("[('{name}', 'v')]"), "a header name may have");
    }
}

#[test]
fn headers_are_a_list_of_two_tuples_of_str() {
    refused("(('X', 'v'),)", "must be a list");
    refused("{'X': 'v'}", "must be a list");
    refused("[['X', 'v']]", "must be a (name, value) tuple");
    refused("[('X', 'v', 'w')]", "must be a (name, value) tuple");
    refused("[('X', b'v')]", "value must be a str");
    refused("[('X', 3)]", "value must be a str");
    refused("[(b'X', 'v')]", "name must be a str");
}

#[test]
fn status_and_hop_by_hop_headers_are_refused() {
    refused("[('Status', '200 OK')]", "`Status` is not a header");
    refused("[('Transfer-Encoding', 'chunked')]", "hop-by-hop");
    refused("[('connection', 'close')]", "hop-by-hop");
}

#[test]
fn values_are_latin_1() {
    let answer = with_headers("[('X', 'caf\\u00e9')]").run();
    assert!(
        answer.raw.windows(9).any(|line| line == b"X: caf\xe9\r\n"),
        "the byte itself"
    );
    refused("[('X', '\\u20ac')]", "not in Latin-1");
}

#[test]
fn a_status_line_is_always_written_even_with_a_bare_location() {
    let answer = Cgi::source(
        "def application(environ, start_response):
            start_response('302 Found', [('Location', '/elsewhere')])
            return [b'']
        ",
    )
    .run();
    assert!(
        answer
            .raw
            .starts_with(b"Status: 302 Found\r\nLocation: /elsewhere\r\n")
    );
}

#[test]
fn a_location_with_200_is_left_out_and_said() {
    let answer = with_headers("[('Location', '/x')]")
        .logs("`Location` was left out")
        .run();
    assert!(answer.header("Location").is_empty());
    assert_eq!(answer.body, b"content");
}

#[test]
fn two_cookies_stay_two_lines_in_order() {
    let answer = with_headers("[('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')]").run();
    assert_eq!(answer.header("Set-Cookie"), ["a=1", "b=2"]);
}

#[test]
fn a_very_long_header_is_sent_and_warned_of() {
    let answer = with_headers("[('X', 'x' * 100_000)]")
        .logs(" bytes long, and servers may refuse more than 8190")
        .run();
    assert_eq!(answer.header("X")[0].len(), 100_000);
}

#[test]
fn an_iterable_without_a_length_is_sent_without_one_and_other_errors_of_len_count() {
    let raising = |error: &str| {
        Cgi::source(&format!(
            "class Blocks:
    def __len__(self):
        raise {error}
    def __iter__(self):
        return iter([b'content'])
def application(environ, start_response):
    start_response('200 OK', [])
    return Blocks()
"
        ))
    };
    // As the standard library has it.
    for error in ["TypeError", "AttributeError", "NotImplementedError"] {
        let answer = raising(error).run();
        assert_eq!(answer.body, b"content", "{error}");
        assert!(answer.header("Content-Length").is_empty(), "{error}");
    }
    for error in ["ValueError('counted')", "SystemExit('counted')"] {
        raising(error).exits(1).logs("counted").run().error_id();
    }
}

#[test]
fn content_length_is_computed_for_a_single_block_only() {
    let length = |body: &str| {
        let source = format!(
            "def application(environ, start_response):
    start_response('200 OK', [])
    {body}
"
        );
        let answer = Cgi::source(&source).run();
        answer
            .header("Content-Length")
            .first()
            .map(ToString::to_string)
    };
    assert_eq!(length("return [b'seven b']").as_deref(), Some("7"));
    assert_eq!(length("return (b'',)").as_deref(), Some("0"));
    assert_eq!(length("return [b'a', b'b']"), None);
    assert_eq!(length("return iter([b'a'])"), None);
    assert_eq!(length("return []"), None);
}

#[test]
fn no_content_where_the_status_has_none() {
    for status in ["204 No Content", "304 Not Modified"] {
        let answer = Cgi::source(&format!(
            "def application(environ, start_response):
    start_response('{status}', [('ETag', '\"x\"')])
    return [b'not to be sent']
"
        ))
        .run();
        assert_eq!(answer.status, status);
        assert!(answer.body.is_empty() && answer.header("Content-Length").is_empty());
    }
}

/// RFC 9110, sections 15.3.5 and 15.3.6: a client looks for the content of a 205, of which there is
/// none, and for none of a 204.
#[test]
fn content_length_is_left_out_where_the_status_has_no_content() {
    for headers in ["[]", "[('Content-Length', '6')]"] {
        for (status, length) in [("204 No Content", &[][..]), ("205 Reset Content", &["0"])] {
            let answer = || {
                Cgi::source(&format!(
                    "def application(environ, start_response):
    start_response('{status}', {headers})
    return [b'hello\\n']
"
                ))
            };
            for answer in [answer().run(), answer().option("--nph").run()] {
                assert_eq!(answer.status, status);
                assert_eq!(answer.header("Content-Length"), length);
                assert_eq!(answer.body, b"");
            }
            assert_eq!(
                answer().method("HEAD").run().header("Content-Length"),
                length
            );
        }
    }
}

#[test]
fn head_is_answered_without_content_but_with_its_length() {
    let answer = with_headers("[]").method("HEAD").run();
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("Content-Length"), ["7"]);
    // The method is case-sensitive (RFC 3875, 4.1.12).
    assert_eq!(with_headers("[]").method("head").run().body, b"content");
}

#[test]
fn no_more_is_sent_than_content_length_says() {
    let answer = with_headers("[('Content-Length', '3')]").run();
    assert_eq!(answer.body, b"con");
    let answer = Cgi::source(
        "def application(environ, start_response):
            start_response('206 Partial Content', [('Content-Length', '3')])
            yield b'ab'
            yield b'cd'
            raise RuntimeError('must not be asked for')
        ",
    )
    .run();
    assert_eq!(answer.body, b"abc");
}

#[test]
fn a_shortfall_is_logged() {
    let answer = with_headers("[('Content-Length', '10')]")
        .logs("3 bytes shorter")
        .run();
    assert_eq!(answer.body, b"content");
}

#[test]
fn a_content_length_that_is_no_number_or_two_is_refused() {
    refused("[('Content-Length', 'ten')]", "Content-Length");
    refused(
        "[('Content-Length', '1'), ('Content-Length', '2')]",
        "Content-Length",
    );
}

fn is_whole_http(answer: &Answer) -> bool {
    answer.raw.starts_with(b"HTTP/1.1 200 OK\r\n")
        && answer.header("Date").len() == 1
        && answer.header("Connection") == ["close"]
}

#[test]
fn nph_writes_a_whole_http_response() {
    assert!(is_whole_http(&with_headers("[]").option("--nph").run()));
    let source = "def application(environ, start_response):
    start_response('200 OK', [])
    return [b'content']
";
    assert!(is_whole_http(
        &Cgi::source_named("nph-app.cgi", source).run()
    ));
    // An error, and one before anything could be read, too.
    let answer = Cgi::source("")
        .option("--nph")
        .exits(1)
        .logs("has no application")
        .run();
    assert!(answer.raw.starts_with(b"HTTP/1.1 500 "));
}
