//! For who asks by hand: the traceback as Python writes it, and the request.

use std::fmt::Write as _;

use super::{DebugPage, FRAMES, cut};

pub(super) fn render(page: &DebugPage<'_>) -> String {
    let mut text = format!("{}\n\n{}\n\n", page.title(), cut(page.summary));
    if page
        .raised
        .iter()
        .any(|raised| raised.frames.len() > FRAMES)
    {
        short_traceback(&mut text, page);
    } else if !page.traceback.is_empty() {
        text += cut(page.traceback).trim_end();
        text += "\n\n";
    }
    text += &page.request_line();
    text += "\n";
    for (name, value) in page.variables() {
        _ = writeln!(text, "{name}={}", value.escape_debug());
    }
    _ = writeln!(text, "\nThe error log has this under {}.", page.id);
    text
}

/// As Python has it, the last call last, without what repeats itself.
fn short_traceback(text: &mut String, page: &DebugPage<'_>) {
    for raised in page.raised.iter().rev() {
        let half = FRAMES / 2;
        let count = raised.frames.len();
        for (number, frame) in raised.frames.iter().enumerate() {
            if count > FRAMES && (half..count - half).contains(&number) {
                if number == half {
                    _ = writeln!(text, "  ... {} more", count - FRAMES);
                }
                continue;
            }
            _ = writeln!(
                text,
                "  File \"{}\", line {}, in {}",
                cut(&frame.file),
                frame.line,
                cut(&frame.function)
            );
            if let Some(line) = frame.source.get(frame.line.saturating_sub(frame.first)) {
                _ = writeln!(text, "    {}", cut(line.trim()));
            }
        }
        _ = writeln!(text, "{}\n", cut(raised.message.trim_end()));
    }
}
