//! The page for a browser.

mod calls;

use super::DebugPage;
use super::request::{Pairs, Shown};
use super::sheet::Sheet;
use crate::{Owner, Status};

const STYLE: &str = include_str!("style.css");

/// What allows this style and no other (a `Content-Security-Policy`'s source). A test says what it
/// must be.
pub(super) const STYLE_HASH: &str = "sha256-fGb8D6IS+W3CEqyEXL0g2SXmInn44aBspSSS1XMg/PU=";

pub(super) fn write(sheet: &mut Sheet<'_>, page: &DebugPage<'_>, status: &Status, shown: &Shown) {
    let status = String::from_utf8_lossy(status.line());
    sheet.put("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    sheet.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    match page.fault {
        Some(fault) => sheet
            .word(&fault.kind, 100)
            .put(": ")
            .word(&fault.message, 100),
        None => sheet.word(&status, 100),
    };
    sheet
        .put("</title>\n<style>")
        .put(STYLE)
        .put("</style>\n</head>\n<body>\n");
    header(sheet, page, &status, shown);
    sheet.put("<main>\n");
    if let Some(fault) = page.fault {
        sheet.put("<section id=\"calls\">\n<h2>Calls, the innermost first</h2>\n");
        if fault.frames.iter().any(|frame| frame.owner == Owner::Own) {
            sheet
                .put("<p class=\"legend\"><b>The application&#39;s own code</b> is expanded, ")
                .put("library code is collapsed.</p>\n");
        }
        calls::write(sheet, fault, 0);
        sheet.put("</section>\n");
    }
    sheet.begin_request();
    request(sheet, shown);
    sheet.put("</main>\n<footer>\n<p>Only a developer should see this page. It is \
               shown if <kbd>--debug</kbd> is set, and by <kbd>serve</kbd> to browsers on the same machine. \
               Values whose names suggest a secret, such as <kbd>password</kbd>, are masked.</p>\n</footer>\n</body>\n</html>\n");
}

fn header(sheet: &mut Sheet<'_>, page: &DebugPage<'_>, status: &str, shown: &Shown) {
    sheet
        .put("<header>\n<p class=\"status\"><b>")
        .word(status, 100)
        .put("</b> <span>");
    sheet
        .word(&shown.method, 20)
        .put(" ")
        .word(&shown.url, 300)
        .put("</span></p>\n");
    if let Some(fault) = page.fault {
        sheet.put("<h1>");
        calls::title(sheet, fault);
        sheet.put("</h1>\n");
        calls::said(sheet, fault);
        sheet.put("<p class=\"what\">");
        sentence(sheet, page.what);
    } else {
        sheet.put("<h1 class=\"plain\">");
        sentence(sheet, page.what);
        sheet.put("</h1>\n<p class=\"what\">No exception was raised");
    }
    sheet.put(".</p>\n");
    if let Some(advice) = page.advice {
        sheet.put("<p class=\"advice\">");
        sentence(sheet, advice);
        sheet.put("</p>\n");
    }
    sheet
        .put("<p class=\"id\">In the error log, look for <code>")
        .word(page.id, 40);
    sheet.put("</code></p>\n</header>\n");
}

/// Begins with a capital letter, and shows code between backquotes as such.
fn sentence(sheet: &mut Sheet<'_>, text: &str) {
    let masked = sheet.masked(text).into_owned();
    for (place, part) in masked.split('`').enumerate() {
        let is_code = place % 2 == 1;
        if place == 0 {
            let mut letters = part.chars();
            let first: String = letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect();
            sheet.part(&first, 4).part(letters.as_str(), 1000);
        } else if place > 20 {
            sheet.put(" …");
            break;
        } else {
            sheet
                .put(if is_code { "<kbd>" } else { "" })
                .part(part, 1000);
            sheet.put(if is_code { "</kbd>" } else { "" });
        }
    }
}

fn request(sheet: &mut Sheet<'_>, shown: &Shown) {
    sheet.put("<section id=\"request\">\n<h2>Request</h2>\n<p class=\"url\"><b>");
    sheet
        .word(&shown.method, 100)
        .put("</b> ")
        .word(&shown.url, 2000)
        .put("</p>\n");
    for (title, pairs) in [("Query", &shown.query), ("Header fields", &shown.fields)] {
        if !pairs.is_empty() {
            sheet.put("<h3>").put(title).put("</h3>\n");
            table(sheet, pairs, 0);
        }
    }
    if !shown.others.is_empty() {
        sheet.put("<details class=\"others\"><summary><h3>Other CGI variables</h3></summary>\n");
        table(sheet, &shown.others, 0);
        sheet.put("</details>\n");
    }
    sheet.put("</section>\n");
}

pub(super) fn table(sheet: &mut Sheet<'_>, pairs: &Pairs, more: usize) {
    sheet.put("<table>\n");
    let mut left = more;
    for (place, (name, value)) in pairs.iter().enumerate() {
        if sheet.is_full() {
            left += pairs.len() - place;
            break;
        }
        sheet
            .put("<tr><th scope=\"row\">")
            .word(name, 100)
            .put("</th><td>");
        sheet.lines(value, 1000).put("</td></tr>\n");
    }
    sheet.put("</table>\n");
    if left > 0 {
        sheet
            .put("<p class=\"gap\">")
            .number(left)
            .put(" more are left out</p>\n");
    }
}
