//! Django's 400 to a request for a host that ALLOWED_HOSTS lacks, which is in no log.

use std::fs;

use super::page::{WORD, page, token};
use super::{BLOCK, Site, is_found};
use crate::harness::{packages, program};

const URLS: &str = "from django.http import HttpResponse\nfrom django.urls import path\n\
                    urlpatterns = [path('', lambda request: HttpResponse('hello'))]\n";

/// As every new project has it.
const CHECKS_HOSTS: &str = "MIDDLEWARE = ['django.middleware.common.CommonMiddleware']\n";

/// A site of Django with these settings; `None` without Django.
fn site(settings: &str) -> Option<Site> {
    let venv = packages::venv()?;
    let site = Site::new();
    let modules = site.root.path().join("site/modules");
    let settings =
        format!("SECRET_KEY = 'x'\nROOT_URLCONF = 'shop_urls'\n{CHECKS_HOSTS}{settings}\n");
    fs::write(modules.join("shop_settings.py"), settings).expect("written");
    fs::write(modules.join("shop_urls.py"), URLS).expect("written");
    let block = BLOCK.replace(
        "# image = true\n# ",
        &format!("# venv = \"{}\"\n# ", venv.display()),
    );
    site.write(|_| {
        format!(
            "#!{}\n{block}import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'shop_settings'\n\
             from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
            program().display()
        )
    });
    Some(site)
}

#[test]
fn no_host_is_allowed() {
    let Some(site) = site("") else { return };
    is_found(&site.wrong(), "hosts Django answers 400 to every request");
    let said = site.doctor(&[]);
    let text = String::from_utf8_lossy(&said.stdout);
    let remedy = format!(
        "-> in `{}/site/modules/shop_settings.py`, with the site's host name: ALLOWED_HOSTS = [\"www.example.org\"]\n",
        site.root.path().display()
    );
    assert!(text.contains(&remedy), "{text}");
    assert!(
        !text.contains("answers GET / with"),
        "the application was not asked: {text}"
    );
}

/// On a terminal nobody knows the site's name: the application is asked by one that it allows.
#[test]
fn another_host_is_allowed() {
    let Some(site) = site("ALLOWED_HOSTS = ['.example.net', 'example.com']") else {
        return;
    };
    let said = site.doctor(&[]);
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(
        text.contains("note   hosts    Django answers 400 to requests for `"),
        "{text}"
    );
    assert!(text.contains("app.cgi` answers GET / with 200"), "{text}");
    assert_eq!(site.wrong(), Vec::<String>::new());
}

#[test]
fn every_host_is_allowed() {
    for settings in ["ALLOWED_HOSTS = ['*']", "DEBUG = True"] {
        let Some(site) = site(settings) else { return };
        let said = site.doctor(&[]);
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(!text.contains("hosts"), "{text}");
        assert!(text.contains("app.cgi` answers GET / with 200"), "{text}");
    }
}

/// On a page it is the name in the browser.
#[test]
fn the_host_of_the_page_counts() {
    let Some(site) = site("DEBUG = True\nALLOWED_HOSTS = ['example.net']") else {
        return;
    };
    token(&site, WORD);
    let asked = |host: &str| {
        let query = format!("format=json&token={WORD}&script=app.cgi");
        let page = page(&site)
            .variable("QUERY_STRING", query)
            .variable("HTTP_HOST", host);
        page.logs_anything().run().text().to_owned()
    };
    let text = asked("shop.example.org:8080");
    assert!(
        text.contains("\"wrong\", \"about\": \"hosts\", \"said\": \"Django answers 400 to requests for `shop.example.org:8080`"),
        "{text}"
    );
    assert!(
        text.contains("ALLOWED_HOSTS = [\\\"example.net\\\", \\\"shop.example.org\\\"]"),
        "{text}"
    );
    let text = asked("example.net");
    assert!(
        !text.contains("hosts") && text.contains("answers GET / with 200"),
        "{text}"
    );
}
