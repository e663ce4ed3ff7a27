//! The slowest imports as a tree.

use std::fmt::Write;

/// One import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// In microseconds, without what it imported.
    pub own: u64,
    /// In microseconds.
    pub whole: u64,
    /// How many imports it is inside of.
    pub depth: usize,
    /// The module.
    pub name: String,
}

/// The `count` slowest imports, each below the one it was part of, the slowest first.
pub(super) fn slowest(imports: &[Import], count: usize) -> Vec<Import> {
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

/// The places of the imports that this one is inside of, and its own. An import comes after those that it
/// led to.
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

/// The table of the slowest imports.
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

    fn imports() -> Vec<Import> {
        let rows = [
            (100, 100, 2, "b.inner"),
            (50, 150, 1, "b"),
            (20, 20, 1, "c"),
            (30, 200, 0, "a"),
            (500, 500, 0, "d"),
        ];
        let imports = rows.into_iter().map(|(own, whole, depth, name)| Import {
            own,
            whole,
            depth,
            name: name.to_owned(),
        });
        imports.collect()
    }

    #[test]
    fn the_slowest_are_below_what_imported_them() {
        let shown = slowest(&imports(), 4);
        let names: Vec<(usize, &str)> = shown
            .iter()
            .map(|import| (import.depth, import.name.as_str()))
            .collect();
        assert_eq!(names, [(0, "d"), (0, "a"), (1, "b"), (2, "b.inner")]);
    }
}
