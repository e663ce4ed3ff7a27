//! For a browser: a page that reads from the exception outwards, the application's own frames open
//! and those of libraries folded away.

use std::fmt::Write as _;

use super::super::{Frame, Raised};
use super::{DebugPage, FRAMES, cut};

/// No script, nothing from elsewhere, and in nobody's frame.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("style.css");

pub(super) fn render(page: &DebugPage<'_>) -> String {
    let summary = cut(page.summary);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<header>\n<p>{} · <code>{}</code></p>\n",
        escape(summary.lines().next().unwrap_or_default()),
        escape(&page.title()),
        escape(&page.request_line()),
    );
    match page.raised.first() {
        Some(raised) => {
            heading(&mut html, "h1", &raised.message);
            remedy(&mut html, &summary, &raised.message);
        }
        None => heading(&mut html, "h1", &summary),
    }
    html += "</header>\n<main>\n";
    for (place, raised) in page.raised.iter().enumerate() {
        exception(&mut html, raised, place == 0);
    }
    request(&mut html, page);
    if !page.traceback.is_empty() {
        _ = writeln!(
            html,
            "<h2>As text</h2>\n<details>\n<summary>the traceback as Python writes it</summary>\n\
             <pre>{}</pre>\n</details>",
            escape(&cut(page.traceback))
        );
    }
    _ = write!(
        html,
        "</main>\n<footer>The error log has this under <code>{}</code>.</footer>\n</html>\n",
        escape(page.id)
    );
    html
}

/// What the summary knows beyond the exception.
fn remedy(html: &mut String, summary: &str, message: &str) {
    let words = message.split_once(": ").map_or(message, |(_, text)| text);
    let words: Vec<&str> = words.split_whitespace().collect();
    if !summary.ends_with(&words.join(" ")) {
        _ = writeln!(html, "<p class=\"remedy\">{}</p>", escape(summary));
    }
}

/// The first line large, the others below it.
fn heading(html: &mut String, level: &str, message: &str) {
    let message = cut(message);
    let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let (kind, text) = first.split_once(": ").unwrap_or((first, ""));
    let colon = if text.is_empty() { "" } else { ": " };
    _ = writeln!(
        html,
        "<{level}><b>{}</b>{colon}{}</{level}>",
        escape(kind),
        escape(text)
    );
    if !rest.trim().is_empty() {
        _ = writeln!(html, "<pre>{}</pre>", escape(rest.trim_end()));
    }
}

fn exception(html: &mut String, raised: &Raised, is_first: bool) {
    if !is_first {
        _ = writeln!(html, "<h2>{}</h2>", escape(&raised.link));
        heading(html, "h3", &raised.message);
    }
    let count = raised.frames.len();
    let half = FRAMES / 2;
    let is_shown = |number: usize| count <= FRAMES || number < half || number >= count - half;
    // From where it was raised outwards, libraries' frames in groups.
    let mut numbers = (0..count).rev().peekable();
    while let Some(number) = numbers.next() {
        if !is_shown(number) {
            _ = writeln!(html, "<p class=\"more\">{} more</p>", count - FRAMES);
            while numbers.next_if(|&next| !is_shown(next)).is_some() {}
            continue;
        }
        if raised.frames[number].own {
            one_frame(html, &raised.frames[number]);
            continue;
        }
        let mut group = vec![number];
        while let Some(next) = numbers.next_if(|&next| is_shown(next) && !raised.frames[next].own) {
            group.push(next);
        }
        let plural = if group.len() == 1 { "" } else { "s" };
        _ = writeln!(
            html,
            "<details class=\"library\">\n<summary>{} frame{plural} in libraries</summary>",
            group.len()
        );
        for number in group {
            one_frame(html, &raised.frames[number]);
        }
        *html += "</details>\n";
    }
}

fn one_frame(html: &mut String, frame: &Frame) {
    let class = if frame.own { "own" } else { "other" };
    let (folder, name) = match frame.file.rfind('/') {
        Some(slash) => frame.file.split_at(slash + 1),
        None => ("", frame.file.as_str()),
    };
    _ = writeln!(
        html,
        "<section class=\"{class}\">\n<p><code>{}</code> <span>in</span> <code class=\"file\">{}<b>{}:{}</b></code></p>",
        escape(&cut(&frame.function)),
        escape(&cut(folder)),
        escape(&cut(name)),
        frame.line
    );
    if !frame.source.is_empty() {
        *html += "<pre>";
        for (line, number) in frame.source.iter().zip(frame.first..) {
            let line = escape(&cut(line));
            if number == frame.line {
                _ = writeln!(html, "<mark>{number:>5}  {line}</mark>");
            } else {
                _ = writeln!(html, "{number:>5}  {line}");
            }
        }
        *html += "</pre>\n";
    }
    *html += "</section>\n";
}

fn request(html: &mut String, page: &DebugPage<'_>) {
    *html += "<h2>The request</h2>\n<table>\n";
    for (name, value) in page.variables() {
        _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            escape(&name),
            escape(&value)
        );
    }
    *html += "</table>\n";
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            // No other control character has a place in HTML.
            '\n' | '\t' => escaped.push(character),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
