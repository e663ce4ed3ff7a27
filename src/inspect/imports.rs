//! What `-X importtime` says: a line for each import, after it, with its own time and that of all
//! it imported in turn. The dearest ones as a tree: whoever costs more than its imports is there.

use std::fmt::Write;

/// One import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// In microseconds, without what it imported.
    pub(super) own: u64,
    /// In microseconds.
    pub(super) whole: u64,
    /// How many imports it is inside of.
    pub(super) depth: usize,
    pub(super) name: String,
}

/// How every such line begins.
const PREFIX: &str = "import time:";

/// Whether a line of standard error is one of these.
#[must_use]
pub fn is_import_time(line: &[u8]) -> bool {
    line.starts_with(PREFIX.as_bytes())
}

/// Reads the lines; the heading is left out.
pub(super) fn parse(lines: &[Vec<u8>]) -> Vec<Import> {
    lines.iter().filter_map(|line| parse_line(line)).collect()
}

/// `import time:       123 |        456 |   package.module`
fn parse_line(line: &[u8]) -> Option<Import> {
    let line = String::from_utf8_lossy(line);
    let mut parts = line.trim_end().strip_prefix(PREFIX)?.splitn(3, '|');
    let own = parts.next()?.trim().parse().ok()?;
    let whole = parts.next()?.trim().parse().ok()?;
    // One space, then two for each level.
    let name = parts.next()?.strip_prefix(' ')?;
    let bare = name.trim_start();
    Some(Import {
        own,
        whole,
        depth: (name.len() - bare.len()) / 2,
        name: bare.to_owned(),
    })
}

/// The `count` dearest imports, each below the one it was part of, the dearer first.
pub(super) fn dearest(imports: &[Import], count: usize) -> Vec<Import> {
    let mut by_cost: Vec<usize> = (0..imports.len()).collect();
    // Of two that cost the same, the later one is the outer one.
    by_cost.sort_by_key(|&place| {
        (
            std::cmp::Reverse(imports[place].whole),
            std::cmp::Reverse(place),
        )
    });
    by_cost.truncate(count);
    let mut chosen: Vec<(Vec<usize>, &Import)> = by_cost
        .iter()
        .map(|&place| (path(imports, place), &imports[place]))
        .collect();
    // Siblings by cost: the path names each ancestor by its rank.
    for (path, _) in &mut chosen {
        for place in path.iter_mut() {
            let rank = by_cost.iter().position(|other| other == place);
            *place = rank.unwrap_or(usize::MAX);
        }
    }
    chosen.sort_by(|(one, _), (other, _)| one.cmp(other));
    let shown = chosen.into_iter().map(|(path, import)| Import {
        depth: path.len() - 1,
        ..import.clone()
    });
    shown.collect()
}

/// The places of the imports that this one is inside of, and its own. An import's line comes after
/// those of what it imported.
fn path(imports: &[Import], place: usize) -> Vec<usize> {
    let mut path = vec![place];
    let mut depth = imports[place].depth;
    for (later, import) in imports.iter().enumerate().skip(place + 1) {
        if import.depth < depth {
            path.push(later);
            depth = import.depth;
        }
        if depth == 0 {
            break;
        }
    }
    path.reverse();
    path
}

/// The table of the dearest imports.
pub(super) fn table(imports: &[Import]) -> String {
    let mut text = String::new();
    let longest = imports.iter().map(|import| import.whole).max().unwrap_or(0);
    for import in imports {
        let indent = "  ".repeat(import.depth);
        let name: String = format!("{indent}{}", import.name)
            .chars()
            .take(32)
            .collect();
        _ = writeln!(
            text,
            "{name:<32} {:>8.1} {:>8.1}  {}",
            ms(import.whole),
            ms(import.own),
            super::timing::bar(import.whole, longest)
        );
    }
    text
}

#[allow(
    clippy::cast_precision_loss,
    reason = "times of a process in microseconds"
)]
fn ms(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |     b.inner
import time:        50 |        150 |   b
import time:        20 |         20 |   c
import time:        30 |        200 | a
import time:       500 |        500 | d
";

    fn imports() -> Vec<Import> {
        let lines: Vec<Vec<u8>> = LINES.lines().map(|line| line.as_bytes().to_vec()).collect();
        assert!(lines.iter().all(|line| is_import_time(line)));
        parse(&lines)
    }

    #[test]
    fn lines_are_read() {
        let imports = imports();
        assert_eq!(imports.len(), 5);
        let first = Import {
            own: 100,
            whole: 100,
            depth: 2,
            name: "b.inner".into(),
        };
        assert_eq!(imports[0], first);
    }

    #[test]
    fn the_dearest_stand_below_what_imported_them() {
        let shown = dearest(&imports(), 4);
        let names: Vec<(usize, &str)> = shown
            .iter()
            .map(|import| (import.depth, import.name.as_str()))
            .collect();
        assert_eq!(names, [(0, "d"), (0, "a"), (1, "b"), (2, "b.inner")]);
    }
}
