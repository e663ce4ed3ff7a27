//! The exception's part of the page for a browser: the calls with their source, the members of a
//! group, and what came before.

use super::super::sheet::Sheet;
use super::table;
use crate::{FIRST_FRAMES, Fault, Frame, Link, MESSAGE, Owner, Source};

/// Of an earlier exception, by how many there are above it.
const HEADINGS: [(&str, &str); 4] = [
    ("<h3>", "</h3>\n"),
    ("<h4>", "</h4>\n"),
    ("<h5>", "</h5>\n"),
    ("<h6>", "</h6>\n"),
];

/// The type, with the module in the background.
pub(super) fn title(sheet: &mut Sheet<'_>, fault: &Fault) {
    let (module, name) = fault.kind.rsplit_once('.').unwrap_or(("", &fault.kind));
    if !module.is_empty() {
        sheet
            .put("<span class=\"module\">")
            .word(module, 100)
            .put(".</span><wbr>");
    }
    sheet.word(name, 100);
}

pub(super) fn said(sheet: &mut Sheet<'_>, fault: &Fault) {
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
pub(super) fn write(sheet: &mut Sheet<'_>, fault: &Fault, level: usize) {
    let mut shows_locals = level == 0;
    let shows_own = fault.frames.iter().any(|frame| frame.owner == Owner::Own);
    let last = fault.frames.len().saturating_sub(1);
    for (place, call) in fault.frames.iter().enumerate().rev() {
        if sheet.is_full() {
            sheet
                .put("<p class=\"gap\">To keep this page short, ")
                .number(place + 1);
            sheet.put(" more calls are shown only in the error log.</p>\n");
            break;
        }
        // A recursion is shown once.
        let is_known = fault.frames.get(place + 1).is_some_and(|inner| {
            (inner.line, &inner.file, &inner.function) == (call.line, &call.file, &call.function)
        });
        let is_open = (call.owner == Owner::Own && !is_known) || (!shows_own && place == last);
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
        sheet.put("<p class=\"gap\">It was not raised in Python code</p>\n");
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
    if fault.has_more {
        sheet.put("<p class=\"gap\">More exceptions are in the error log</p>\n");
    }
}

fn another(sheet: &mut Sheet<'_>, fault: &Fault, level: usize) {
    if sheet.is_full() {
        sheet.put("<p class=\"gap\">Left out to keep this page short: the error log has it</p>\n</section>\n");
        return;
    }
    let (begin, end) = HEADINGS[level.min(HEADINGS.len() - 1)];
    sheet.put(begin);
    title(sheet, fault);
    sheet.put(end);
    said(sheet, fault);
    write(sheet, fault, level + 1);
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
    sheet.put("</b></span> ");
    if !is_own {
        sheet.put("<span class=\"library\">library</span> ");
    }
    let place = place_of(&frame.file);
    let (folder, name) = place.split_at(place.rfind('/').map_or(0, |slash| slash + 1));
    sheet
        .put("<span class=\"place\">")
        .word(folder, 300)
        .put("<b>")
        .word(name, 100);
    sheet
        .put(":")
        .number(frame.line)
        .put("</b></span></summary>\n");
    if place != frame.file {
        sheet
            .put("<p class=\"file\">")
            .word(&frame.file, 400)
            .put("</p>\n");
    }
    match &frame.source {
        Some(code) => source(sheet, code, frame.line),
        None => _ = sheet.put("<p class=\"gap\">The source is not available</p>\n"),
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

/// Of an installed package, what is inside the folder of packages.
fn place_of(file: &str) -> &str {
    let inside = ["/site-packages/", "/dist-packages/"]
        .iter()
        .find_map(|folder| file.rsplit_once(folder));
    inside.map_or(file, |(_, inside)| inside)
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
