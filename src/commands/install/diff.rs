//! A change to a file as a unified diff of one hunk, for `patch`, with up to three lines of context on each
//! side.

use std::path::Path;

const AROUND: usize = 3;

/// From one text to another; `None` is a file that does not exist.
pub(super) fn unified(path: &Path, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let title =
        |text: Option<&[u8]>| text.map_or("/dev/null".to_owned(), |_| path.display().to_string());
    let heads = format!("--- {}\n+++ {}\n", title(before), title(after));
    let (old, new) = (
        lines(before.unwrap_or_default()),
        lines(after.unwrap_or_default()),
    );
    let same = |pair: &(&String, &String)| pair.0 == pair.1;
    let start = old.iter().zip(&new).take_while(same).count();
    let left = old.len().min(new.len()) - start;
    let pairs = old.iter().rev().zip(new.iter().rev());
    let end = pairs.take(left).take_while(same).count();

    let first = start.saturating_sub(AROUND);
    let last = end.saturating_sub(AROUND);
    let range = |all: usize| {
        let count = all - last - first;
        // A range of no lines is named by the line before it.
        let at = if count == 0 { first } else { first + 1 };
        format!("{at},{count}")
    };
    let mut text = format!("{heads}@@ -{} +{} @@\n", range(old.len()), range(new.len()));
    let changed = |all: usize| start..all - end;
    let groups = [
        (' ', &old[first..start]),
        ('-', &old[changed(old.len())]),
        ('+', &new[changed(new.len())]),
        (' ', &old[old.len() - end..old.len() - last]),
    ];
    for (mark, group) in groups {
        for line in group {
            text.push(mark);
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    text
}

/// Each with its line end.
fn lines(text: &[u8]) -> Vec<String> {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    lines
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect()
}
