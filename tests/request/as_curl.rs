//! Options of curl, compared with the real curl: the request, the output and the exit status.

use super::beside::{Beside, Both};
use crate::harness::by_hand::ByHand;
use crate::harness::terminal::Terminal;

/// Runs command lines for `http://localhost` both ways. Both must send the same requests, print the same output
/// and end with the same status, and `request` must print nothing on standard error.
#[track_caller]
fn same(beside: &Beside, lines: &[&str]) {
    for line in lines {
        let Both { curl, request } = beside.run(line);
        assert_ne!(curl.asked, "", "{line}\n{}", curl.stderr);
        assert_eq!(curl.asked, request.asked, "{line}");
        assert_eq!(curl.stdout, request.stdout, "{line}");
        assert_eq!(curl.exit, request.exit, "{line}\n{}", request.stderr);
        assert_eq!(request.stderr, "", "{line}");
    }
}

#[test]
fn data_of_every_kind_is_the_same() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    let beside = beside
        .file("lines", "a b\r\nc & d\n")
        .file("bytes", b"\0\xff\n");
    same(
        &beside,
        &[
            "curl http://localhost -d a=1 --data-ascii b=2 -d ''",
            "curl http://localhost -d @lines -d @lines",
            "curl http://localhost --data-raw @lines --data-raw x",
            "curl http://localhost --data-binary @lines --data-binary @bytes",
            "curl http://localhost --data-urlencode 'a b&c' --data-urlencode '=a=b' -d x=y",
            "curl http://localhost --data-urlencode 'n=é ~*/' --data-urlencode n@lines --data-urlencode @bytes",
            "echo 'a b' | curl http://localhost --data-urlencode n@-",
            "printf 'a\\nb\\n' | curl http://localhost -d @-",
            "curl http://localhost --json '{\"a\":' --json 1} --json @lines",
            "curl http://localhost --json [] -H 'Content-Type: x/y' -H 'accept: z'",
            "curl http://localhost -d a=1 -H 'Content-Type:'",
            "curl http://localhost -d a=1 -X PUT",
            "curl http://localhost/x -T lines",
            "curl http://localhost/folder/ -T lines -H 'X-A: 1'",
            "curl 'http://localhost/?x=1' -T bytes -X POST",
            "cat lines | curl http://localhost/x -T -",
        ],
    );
}

#[test]
fn forms_with_files_are_the_same() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    let beside = beside
        .file("lines.txt", "a b\r\nc\n")
        .file("data.json", "{}")
        .file("Cat.PNG", b"\x89PNG\0");
    same(
        &beside,
        &[
            "curl http://localhost -F a=1 -F 'b=two words' --form-string 'c=@x;type=y'",
            "curl http://localhost -F f=@lines.txt -F g=@data.json -F h=@Cat.PNG",
            "curl http://localhost -F 'f=@lines.txt;type=text/x;filename=n\"m' -F 't=<lines.txt'",
            "curl http://localhost -F 'a=b;type=text/x;charset=utf-8' -F 'c=\"d;e\"'",
            "curl http://localhost -F 'f=@lines.txt;filename=\"q;z.png\"'",
            "curl http://localhost -F a=1 -X PUT -H 'Content-Type: multipart/form-data; x=y'",
            "cat lines.txt | curl http://localhost -F 'f=@-;filename=n'",
        ],
    );
}

#[test]
fn urls_and_queries_are_the_same() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    same(
        &beside,
        &[
            "curl -G http://localhost -d a=1 -d b=2",
            "curl http://localhost/p?x=1 -G --data-urlencode 'q=a b&c' -d y",
            "curl -G -I http://localhost -d a=1",
            "curl -G http://localhost --json '{}'",
            "curl http://localhost/p --url-query 'q=a b' --url-query +c=%20 -d x",
            "curl --url 'http://localhost/?a\\[\\]=\\{1\\}'",
            "curl --globoff 'http://localhost/?a[]={1}'",
            "curl --path-as-is http://localhost/a/../b/./c",
            "curl http://localhost/a/../b/./c/..",
            "curl http://localhost//a//b?x?y#z",
            "curl 'http://localhost?q=%2F+%zz'",
        ],
    );
}

#[test]
fn headers_of_options_are_the_same() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    same(
        &beside,
        &[
            "curl http://localhost -A me -e http://other/ -r 0-9 --compressed",
            "curl http://localhost -A '' -e '' -H 'Accept:' -H 'X-Empty;' -H 'X-Spaces:  '",
            "curl http://localhost -A me -H 'User-Agent: you' -H 'Host: there:81' -H 'Referer:' -e x",
            "curl http://localhost -u me: -H 'X-A: 1' -H 'X-A: 2' -H 'x-B: é'",
            "curl http://localhost -u 'me:p:w é'",
            "curl http://localhost --oauth2-bearer token",
            "curl http://u:p@localhost/x; curl http://u@localhost; curl http://:p@localhost; curl http://@localhost",
            "curl http://u%40x:p%3A%20q@localhost; curl http://u:p:q@localhost",
            "curl http://u:p@localhost -u a:b; curl http://u:p@localhost -H 'Authorization: x'",
            "curl http://u:p@localhost --oauth2-bearer token",
            "curl http://localhost --basic -u a:b -H 'Authorization: other'",
            "curl http://localhost -b 'a=1;  b=2' -b c=3",
            "curl http://localhost -b a=1 -H 'Cookie: b=2'",
            "curl -0 http://localhost",
            "curl -X POST -I http://localhost",
            "curl -X PURGE http://localhost -X BREW",
            // Options for networks and TLS, which have no effect.
            "curl -4 -s -S -k -N -q --http1.1 --tlsv1.2 --no-keepalive --tcp-nodelay http://localhost",
            "curl --connect-timeout 5 --retry 2 --limit-rate 1M --noproxy '*' --max-time 20 http://localhost",
        ],
    );
}

#[test]
fn cookies_are_read_from_a_file_and_written_to_one() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    let sorted = |text: &str| {
        let lines = text.lines().filter(|line| line.contains('\t'));
        // The time when a cookie expires depends on the current time.
        let lines = lines.map(|line| {
            let fields = line.split('\t').enumerate();
            let fields = fields.map(|(place, field)| match (place, field) {
                (4, "0") => "0",
                (4, _) => "LATER",
                (_, field) => field,
            });
            fields.collect::<Vec<_>>().join("\t")
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines
    };
    let both = beside.run("curl http://localhost/set/x -b $client.jar -c $client.jar");
    assert_eq!(both.curl.asked, both.request.asked);
    assert_eq!(both.request.stderr, "");
    let jar = sorted(&beside.read("request.jar"));
    assert_eq!(jar, sorted(&beside.read("curl.jar")));
    assert_eq!(
        jar,
        [
            "#HttpOnly_localhost\tFALSE\t/\tFALSE\tLATER\tb\t2",
            "localhost\tFALSE\t/\tFALSE\t0\ta\t1",
            "localhost\tFALSE\t/set\tTRUE\t0\tc\t3",
        ]
    );
    // Each reads the file that the other wrote.
    same(
        &beside,
        &[
            "curl http://localhost/ -b curl.jar -b x=1",
            "curl http://localhost/set/y -b request.jar",
            "curl http://localhost/set/y -b request.jar -j",
            "curl http://localhost/ -b request.jar -H 'Cookie: x=1'",
            "curl http://other.example/ -b request.jar",
        ],
    );
    let both = beside.run("curl -s http://localhost/set -c -");
    assert_eq!(sorted(&both.request.stdout), sorted(&both.curl.stdout));
    assert!(both.request.stdout.starts_with("answer\n"));
    // A file that does not exist gets a warning, as a cookie may have been meant.
    let both = beside.run("curl http://localhost -b nothing");
    assert_eq!((both.curl.exit, both.request.exit), (0, 0));
    assert!(
        both.request.stderr.contains("NAME=VALUE"),
        "{}",
        both.request.stderr
    );
}

#[test]
fn requests_after_redirects_are_the_same() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    // `request` always keeps the cookies of a response, curl only with -b or -c.
    let redirect = |code: u16, options: &str| {
        format!("curl -L -c /dev/null -e ';auto' http://localhost/redirect/{code}/there {options}")
    };
    for code in [302, 303, 307] {
        for options in [
            "",
            "-d a=1",
            "-T app.py",
            "-X PATCH -d a=1",
            "-I",
            "-b x=1",
            "-u a:b",
        ] {
            let line = redirect(code, options);
            let Both { curl, request } = beside.run(&line);
            let without_type = |asked: &str| {
                // curl still sends the Content-Type of content that it no longer sends.
                let lines = asked
                    .lines()
                    .filter(|line| !line.starts_with("CONTENT_TYPE="));
                lines.collect::<Vec<_>>().join("\n")
            };
            assert_eq!(
                without_type(&curl.asked),
                without_type(&request.asked),
                "{line}"
            );
            assert_eq!(request.exit, curl.exit, "{line}\n{}", request.stderr);
        }
    }
    let both = beside
        .run("curl -L -c /dev/null --max-redirs 1 http://localhost/redirect/302/redirect/302/x");
    assert_eq!((both.curl.exit, both.request.exit), (47, 47));
    assert_eq!(both.curl.asked, both.request.asked);
}

#[test]
fn the_output_of_write_out_is_the_same() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    let beside = beside.file("format", "%{response_code}\\n");
    same(
        &beside,
        &[
            r"curl http://localhost -w '%{http_code} %{size_download} %{content_type}\n'",
            r"curl http://localhost/status/404 -w '%{http_code}\t%{method}\r\n%{num_redirects}|%{errormsg}|'",
            r"curl http://localhost/redirect/302/x?y -w '%{redirect_url} %{url} %{url_effective}\n'",
            r"curl -L -c /dev/null http://localhost/redirect/302/x -w '%{redirect_url} %{url} %{url_effective} %{num_redirects}\n'",
            r"curl http://localhost -w '%{scheme} %{http_version} %{num_headers} %{size_header} %{exitcode} 100%% \q\n'",
            r"curl -L -c /dev/null http://localhost/redirect/302/x -w '%{num_headers} %{size_header}' -o /dev/null",
            r"curl http://localhost -d abc -w '%{size_upload} %{header_json}' -o out",
            r"curl http://localhost -w '%header{content-type}|%{onerror}no' -e me -o /dev/null | sed 's/^%header.*|/text\/plain|/'",
            r"curl http://localhost -w '%{referer}' -e me",
            r"curl http://localhost -o out -w '%{filename_effective}|'; curl http://localhost -o - -w '%{filename_effective}|'",
            r"curl -O 'http://localhost/a/b%20c%2Fd.txt?x=/y#z' -w '%{filename_effective}|'; cat b%20c%2Fd.txt",
            r"curl -O http://localhost/café -w '%{filename_effective}|'; cat café",
            r"curl -O 'http://localhost/a\b' -w '%{filename_effective}|'; cat b",
            r"curl -L -c /dev/null -O http://localhost/redirect/302/x -w '%{filename_effective}|'; cat x",
            r"curl http://localhost -w @format -c - | sed '/^#/d'",
            r"curl --compressed http://localhost/gzip -w '%{size_download}' -o out; cat out",
            "curl --compressed http://localhost/deflate",
            "curl -i http://localhost/status/404 -D - -o out; cat out",
        ],
    );
    // The times are in ascending order.
    let line = r"curl -L -c /dev/null http://localhost/redirect/302/x -o out -w '%{time_redirect} %{time_starttransfer} %{time_total}'";
    let times = beside.run(line).request.stdout;
    let times: Vec<f64> = times
        .split(' ')
        .map(|time| time.parse().expect("a time"))
        .collect();
    assert!(times[0] > 0.0 && times.is_sorted(), "{times:?}");
    let request = beside
        .run(r"curl http://localhost -w '%{stderr}a%{nosuch}%{stdout}b' -o out")
        .request;
    assert_eq!(request.stdout, "b");
    assert_eq!(
        request.stderr,
        "awsgi-cgi: `-w`: unknown variable `nosuch`\n"
    );
}

#[test]
fn the_exit_status_is_the_same() {
    let Some(beside) = Beside::curl() else {
        return;
    };
    for (line, exit) in [
        ("curl -f http://localhost/status/404", 22),
        (
            "curl -f -i http://localhost/status/503 | cat; exit ${PIPESTATUS[0]}",
            22,
        ),
        ("curl --fail-with-body http://localhost/status/400", 22),
        ("curl -f http://localhost/status/399", 0),
        ("curl -f -L http://localhost/redirect/302/status/404", 22),
        ("curl http://localhost/status/404", 0),
        ("curl 'http://a b/'", 3),
        ("curl http://u@v:p@localhost", 3),
        ("curl -O http://localhost/a/", 23),
        ("curl -O http://localhost", 23),
        ("curl -O http://localhost/a/..", 23),
        ("curl http://localhost -o /no/such/file", 23),
        ("curl http://localhost -F a=@/no/such/file", 26),
        ("curl http://localhost -T /no/such/file", 26),
        ("curl http://localhost --no-such-option", 2),
        ("curl http://localhost -d x -F a=b", 2),
        ("curl http://localhost -d x -I", 2),
        ("curl --compressed http://localhost/unknown", 61),
    ] {
        let Both { curl, request } = beside.run(line);
        assert_eq!(
            (curl.exit, request.exit),
            (exit, exit),
            "{line}\n{request:?}"
        );
        assert_eq!(curl.stdout, request.stdout, "{line}");
        assert_eq!(request.stderr.is_empty(), exit == 0, "{line}\n{request:?}");
    }
}

#[test]
fn a_timeout_exits_with_28() {
    const HANGS: &str = "import time\ndef application(e, s): time.sleep(60)\n";
    const LOADS: &str = "import time\ntime.sleep(60)\n";
    for app in [HANGS, LOADS] {
        let request = ByHand::request(app).with(&["-m", "0.2", "--timeout", "9"]);
        let log = request.exits(28).logs("GET /: ").run().stderr;
        let entries: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("GET /: "))
            .collect();
        assert_eq!(entries.len(), 1, "{log}");
        assert!(
            entries[0].contains("timed out after 0.2 s (-m, --max-time)"),
            "{log}"
        );
    }
    let request = ByHand::request(HANGS).with(&["-m", "9", "--timeout", "0.2"]);
    request
        .exits(1)
        .logs("timed out after 0.2 s (--timeout)")
        .run();
}

/// A user name and a password in a URL are sent, and never shown.
#[test]
fn a_password_in_a_url_is_not_shown() {
    const APP: &str = r#"
PLACES = {
    "/there": "/",
    "/again": "http://v:secret@localhost/",
    "/elsewhere": "http://v:secret@elsewhere/",
}
def application(environ, start_response):
    assert "HTTP_AUTHORIZATION" in environ
    place = PLACES.get(environ["PATH_INFO"])
    start_response("302 Found" if place else "200 OK", [("Location", place)] if place else [])
    return []
"#;
    let request = |url: &str| {
        let shown = "%{url} %{url_effective} %{redirect_url} %{json}";
        let request = ByHand::request(APP).with(&["-L", "-v", "-w", shown]);
        request.with(&[url]).logs_anything()
    };
    for path in ["/", "/there", "/again", "/elsewhere"] {
        let ran = request(&format!("http://u:secret@localhost{path}")).run();
        let shown = String::from_utf8_lossy(&ran.stdout) + &*ran.stderr;
        assert!(shown.contains("http://localhost/"), "{path}: {shown}");
        assert!(!shown.contains("secret"), "{path}: {shown}");
    }
    for url in [
        "http://u:secret@v w/",
        "ftp://u:secret@localhost/",
        "http://u@v:secret@localhost/",
    ] {
        let log = request(url).exits(3).run().stderr;
        assert!(!log.is_empty() && !log.contains("secret"), "{url}: {log}");
    }
}

#[test]
fn a_password_is_asked_for_only_once() {
    const APP: &str = r#"
def application(environ, start_response):
    path = environ["PATH_INFO"]
    status = "302 Found" if path == "/" else "200 OK"
    start_response(status, [("Location", "/there")])
    return [(path + " " + environ["HTTP_AUTHORIZATION"] + "\n").encode()]
"#;
    let request = ByHand::request(APP).with(&["-L", "-u", "me"]);
    let mut terminal = Terminal::start(request.to_command());
    terminal.wait_for("Password of `me`: ").types("secret");
    let (screen, exit) = terminal.end();
    assert_eq!(exit, 0, "{screen}");
    assert_eq!(screen, "\r\n/there Basic bWU6c2VjcmV0\r\n");
}

#[test]
fn content_that_does_not_match_its_encoding_is_an_error() {
    const APP: &str = r#"
def application(environ, start_response):
    start_response("200 OK", [("Content-Encoding", "gzip")])
    return [environ["PATH_INFO"].encode()]
"#;
    for path in ["/plain", "/"] {
        let request = ByHand::request(APP).with(&["--compressed", path]);
        let request = request
            .exits(61)
            .logs("wsgi-cgi: --compressed: the content ");
        assert_eq!(request.prints(), "");
    }
    // Without --compressed the content is not decoded.
    assert_eq!(ByHand::request(APP).with(&["/plain"]).prints(), "/plain");
}

#[test]
fn remote_name_takes_the_files_name_from_the_url() {
    const APP: &str = r#"
def application(environ, start_response):
    status = "302 Found" if environ["PATH_INFO"] == "/a/page.txt" else "200 OK"
    start_response(status, [("Location", "/there")])
    return [b"page"]
"#;
    let printed = ByHand::request(APP)
        .with(&["-L", "-O", "/a/page.txt?x"])
        .run();
    assert_eq!(printed.stdout, b"");
    let page = std::fs::read(printed.folder.path().join("page.txt"));
    assert_eq!(page.expect("the answer"), b"page");
    assert!(!printed.folder.path().join("there").exists());
    ByHand::request(APP)
        .with(&["-O", "/a/"])
        .exits(23)
        .logs("wsgi-cgi: -O: the URL does not end in a file name")
        .run();
}

#[test]
fn the_heads_of_all_responses_go_into_a_file() {
    const APP: &str = r#"
def application(environ, start_response):
    status = "302 Found" if environ["PATH_INFO"] == "/" else "200 OK"
    start_response(status, [("Location", "/there")])
    return [b"page"]
"#;
    let printed = ByHand::request(APP)
        .with(&["-L", "-D", "heads", "-i", "-o", "answer"])
        .run();
    let read = |name: &str| std::fs::read_to_string(printed.folder.path().join(name));
    let heads = read("heads").expect("the heads");
    assert!(
        heads.starts_with("HTTP/1.1 302 Found\r\nLocation: /there\r\n"),
        "{heads}"
    );
    assert_eq!(heads.matches("HTTP/1.1 ").count(), 2);
    assert_eq!(read("answer").expect("the answer"), heads + "page");
}
