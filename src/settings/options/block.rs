//! Writes the block of options in a script, which `script.rs` reads.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use anyhow::{Result, anyhow};

use super::table::{Kind, ON, Row, TABLE};
use super::values::Values;

/// The lines of these options, from `# /// script` to `# ///`; `about` may add a comment to an
/// option's line. Empty without options.
///
/// # Errors
/// For a value that is not UTF-8, which no script can have.
pub fn block(values: &Values, about: impl Fn(&Row) -> Option<String>) -> Result<String> {
    let mut lines = String::new();
    for row in TABLE {
        let Some(line) = block_line(row, values.all(row).map(OsString::as_os_str))? else {
            continue;
        };
        let comment = about(row).map_or(String::new(), |about| format!("  # {about}"));
        _ = writeln!(lines, "{line}{comment}");
    }
    Ok(if lines.is_empty() {
        lines
    } else {
        format!("# /// script\n# [tool.wsgi-cgi]\n{lines}# ///\n")
    })
}

/// The line of an option with these values; `None` without any.
///
/// # Errors
/// As [`block`].
pub fn block_line<'a>(
    row: &Row,
    values: impl Iterator<Item = &'a OsStr>,
) -> Result<Option<String>> {
    let said = values
        .map(|value| written(row, value))
        .collect::<Result<Vec<_>>>()?;
    let value = match &said[..] {
        [] => return Ok(None),
        [one] => one.clone(),
        several if row.is_list() => format!("[{}]", several.join(", ")),
        // Of several the first counts, as everywhere.
        [first, ..] => first.clone(),
    };
    Ok(Some(format!("# {} = {value}", row.name)))
}

fn written(row: &Row, value: &OsStr) -> Result<String> {
    let text = value.to_str().ok_or_else(|| {
        anyhow!(
            "--{}: `{}` is not UTF-8 and cannot be written into the script: rename it",
            row.name,
            value.display()
        )
    })?;
    Ok(match row.kind {
        Kind::Switch => (text == ON).to_string(),
        Kind::Whole(_) => text.to_owned(),
        // `.5` and `5.` are not valid TOML.
        Kind::Seconds => text
            .parse::<f64>()
            .map_or(text.to_owned(), |seconds| seconds.to_string()),
        _ => quoted(text),
    })
}

/// A text in quotes, which TOML and Python read alike.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // Line separators, and characters that change the direction of text.
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                push_number(character, &mut quoted);
            }
            _ if character.is_control() => push_number(character, &mut quoted),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

fn push_number(character: char, to: &mut String) {
    _ = write!(to, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
mod tests {
    use super::super::script::of_script;
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn a_written_block_is_read_back() {
        let odd = "/a \"b\" \\n\u{2028}é\n# ///\nimport os\t'''%s${x}";
        let words = [
            &format!("venv={odd}"),
            "python-path=/a",
            "python-path=/b:c",
            "timeout=.5",
            "debug=on",
            "record-files=3",
            "image=off",
            "warm-up=/",
            "watch=/w",
            "cache-dir=/c",
        ];
        let words = words.map(OsString::from);
        let values = Values::from_words(&words).expect("options");
        let about = |row: &Row| (row.name == "warm-up").then(|| "why".to_owned());
        let block = block(&values, about).expect("a block");
        assert!(block.contains("\n# warm-up = \"/\"  # why\n"), "{block}");
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("app.cgi");
        std::fs::write(&script, format!("#!/x\n{block}import os\n")).expect("written");
        let read = of_script(&script).expect("understood");
        for row in TABLE {
            let same = match row.kind {
                Kind::Seconds => read.seconds(row) == values.seconds(row),
                _ => read.words_of(row) == values.words_of(row),
            };
            assert!(same, "{}: {block}", row.name);
        }
    }

    #[test]
    fn without_options_there_is_no_block() {
        assert_eq!(block(&Values::default(), |_| None).expect("none"), "");
    }

    #[test]
    fn what_is_not_utf_8_is_refused() {
        let word = OsString::from_vec(b"venv=/a\xff".to_vec());
        let values = Values::from_words(&[word]).expect("an option");
        let error = block(&values, |_| None).expect_err("refused").to_string();
        assert!(
            error.contains("--venv") && error.contains("UTF-8"),
            "{error}"
        );
    }
}
