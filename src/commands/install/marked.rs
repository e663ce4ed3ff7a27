//! Configuration files that other people write too, above all `.htaccess`: our block is appended between two
//! lines with the script's name, and can be removed without a trace.

use memchr::memmem;

use super::mark;

/// The block of one script in a file.
struct Block<'a> {
    /// Where it begins and ends.
    start: usize,
    end: usize,
    /// The checksum in its first line, and the text between the two lines.
    sum: &'a [u8],
    body: &'a [u8],
}

/// What a file contains for a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A block as it was written.
    Unchanged,
    /// One that somebody has changed since.
    Changed,
}

/// Looks for the block of that script.
pub(super) fn found(text: &[u8], name: &str) -> Found {
    match block(text, name) {
        None if begins(text, name).is_none() => Found::Nothing,
        Some(block) if block.sum == mark::sum(block.body).as_bytes() => Found::Unchanged,
        _ => Found::Changed,
    }
}

/// Whether the block has exactly this text.
pub(super) fn has(text: &[u8], name: &str, body: &str) -> bool {
    block(text, name).is_some_and(|block| block.body == body.as_bytes())
        && found(text, name) == Found::Unchanged
}

/// A file's text (`None` for a new file) with the block appended.
pub(super) fn with(text: Option<&[u8]>, name: &str, body: &str) -> Vec<u8> {
    let sum = mark::sum(body.as_bytes());
    let block = format!("{}{sum}\n{body}{}", begin(name), end(name));
    match text {
        None => block.into_bytes(),
        // One line end separates the two, whether the old text ended in one or not.
        Some(text) => [text, b"\n", block.as_bytes()].concat(),
    }
}

/// The text without the block; `None` where the block was all of the file.
pub(super) fn without(text: &[u8], name: &str) -> Option<Vec<u8>> {
    let Some(Block { start, end, .. }) = block(text, name) else {
        return Some(text.to_owned());
    };
    let (before, after) = (&text[..start], &text[end..]);
    if start == 0 {
        // What follows begins with the line end that separated it.
        let rest = after.strip_prefix(b"\n").unwrap_or(after);
        return (!rest.is_empty()).then(|| rest.to_owned());
    }
    // Drops the line end that separated the block, unless that would join two lines.
    let is_apart = before == b"\n" || before.ends_with(b"\n\n");
    let before = match before.strip_suffix(b"\n") {
        Some(before) if is_apart || after.is_empty() || after.starts_with(b"\n") => before,
        _ => before,
    };
    Some([before, after].concat())
}

fn block<'a>(text: &'a [u8], name: &str) -> Option<Block<'a>> {
    let start = begins(text, name)?;
    let sum = start + begin(name).len();
    let first_end = sum + memchr::memchr(b'\n', &text[sum..])?;
    let last = format!("\n{}", end(name));
    let body_end = first_end + memmem::find(&text[first_end..], last.as_bytes())?;
    Some(Block {
        start,
        end: body_end + last.len(),
        sum: &text[sum..first_end],
        body: &text[first_end + 1..=body_end],
    })
}

/// The offset of the line that begins the block of that script.
fn begins(text: &[u8], name: &str) -> Option<usize> {
    let begin = begin(name);
    memmem::find_iter(text, begin.as_bytes()).find(|&place| place == 0 || text[place - 1] == b'\n')
}

fn begin(name: &str) -> String {
    format!("# BEGIN wsgi-cgi {name} ")
}

fn end(name: &str) -> String {
    format!("# END wsgi-cgi {name}\n")
}
