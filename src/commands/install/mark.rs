//! A checksum in each text that `install` writes: `--remove` removes only what nobody has changed since,
//! even if another version wrote it. It guards against mistakes, not against forgery.

/// FNV-1a with 64 bits: the same in every version.
pub(super) fn sum(text: &[u8]) -> String {
    let sum = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{sum:016x}")
}

/// The line of a script with its checksum.
const MARK: &str = "# Written by `wsgi-cgi install`; `install --remove` removes this file while it has this checksum: ";

/// The script with that line between `head` and `rest`.
pub(super) fn marked(head: &str, rest: &str) -> String {
    format!(
        "{head}{MARK}{}\n{rest}",
        sum([head, rest].concat().as_bytes())
    )
}

/// Whether a script is as it was written.
pub(super) fn is_unchanged(script: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(script) else {
        return false;
    };
    let Some(place) = text.find(&format!("\n{MARK}")) else {
        return false;
    };
    let (head, line) = text.split_at(place + 1);
    line.strip_prefix(MARK)
        .and_then(|line| line.split_once('\n'))
        .is_some_and(|(found, rest)| found == sum([head, rest].concat().as_bytes()))
}
