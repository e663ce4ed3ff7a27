//! A request answered from an image differs from one of a fresh process in nothing but time: a table
//! of what loading an application may do or read. Each row is answered twice from its image and
//! by a fresh process under the same name; a cold answer is right unless the row says that an
//! image must be there. A test is a group of rows, and fails with all those that are wrong.
//! `WSGI_CGI_TEST_ROWS=umask,chdir` in the environment leaves the others out,
//! and shows the answers of what is right too.

mod answers;
mod row;

mod chance;
mod customized;
mod descriptors;
mod environment;
mod environment_taken;
mod files;
mod files_by_c;
mod files_listed;
mod files_missing;
mod files_of_libraries;
mod imports;
mod interpreter;
mod kernel;
mod kernel_flags;
mod kernel_others;
mod memory;
mod packages;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use answers::{Answer, Application};
use row::{Kind, Row, row};

/// So many rows at once: a test has a processor or two.
const AT_ONCE: usize = 2;
/// So often an image that is there is asked until it has answered twice.
const TRIES: usize = 6;

/// Groups that are also answered by a handler: what an image made inside a call may get wrong.
const BY_HANDLER: [&[Row]; 4] = [
    interpreter::ROWS,
    descriptors::ROWS,
    chance::ROWS,
    environment_taken::ROWS,
];

/// Checks a group.
#[track_caller]
fn check(rows: &[Row]) {
    check_with("", false, &rows.iter().collect::<Vec<_>>());
}

/// The same with options for all of them.
#[track_caller]
fn check_with(options: &str, by_handler: bool, rows: &[&Row]) {
    let chosen = std::env::var("WSGI_CGI_TEST_ROWS").ok();
    let is_chosen =
        |row: &&Row| (chosen.as_ref()).is_none_or(|ids| ids.split(',').any(|id| id == row.id));
    let rows: Vec<&Row> = rows.iter().copied().filter(is_chosen).collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match judge(row, options, by_handler) {
                        Ok(told) if chosen.is_some() => eprintln!("{}: {told}", row.id),
                        Ok(_) => {}
                        Err(fault) => {
                            let mut wrong = wrong.lock().expect("no row panics");
                            wrong.push(format!("{}: {fault}", row.id));
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no row panics");
    assert!(
        wrong.is_empty(),
        "{} of {} rows are wrong:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

/// What the answers to a row are, as an error where they are wrong.
fn judge(row: &Row, options: &str, by_handler: bool) -> Result<String, String> {
    let application = Application::new(row, options, by_handler);
    let made = application.prepare();
    let (before, answers) = if let Kind::Fresh(change) = row.kind {
        let before = settled(row, &application, 1);
        application.shell(change);
        let ask = || application.ask(row.then);
        (before, vec![ask(), ask()])
    } else {
        (Vec::new(), settled(row, &application, 2))
    };
    application.make_plain();
    let plain = application.ask(row.then).text;
    if plain.starts_with("no answer") {
        return Err(format!("a fresh process gives {plain}"));
    }
    let restored = |answers: &[Answer]| answers.iter().any(|answer| answer.cold.is_none());
    if row.restored && !restored(&before) && !restored(&answers) {
        let cold = before.iter().chain(&answers);
        let reasons: Vec<_> = cold.flat_map(|answer| &answer.cold).collect();
        return Err(format!("no image: {made}{reasons:?}"));
    }
    let is_plain = |answer: &Answer| answer.text == plain;
    let is_right = match row.kind {
        Kind::Differ => all_differ(&answers, &plain, &application.ask(row.then).text),
        Kind::Same => answers.iter().all(is_plain),
        Kind::Fresh(_) => answers.iter().all(is_plain) && !before.iter().any(is_plain),
    };
    // Long answers differ in the middle.
    let texts = answers.iter().map(|answer| answer.text.as_str());
    let other = texts.clone().find(|text| *text != plain);
    let same = other.map_or(0, |other| alike(&plain, other).saturating_sub(40));
    let told = |answers: &[Answer]| {
        let told: Vec<String> = answers.iter().map(|answer| tell(answer, same)).collect();
        told.join(", ")
    };
    let (plain, image) = (cut(&plain, same), told(&answers));
    let told = match row.kind {
        Kind::Fresh(_) => {
            let before = told(&before);
            format!("plain {plain}, image {image}, before the change {before}")
        }
        _ => format!("plain {plain}, image {image}"),
    };
    if is_right { Ok(told) } else { Err(told) }
}

/// With so many characters two texts begin alike.
fn alike(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(one, other)| one == other).count()
}

/// Answers until so many came from the image, where there is one.
fn settled(row: &Row, application: &Application, wanted: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut restored = 0;
    while restored < wanted && answers.len() < TRIES {
        if answers.len() >= wanted && !application.has("image") {
            break;
        }
        let answer = application.ask(row.then);
        restored += usize::from(answer.cold.is_none());
        answers.push(answer);
    }
    answers
}

/// Whether no line is in two answers.
fn all_differ(answers: &[Answer], plain: &str, again: &str) -> bool {
    let texts = answers.iter().map(|answer| answer.text.as_str());
    let texts = texts.chain([plain, again]);
    let texts: Vec<Vec<&str>> = texts.map(|text| text.lines().collect()).collect();
    let lines = texts[0].len();
    let is_alike = texts.iter().all(|text| text.len() == lines && lines > 0);
    is_alike
        && (0..lines).all(|line| {
            let mut seen: Vec<&str> = texts.iter().map(|text| text[line]).collect();
            seen.sort_unstable();
            seen.windows(2).all(|pair| pair[0] != pair[1])
        })
}

fn tell(answer: &Answer, same: usize) -> String {
    let text = cut(&answer.text, same);
    match &answer.cold {
        Some(reason) => format!("{text} (cold: {reason})"),
        None => text,
    }
}

/// As much as is needed to see what is wrong.
fn cut(text: &str, same: usize) -> String {
    let dots = if same > 0 { "..." } else { "" };
    let rest: String = text.trim_end().chars().skip(same).take(400).collect();
    format!("{dots}{rest}")
}

#[test]
fn scripts_that_answer_by_a_handler() {
    let rows = BY_HANDLER.into_iter().flatten();
    // A handler wants a buffer there.
    let rows = rows.filter(|row| row.id != "replaced-stream");
    check_with("", true, &rows.collect::<Vec<_>>());
}

#[test]
fn the_table_has_no_row_twice() {
    let groups = [
        kernel::ROWS,
        kernel_flags::ROWS,
        kernel_others::ROWS,
        interpreter::ROWS,
        descriptors::ROWS,
        memory::ROWS,
        chance::ROWS,
        environment::ROWS,
        environment_taken::ROWS,
        files::ROWS,
        files_missing::ROWS,
        files_listed::ROWS,
        files_by_c::ROWS,
        files_of_libraries::ROWS,
        imports::ROWS,
        packages::ROWS,
    ];
    let mut ids: Vec<&str> = groups.iter().copied().flatten().map(|row| row.id).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert!(all >= 100, "{all}");
}
