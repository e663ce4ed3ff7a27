//! A kept request may have been written by somebody else: what it may set, and what it keeps.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::harness::by_hand::ByHand;
use crate::harness::cgi::Cgi;
use crate::harness::folder;

const SHOWS: &str = "import os, sys
def application(environ, start_response):
    start_response('200 OK', [])
    return [repr((sys.path, sys.flags, sys.prefix, dict(os.environ))).encode()]
";

const FAILS: &str = "def application(environ, start_response):
    environ['wsgi.input'].read()
    raise ValueError('failed')
";

#[test]
fn a_crafted_file_sets_nothing_that_python_or_the_loader_obeys() {
    let evil = folder();
    let marker = evil.path().join("ran");
    let write = format!("open({:?}, 'w')\n", marker.to_str().expect("UTF-8"));
    for name in ["sitecustomize.py", "usercustomize.py", "os.py", "evil.py"] {
        fs::write(evil.path().join(name), &write).expect("written");
    }
    let site = evil.path().join(format!(
        ".local/lib/python{}/site-packages",
        crate::harness::python_version()
    ));
    fs::create_dir_all(&site).expect("a folder");
    fs::write(site.join("usercustomize.py"), &write).expect("written");
    let evil = evil.path().to_str().expect("UTF-8");
    let text = format!(
        "# wsgi-cgi request 1\nREQUEST_METHOD=GET\nPATH_INFO=/\nQUERY_STRING=kept\nPYTHONPATH={evil}\n\
         PYTHONHOME={evil}\nPYTHONSTARTUP={evil}/evil.py\nPYTHONINSPECT=1\nPYTHONOPTIMIZE=2\n\
         PYTHONUSERBASE={evil}/.local\nHOME={evil}\nVIRTUAL_ENV={evil}\nREDIRECT_VIRTUAL_ENV={evil}\n\
         LD_PRELOAD={evil}/evil.so\nLD_LIBRARY_PATH={evil}\nPATH={evil}\nGCONV_PATH={evil}\n\
         WSGI_CGI_VENV={evil}\nWSGI_CGI_PYTHON_PATH={evil}\nREDIRECT_WSGI_CGI_LOG={evil}/log\n\
         BASH_ENV={evil}\nSSLKEYLOGFILE={evil}/k\nhttps_proxy={evil}\nALL_PROXY={evil}\n\
         REQUESTS_CA_BUNDLE={evil}\nGIT_SSH={evil}\nDJANGO_SETTINGS_MODULE={evil}\n\
         AWS_CONFIG_FILE={evil}\nKUBECONFIG={evil}\nPERLLIB={evil}\nHTTP_X=kept too\n\n"
    );
    let printed = ByHand::request(SHOWS)
        .file("crafted.request", &text)
        .variable("PATH", "/usr/bin:/bin")
        .with(&["--replay", "crafted.request"])
        .logs("ignored these variables, which change how programs run: ")
        .logs("LD_PRELOAD")
        .run();
    let shown = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(!shown.contains(evil), "{shown}");
    assert!(shown.contains("'PATH': '/usr/bin:/bin'"), "{shown}");
    assert!(shown.contains("'QUERY_STRING': 'kept'"), "{shown}");
    assert!(shown.contains("'HTTP_X': 'kept too'"), "{shown}");
    assert!(!marker.exists());
}

#[test]
fn dropped_variables_can_be_set_on_purpose() {
    let printed = ByHand::request(SHOWS)
        .file(
            "a.request",
            "# wsgi-cgi request 1\nREQUEST_METHOD=GET\nPYTHONPATH=/evil\n\n",
        )
        .with(&["--replay", "a.request", "--set", "PYTHONPATH=/mine"])
        .logs("ignored these variables")
        .prints();
    assert!(
        printed.contains("'/mine'") && !printed.contains("/evil"),
        "{printed}"
    );
}

#[test]
fn a_remark_does_nothing_to_a_terminal() {
    let printed = ByHand::request(SHOWS)
        .file(
            "a.request",
            "# wsgi-cgi request 1\n# \u{1b}[2J\nREQUEST_METHOD=GET\n\n",
        )
        .with(&["--replay", "a.request"])
        .logs("`a.request`: \\u{1b}[2J")
        .run();
    assert!(!printed.stderr.contains('\u{1b}'));
}

/// The only file in a folder.
fn kept(records: &Path) -> String {
    let mut entries = fs::read_dir(records).expect("a folder");
    let file = entries.next().expect("a file").expect("an entry").path();
    assert!(entries.next().is_none());
    fs::read_to_string(file).expect("text")
}

#[test]
fn secrets_in_queries_and_forms_are_masked() {
    let multipart = "--xx\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nc2VjcmV0\r\n\
                     --xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--xx--\r\n";
    for (kind, content, shown) in [
        (
            "application/x-www-form-urlencoded",
            "a=b&password=c2VjcmV0&csrf_token=c2VjcmV0",
            "a=b&password=[masked]&csrf_token=[masked]",
        ),
        (
            "multipart/form-data; boundary=xx",
            multipart,
            "\r\n\r\n[masked]\r\n--xx\r\n",
        ),
        (
            "application/json",
            "{\"api_key\": \"c2VjcmV0\", \"a\": 1}",
            "{\"api_key\": \"[masked]\", \"a\": 1}",
        ),
    ] {
        let folder = folder();
        let ask = |secrets: bool| {
            let cgi = Cgi::source(FAILS)
                .option("--record")
                .option(folder.path())
                .variable("QUERY_STRING", "a=b&token=c2VjcmV0")
                .variable("REQUEST_URI", "/app/?a=b&token=c2VjcmV0")
                .variable("REDIRECT_QUERY_STRING", "token=c2VjcmV0")
                .variable("HTTP_REFERER", "http://a/?session_id=c2VjcmV0&a=b")
                .variable("CONTENT_TYPE", kind)
                .post(content)
                .exits(1)
                .logs("the request is recorded");
            if secrets {
                cgi.option("--record-secrets")
            } else {
                cgi
            }
            .run()
        };
        ask(false);
        let text = kept(folder.path());
        assert!(!text.contains("c2VjcmV0"), "{text}");
        assert!(
            text.contains("\nQUERY_STRING=a=b&token=[masked]\n"),
            "{text}"
        );
        assert!(
            text.contains("\nREQUEST_URI=/app/?a=b&token=[masked]\n"),
            "{text}"
        );
        assert!(
            text.contains("\nHTTP_REFERER=http://a/?session_id=[masked]&a=b\n"),
            "{text}"
        );
        assert!(text.contains("\n# masked: "), "{text}");
        assert!(text.contains(shown), "{text}");
        // It can be answered again, whole.
        let (head, content_kept) = text.split_once("\n\n").expect("a head");
        let length = format!("\nCONTENT_LENGTH={}\n", content_kept.len());
        assert!(format!("{head}\n").contains(&length), "{text}");
        let file = fs::read_dir(folder.path()).expect("a folder").next();
        fs::remove_file(file.expect("a file").expect("an entry").path()).expect("removed");
        ask(true);
        assert!(kept(folder.path()).ends_with(content));
    }
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    for (mode, parent, is_kept) in [
        (0o777, 0o755, false),
        (0o1777, 0o755, false),
        (0o770, 0o755, false),
        (0o700, 0o777, false),
        (0o700, 0o1777, true),
        (0o755, 0o755, true),
    ] {
        let folder = folder();
        let records = folder.path().join("records");
        fs::create_dir(&records).expect("a folder");
        fs::set_permissions(&records, Permissions::from_mode(mode)).expect("permissions");
        fs::set_permissions(folder.path(), Permissions::from_mode(parent)).expect("permissions");
        let logged = if is_kept {
            "the request is recorded"
        } else {
            "can be changed by users other than the server's: "
        };
        Cgi::source(FAILS)
            .option("--record")
            .option(&records)
            .exits(1)
            .logs(logged)
            .run();
        let count = fs::read_dir(&records).expect("a folder").count();
        assert_eq!(count, usize::from(is_kept), "{mode:o} {parent:o}");
    }
}

#[test]
fn the_hint_can_be_pasted() {
    for (name, callable) in [("app.py", ""), ("it's $one.cgi", ""), ("app.py", ":other")] {
        let folder = folder();
        let records = folder.path().join("a folder");
        let text = format!("import helper\n{FAILS}\nother = application\n");
        let cgi = Cgi::source_named(name, &text);
        let modules = folder.path().join("modules");
        fs::create_dir(&modules).expect("a folder");
        fs::write(modules.join("helper.py"), "").expect("a module");
        let script = cgi.script_folder().join(name);
        let script = format!("{}{callable}", script.to_str().expect("UTF-8"));
        let answer = cgi
            .arguments(&[&script])
            .option("--record")
            .option(&records)
            .option("--python-path")
            .option(&modules)
            .path("/cart")
            .exits(1)
            .logs("the request is recorded: `")
            .run();
        let hint = answer
            .log
            .split("the request is recorded: `")
            .nth(1)
            .expect("a hint");
        let (hint, _) = hint.rsplit_once("` repeats it").expect("a hint");
        let again = Command::new("sh")
            .args(["-c", hint])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .output()
            .expect("a shell");
        let log = String::from_utf8_lossy(&again.stderr);
        assert!(log.contains(": GET /app/cart: "), "{hint}\n{log}");
        assert!(log.contains("ValueError: failed"), "{hint}\n{log}");
    }
}
