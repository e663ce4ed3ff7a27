//! `request --profile`: a flame graph of where the time went.

use std::process::Command;

use crate::harness::by_hand::{ByHand, Printed};
use crate::harness::python;
use crate::harness::python_version;

const APP: &str = r#"
import slow

class Work:
    def wait(self):
        import time
        time.sleep(0.02)

def application(environ, start_response):
    import late
    Work().wait()
    start_response("200 OK", [])
    return answer()

def answer():
    yield b"".join([b"ans", b"wer"])
    Work().wait()
"#;

/// Prints the name, y, x and width of each frame of the flame graph, read with an XML parser.
const READ: &str = r#"
import re, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
space = "{http://www.w3.org/2000/svg}"
for group in root.iter(space + "g"):
    title, box = group.find(space + "title"), group.find(space + "rect")
    if title is not None and box is not None:
        print(re.sub(r" \([^(]*%\)$", "", title.text), box.get("y"), box.get("x"), box.get("width"), sep="\t")
"#;

struct Frame {
    name: String,
    y: f64,
    x: f64,
    width: f64,
}

impl Frame {
    fn is_in(&self, below: &Self) -> bool {
        // The coordinates are rounded.
        self.y < below.y
            && self.x >= below.x - 0.1
            && self.x + self.width <= below.x + below.width + 0.1
    }
}

fn frames(printed: &Printed) -> Vec<Frame> {
    let file = printed.folder.path().join("flame.svg");
    let read = Command::new(python())
        .args(["-c", READ])
        .arg(&file)
        .output();
    let read = read.expect("Python runs");
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let read = String::from_utf8(read.stdout).expect("text");
    let number = |text: &str| text.trim_end_matches('%').parse().expect(text);
    read.lines()
        .map(|line| {
            let parts: Vec<&str> = line.split('\t').collect();
            let [name, y, x, width] = parts[..] else {
                panic!("{line}")
            };
            Frame {
                name: name.to_owned(),
                y: number(y),
                x: number(x),
                width: number(width),
            }
        })
        .collect()
}

fn profiled(request: ByHand) -> ByHand {
    request
        .file("slow.py", "import time, inner\ntime.sleep(0.02)\n")
        .file("inner.py", "import time\ntime.sleep(0.02)\n")
        .file("late.py", "import time\ntime.sleep(0.02)\n")
        .with(&["--profile", "flame.svg"])
}

#[test]
fn imports_and_the_call_are_in_the_flame_graph() {
    let printed = profiled(ByHand::request(APP)).run();
    assert_eq!(printed.stdout, b"answer");
    let frames = frames(&printed);
    let all = |name: &str| -> Vec<&Frame> {
        // The file follows in parentheses.
        let is_it = |frame: &&Frame| frame.name.split(" (").next() == Some(name);
        let found: Vec<&Frame> = frames.iter().filter(is_it).collect();
        let names = || frames.iter().map(|frame| &*frame.name).collect::<Vec<_>>();
        assert!(!found.is_empty(), "no {name:?} in {:#?}", names());
        found
    };
    let folder = printed.folder.path().file_name().expect("a name");
    let script = format!("load {}/app.py", folder.display());
    // Before 3.11 the code of a method does not know its class.
    let is_old = ["3.9", "3.10"].contains(&python_version());
    let wait = if is_old { "wait" } else { "Work.wait" };
    for (inner, outer) in [
        (&*script, "all"),
        ("import slow", &script),
        ("import inner", "import slow"),
        ("time.sleep", "import inner"),
        ("import late", "application"),
        (wait, "application"),
        ("time.sleep", wait),
        (wait, "answer"),
    ] {
        let (inners, outers) = (all(inner), all(outer));
        let mut pairs = inners
            .iter()
            .flat_map(|inner| outers.iter().map(move |outer| (inner, outer)));
        assert!(
            pairs.any(|(inner, outer)| inner.is_in(outer)),
            "{inner} is not in {outer}"
        );
    }
    // Frames of the import system itself are left out.
    assert!(!frames.iter().any(|frame| frame.name.contains("importlib")));
}

#[test]
fn a_failed_request_has_a_flame_graph_too() {
    let fails = APP.replace("    return answer()", "    raise LookupError");
    let printed = profiled(ByHand::request(&fails))
        .exits(1)
        .logs("LookupError")
        .run();
    assert!(
        frames(&printed)
            .iter()
            .any(|frame| frame.name.starts_with("application ("))
    );
    let nothing = profiled(ByHand::request("import nosuch\n"))
        .exits(1)
        .logs("nosuch")
        .run();
    assert!(
        frames(&nothing)
            .iter()
            .any(|frame| frame.name == "import nosuch")
    );
}

#[test]
fn it_works_with_timing_and_verbose() {
    let request = profiled(ByHand::request(APP)).with(&["--timing", "-v"]);
    let printed = request.logs("the slowest imports").run();
    assert!(
        frames(&printed)
            .iter()
            .any(|frame| frame.name == "import slow")
    );
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    ByHand::request(APP)
        .with(&["--profile", "no/folder.svg"])
        .exits(2)
        .logs("cannot write `no/folder.svg`")
        .run();
    ByHand::request(APP)
        .with(&["--profile", "flame.svg", "-L"])
        .exits(2)
        .logs("cannot be used with")
        .run();
}
