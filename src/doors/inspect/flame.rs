//! Draws where the time of a request went (`request --profile`) as a flame graph in SVG. The width of a function
//! is its time. It stands above its caller, in the order of the first calls.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// All calls of a function by the same caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The index of its caller, which comes before it in the list.
    pub above: usize,
    /// The name that is shown.
    pub name: String,
    /// The time that it took, without the functions that it called.
    pub own: Duration,
}

/// The size of the graph and of its parts, in pixels.
const WIDTH: f64 = 1200.0;
const ROW: usize = 18;
const HEAD: usize = 30;
const LETTER: f64 = 7.3;

/// Functions that would be narrower are left out.
const NARROW: f64 = 0.3;

/// Writes the graph. The first call stands for the time outside all functions.
///
/// # Errors
/// If `to` cannot be written.
pub fn draw(calls: &[Call], title: &str, mut to: impl Write) -> io::Result<()> {
    let rows = lay_out(calls);
    let height = HEAD + ROW * rows.iter().map(|row| row.depth + 1).max().unwrap_or(0);
    write!(
        to,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\">\n<style>{}</style>\n\
         <text x=\"3\" y=\"18\">{}</text>\n",
        include_str!("flame.css"),
        escaped(title)
    )?;
    for row in &rows {
        let y = height - ROW * (row.depth + 1);
        let name = format!("{} ({:.1} ms, {:.1} %)", row.name, row.ms, row.percent);
        writeln!(
            to,
            "<g><title>{}</title><rect x=\"{:.2}\" y=\"{y}\" width=\"{:.2}\" height=\"{}\" \
             fill=\"{}\"/><text x=\"{:.2}\" y=\"{}\">{}</text></g>",
            escaped(&name),
            row.x,
            row.width,
            ROW - 1,
            colour(row.name),
            row.x + 3.0,
            y + 13,
            escaped(&cut(&name, row.width))
        )?;
    }
    writeln!(
        to,
        "<script><![CDATA[\n{}]]></script>\n</svg>",
        include_str!("flame.js")
    )?;
    to.flush()
}

struct Row<'a> {
    name: &'a str,
    depth: usize,
    x: f64,
    width: f64,
    ms: f64,
    percent: f64,
}

fn lay_out(calls: &[Call]) -> Vec<Row<'_>> {
    let mut whole: Vec<f64> = calls
        .iter()
        .map(|call| super::milliseconds(call.own))
        .collect();
    for (place, call) in calls.iter().enumerate().skip(1).rev() {
        whole[call.above] += whole[place];
    }
    // More than 0, so that an empty profile does not divide by zero.
    let all = whole.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
    // Where the next callee of each function begins, and how many functions are below it.
    let mut next = vec![(0.0, 0); calls.len()];
    let mut rows = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let (x, depth) = if place == 0 {
            (0.0, 0)
        } else {
            next[call.above]
        };
        next[place] = (x, depth + 1);
        let width = WIDTH * whole[place] / all;
        if place != 0 {
            next[call.above].0 += width;
        }
        if width >= NARROW {
            rows.push(Row {
                name: &call.name,
                depth,
                x,
                width,
                ms: whole[place],
                percent: 100.0 * whole[place] / all,
            });
        }
    }
    rows
}

/// One colour each for imports, functions in Python (their names end in a file) and functions in C.
fn colour(name: &str) -> &'static str {
    match name {
        _ if name.starts_with("import ") => "#9cc4e8",
        _ if name.ends_with(')') => "#f5b26b",
        _ => "#d8d8a0",
    }
}

/// As much of the text as fits.
fn cut(text: &str, width: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few letters"
    )]
    let room = ((width - 6.0) / LETTER).max(0.0) as usize;
    text.chars().take(if room < 3 { 0 } else { room }).collect()
}

/// The text escaped for XML 1.0 (sections 2.2 and 2.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ if letter.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&letter) => {
                _ = write!(escaped, "\\u{{{:x}}}", u32::from(letter));
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(above: usize, name: &str, own: u64) -> Call {
        Call {
            above,
            name: name.to_owned(),
            own: Duration::from_millis(own),
        }
    }

    #[test]
    fn a_function_is_above_its_caller_and_as_wide_as_its_time() {
        let calls = [
            call(0, "all", 0),
            call(0, "a (x.py:1)", 30),
            call(0, "b <&>\u{1b}", 40),
            call(1, "c", 30),
            call(1, "nothing", 0),
        ];
        let rows: Vec<_> = lay_out(&calls)
            .iter()
            .map(|row| (row.name.to_owned(), row.depth, row.x, row.width))
            .collect();
        let row = |name: &str, depth, x, width| (name.to_owned(), depth, x, width);
        assert_eq!(
            rows,
            [
                row("all", 0, 0.0, 1200.0),
                row("a (x.py:1)", 1, 0.0, 720.0),
                row("b <&>\u{1b}", 1, 720.0, 480.0),
                row("c", 2, 0.0, 360.0),
            ]
        );
        let mut picture = Vec::new();
        draw(&calls, "GET /?a&b", &mut picture).expect("drawn");
        let picture = String::from_utf8(picture).expect("text");
        assert!(picture.contains(">GET /?a&amp;b<"), "{picture}");
        assert!(picture.contains("<title>b &lt;&amp;&gt;\\u{1b} (40.0 ms, 40.0 %)</title>"));
    }

    #[test]
    fn an_empty_profile_is_drawn_too() {
        for calls in [&[][..], &[call(0, "all", 0)]] {
            let mut picture = Vec::new();
            draw(calls, "GET /", &mut picture).expect("drawn");
            assert!(picture.ends_with(b"</svg>\n"));
        }
    }
}
