//! What the program is for: a Flask application in Apache's cgi-bin works the first time, or says
//! why not.

use super::{Kind, Server, Site, run};
use crate::harness::http_client::Request;
use crate::harness::packages;

const FLASK: &str = "
from flask import Flask, request

app = Flask(__name__)

@app.get('/')
def index():
    return 'Hello from Flask!'

@app.post('/greet')
def greet():
    return 'Hello, ' + request.form['name'] + '!'
";

#[test]
fn in_apaches_cgi_bin_it_works() {
    run(Kind::ApacheCgid, |kind| {
        let Some(venv) = packages::venv() else { return };
        let block = format!(
            "# /// script\n# [tool.wsgi-cgi]\n# venv = \"{}\"\n# ///\n",
            venv.display()
        );
        let site = Site::new().source("shop", &format!("{block}{FLASK}"));
        let server = Server::start(kind, &site);
        let url = server.url("shop");
        let page = Request::get(&format!("{url}/")).send(server.address);
        assert_eq!(page.status, 200, "{}", server.log());
        assert_eq!(page.text(), "Hello from Flask!");
        let form = Request::post(&format!("{url}/greet"), b"name=Ada")
            .header("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(
            form.send(server.address).text(),
            "Hello, Ada!",
            "{}",
            server.log()
        );
    });
}

#[test]
fn in_apaches_cgi_bin_it_says_why_not() {
    run(Kind::ApacheCgid, |kind| {
        let text = FLASK.replace("from flask", "from flask_that_is_not_installed");
        let server = Server::start(kind, &Site::new().source("shop", &text));
        let page = Request::get(&server.url("shop")).send(server.address);
        assert_eq!(page.status, 500);
        server.wait_for_log("No module named 'flask_that_is_not_installed'");
        server.wait_for_log("set the virtual environment that has");
    });
}
