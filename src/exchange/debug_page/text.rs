//! The page for a terminal, in the order and nearly the form of Python's own traceback.

use super::DebugPage;
use super::request::{Pairs, Shown};
use super::sheet::Sheet;
use crate::{FIRST_FRAMES, Fault, Frame, Link, MESSAGE, Owner, Status};

pub(super) fn write(sheet: &mut Sheet<'_>, page: &DebugPage<'_>, status: &Status, shown: &Shown) {
    let status = String::from_utf8_lossy(status.line());
    sheet
        .word(&status, 100)
        .put("\n\n")
        .word(page.what, MESSAGE)
        .put("\n");
    if let Some(advice) = page.advice {
        sheet.word(advice, MESSAGE).put("\n");
    }
    sheet
        .put("In the error log, look for ")
        .word(page.id, 40)
        .put("\n");
    if let Some(fault) = page.fault {
        sheet.put("\n");
        exception(sheet, fault);
    }
    sheet.begin_request();
    sheet
        .put("\nRequest\n  ")
        .word(&shown.method, 100)
        .put(" ")
        .word(&shown.url, 2000)
        .put("\n");
    for (title, pairs) in [
        ("Query", &shown.query),
        ("Header fields", &shown.fields),
        ("Other CGI variables", &shown.others),
    ] {
        if !pairs.is_empty() {
            sheet.put("\n").put(title).put("\n");
            list(sheet, pairs, 0, "  ", ": ");
        }
    }
}

fn exception(sheet: &mut Sheet<'_>, fault: &Fault) {
    if let Some((link, earlier)) = &fault.earlier {
        exception(sheet, earlier);
        sheet.put(match link {
            Link::Cause => {
                "\nThe above exception was the direct cause of the following exception:\n\n"
            }
            Link::Context => {
                "\nDuring handling of the above exception, another exception occurred:\n\n"
            }
        });
    }
    if sheet.is_full() {
        sheet
            .put("(Left out to keep the page short) ")
            .word(&fault.kind, 200)
            .put("\n");
        return;
    }
    calls(sheet, fault);
    sheet.word(&fault.kind, 200);
    if !fault.message.is_empty() {
        sheet.put(": ").lines(&fault.message, MESSAGE);
    }
    sheet.put("\n");
    for note in fault.notes.iter().take(10) {
        sheet.lines(note, 1000).put("\n");
    }
    for (place, member) in fault.members.iter().enumerate() {
        if sheet.is_full() {
            sheet.put("(More members are left out to keep the page short)\n");
            break;
        }
        sheet
            .put("\nMember ")
            .number(place + 1)
            .put(" of the group:\n\n");
        exception(sheet, member);
    }
    if fault.has_more {
        sheet.put(
            "(More exceptions are in the error log)
",
        );
    }
}

fn calls(sheet: &mut Sheet<'_>, fault: &Fault) {
    if !fault.frames.is_empty() {
        sheet.put("Traceback (most recent call last):\n");
    }
    for (place, call) in fault.frames.iter().enumerate() {
        if sheet.is_full() {
            sheet.put("  (").number(fault.frames.len() - place);
            sheet.put(" more calls are in the error log)\n");
            break;
        }
        if place == FIRST_FRAMES && fault.left_out > 0 {
            sheet
                .put("  (")
                .number(fault.left_out)
                .put(" calls are left out here)\n");
        }
        frame(sheet, call);
    }
}

fn frame(sheet: &mut Sheet<'_>, frame: &Frame) {
    sheet
        .put("  File \"")
        .word(&frame.file, 400)
        .put("\", line ")
        .number(frame.line);
    if !frame.function.is_empty() {
        sheet.put(", in ").word(&frame.function, 100);
    }
    sheet.put("\n");
    let source = frame.source.as_ref();
    let line = source.and_then(|source| {
        let place = frame.line.checked_sub(source.first)?;
        source.lines.get(place)
    });
    if let Some(line) = line {
        sheet.put("    ").word(line.trim(), 300).put("\n");
    }
    if frame.owner == Owner::Own {
        list(sheet, &frame.locals, frame.more_locals, "      ", " = ");
    }
}

fn list(
    sheet: &mut Sheet<'_>,
    pairs: &Pairs,
    more: usize,
    indent: &'static str,
    between: &'static str,
) {
    let mut left = more;
    for (place, (name, value)) in pairs.iter().enumerate() {
        if sheet.is_full() {
            left += pairs.len() - place;
            break;
        }
        sheet
            .put(indent)
            .word(name, 100)
            .put(between)
            .word(value, 1000)
            .put("\n");
    }
    if left > 0 {
        sheet
            .put(indent)
            .put("(")
            .number(left)
            .put(" more are left out)\n");
    }
}
