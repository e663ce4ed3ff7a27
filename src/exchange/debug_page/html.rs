//! The page for a browser.

use super::DebugPage;
use super::request::{Pairs, Shown};
use super::sheet::Sheet;
use crate::exchange::{FIRST_FRAMES, Fault, Frame, Link, MESSAGE, Owner, Source, Status};

const STYLE: &str = include_str!("style.css");

/// What allows this style and no other (a `Content-Security-Policy`'s source). A test says what it
/// must be.
pub(super) const STYLE_HASH: &str = "sha256-1sU7eNkXfg9O4RkDDklGM5Iof05IgMVUwbgYgnraBg4=";

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
        body(sheet, fault, 3);
        sheet.put("</section>\n");
    }
    sheet.begin_request();
    request(sheet, shown);
    sheet.put("</main>\n<footer>\n<p>Only a developer should see this page: it is sent because \
               debugging is switched on (<kbd>--debug</kbd>). Values that go by the name of a secret \
               are masked.</p>\n</footer>\n</body>\n</html>\n");
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
        title(sheet, fault);
        sheet.put("</h1>\n");
        said(sheet, fault);
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
        .put("<p class=\"id\">The error log has this under <code>")
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

/// The type, with the module in the background.
fn title(sheet: &mut Sheet<'_>, fault: &Fault) {
    let (module, name) = fault.kind.rsplit_once('.').unwrap_or(("", &fault.kind));
    if !module.is_empty() {
        sheet
            .put("<span class=\"module\">")
            .word(module, 100)
            .put(".</span><wbr>");
    }
    sheet.word(name, 100);
}

fn said(sheet: &mut Sheet<'_>, fault: &Fault) {
    if !fault.message.is_empty() {
        sheet
            .put("<p class=\"message\">")
            .lines(&fault.message, MESSAGE)
            .put("</p>\n");
    }
    for note in fault.notes.iter().take(10) {
        sheet
            .put("<p class=\"note\">")
            .lines(note, 1000)
            .put("</p>\n");
    }
}

/// The calls, the members and what came before.
fn body(sheet: &mut Sheet<'_>, fault: &Fault, level: usize) {
    let mut shows_locals = level == 3;
    let shows_own = fault.frames.iter().any(|frame| frame.owner == Owner::Own);
    let last = fault.frames.len().saturating_sub(1);
    for (place, call) in fault.frames.iter().enumerate().rev() {
        if sheet.is_full() {
            sheet
                .put("<p class=\"gap\">The page is long enough: ")
                .number(place + 1);
            sheet.put(" more calls are in the error log.</p>\n");
            break;
        }
        let is_open = call.owner == Owner::Own || (!shows_own && place == last);
        frame(sheet, call, is_open, is_open && shows_locals);
        shows_locals &= !is_open;
        if place == FIRST_FRAMES && fault.left_out > 0 {
            sheet
                .put("<p class=\"gap\">")
                .number(fault.left_out)
                .put(" calls are left out here</p>\n");
        }
    }
    if fault.frames.is_empty() {
        sheet.put("<p class=\"gap\">It came through no call of Python code</p>\n");
    }
    for (place, member) in fault.members.iter().enumerate() {
        sheet
            .put("<section class=\"earlier\">\n<p class=\"link\">Member ")
            .number(place + 1);
        sheet.put(" of the group</p>\n");
        another(sheet, member, level);
    }
    if let Some((link, earlier)) = &fault.earlier {
        sheet.put("<section class=\"earlier\">\n<p class=\"link\">");
        sheet.put(match link {
            Link::Cause => "It was raised because of",
            Link::Context => "It was raised during the handling of",
        });
        sheet.put("</p>\n");
        another(sheet, earlier, level);
    }
    if fault.unshown > 0 {
        sheet.put("<p class=\"gap\">").number(fault.unshown);
        sheet.put(" more exceptions are in the error log</p>\n");
    }
}

fn another(sheet: &mut Sheet<'_>, fault: &Fault, level: usize) {
    if sheet.is_full() {
        sheet.put("<p class=\"gap\">The page is long enough</p>\n</section>\n");
        return;
    }
    let deep = level > 5;
    sheet.put(if deep {
        "<h6>"
    } else {
        ["<h3>", "<h4>", "<h5>"][level - 3]
    });
    title(sheet, fault);
    sheet
        .put(if deep {
            "</h6>"
        } else {
            ["</h3>", "</h4>", "</h5>"][level - 3]
        })
        .put("\n");
    said(sheet, fault);
    body(sheet, fault, level + 1);
    sheet.put("</section>\n");
}

fn frame(sheet: &mut Sheet<'_>, frame: &Frame, is_open: bool, shows_locals: bool) {
    let is_own = frame.owner == Owner::Own;
    sheet
        .put("<details class=\"frame")
        .put(if is_own { " own\"" } else { "\"" });
    sheet
        .put(if is_open { " open" } else { "" })
        .put("><summary><span class=\"call\"><b>");
    if frame.function.is_empty() {
        sheet.put("source");
    } else {
        sheet.word(&frame.function, 100);
    }
    sheet.put("</b></span> <span class=\"place\">");
    let (folder, name) = match frame.file.rfind('/') {
        Some(slash) => frame.file.split_at(slash + 1),
        None => ("", frame.file.as_str()),
    };
    sheet
        .word(folder, 300)
        .put("<b>")
        .word(name, 100)
        .put(":")
        .number(frame.line)
        .put("</b></span>");
    sheet.put(if is_own {
        ""
    } else {
        " <span class=\"library\">library</span>"
    });
    sheet.put("</summary>\n");
    match &frame.source {
        Some(code) => source(sheet, code, frame.line),
        None => _ = sheet.put("<p class=\"gap\">The source is not there</p>\n"),
    }
    if !frame.locals.is_empty() {
        sheet
            .put("<details class=\"locals\"")
            .put(if shows_locals { " open" } else { "" });
        sheet.put("><summary>Local variables</summary>\n");
        table(sheet, &frame.locals, frame.more_locals);
        sheet.put("</details>\n");
    }
    sheet.put("</details>\n");
}

fn source(sheet: &mut Sheet<'_>, source: &Source, running: usize) {
    sheet.put("<pre><code>");
    for (place, line) in source.lines.iter().enumerate() {
        let number = source.first + place;
        let masked = sheet.masked(line).into_owned();
        let runs = number == running;
        sheet.put(if runs {
            "<mark class=\"line\">"
        } else {
            "<span class=\"line\">"
        });
        sheet.put("<i>").number(number).put("</i>");
        let columns = source.columns.as_ref().filter(|range| {
            runs && masked == *line && line.get((*range).clone()) != Some(line.trim())
        });
        let parts = columns.and_then(|range| {
            Some((
                line.get(..range.start)?,
                line.get(range.clone())?,
                line.get(range.end..)?,
            ))
        });
        if let Some((before, failed, after)) = parts {
            sheet
                .part(before, 300)
                .put("<em>")
                .part(failed, 300)
                .put("</em>")
                .part(after, 300);
        } else {
            sheet.part(&masked, 300);
        }
        sheet.put(if runs { "\n</mark>" } else { "\n</span>" });
    }
    sheet.put("</code></pre>\n");
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
        sheet.put("<details class=\"others\"><summary><h3>Other variables</h3></summary>\n");
        table(sheet, &shown.others, 0);
        sheet.put("</details>\n");
    }
    sheet.put("</section>\n");
}

fn table(sheet: &mut Sheet<'_>, pairs: &Pairs, more: usize) {
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
