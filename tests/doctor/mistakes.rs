//! Planted mistakes: each is found, alone and among others, and what is said to mend it does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{Site, is_found};
use crate::harness::program;

/// A mistake: what it is found as, and how it is made.
type Mistake = (&'static str, fn(&Site));

const MISTAKES: [Mistake; 20] = [
    ("mode `.*` is not executable", |site| {
        site.set_mode("site/app.cgi", 0o644);
    }),
    ("mode other users can write", |site| {
        let mode = fs::metadata(site.script())
            .expect("there")
            .permissions()
            .mode();
        site.set_mode("site/app.cgi", mode & 0o777 | 0o020);
    }),
    ("folder other users can write", |site| {
        site.set_mode("site", 0o777);
    }),
    ("CRLF", |site| {
        site.write(|text| text.replacen('\n', "\r\n", 1));
    }),
    ("BOM", |site| site.write(|text| format!("\u{feff}{text}"))),
    ("settings.*unknown key `colour`", |site| {
        site.write(|text| text.replace("# image", "# colour = \"red\"\n# image"));
    }),
    ("settings.*--colour", |site| {
        site.write(|text| text.replacen("wsgi-cgi", "wsgi-cgi --colour", 1));
    }),
    ("settings.*(python-path) does not exist", |site| {
        fs::remove_dir_all(site.root.path().join("site/modules")).expect("removed");
        site.write(|text| text.replace(", own", ""));
    }),
    ("log", |site| {
        fs::remove_dir(site.root.path().join("site/logs")).expect("removed");
    }),
    ("images", |site| site.set_mode("site/cache", 0o755)),
    ("packages `.*` imports `nowhere`, which", |site| {
        site.write(|text| text.replace("import json", "import nowhere.inside, json"));
    }),
    ("python.*bin/python3 is missing", |site| {
        let venv = site.root.path().join("site/.venv");
        fs::create_dir_all(venv.join("bin")).expect("made");
        fs::write(venv.join("pyvenv.cfg"), "home = /gone\n").expect("written");
        std::os::unix::fs::symlink("/gone/python3", venv.join("bin/python3")).expect("linked");
    }),
    ("line.*no `#!`", |site| {
        site.write(|text| text.replacen("#!", "# ", 1));
    }),
    ("line.*No such file", |site| {
        site.write(|text| text.replacen("#!/", "#!/gone/", 1));
    }),
    ("line.*not an absolute path", |site| {
        site.write(|text| text.replacen("#!/", "#!", 1));
    }),
    ("syntax syntax error in line 9", |site| {
        site.write(|text| text.replace("import json", "import json +"));
    }),
    ("answer.*500.*appliance", |site| {
        site.write(|text| text.replace("def application", "def appliance"));
    }),
    ("mode.*set-user-ID", |site| {
        site.set_mode("site/app.cgi", 0o4755);
    }),
    ("answer.*does not answer", |site| {
        site.write(|text| text.replacen(&program().display().to_string(), "/bin/cat", 1));
    }),
    ("owner", |site| {
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(site.root.path().join("site"), Some(12345), None)
                .expect("given");
        }
    }),
];

#[test]
fn each_mistake_is_found_alone() {
    for (pattern, make) in MISTAKES {
        if pattern == "owner" && !rustix::process::geteuid().is_root() {
            continue; // only root can make it
        }
        let site = Site::new();
        make(&site);
        is_found(&site.wrong(), pattern);
    }
}

#[test]
fn the_first_twelve_are_found_together() {
    let site = Site::new();
    for (_, make) in &MISTAKES[..12] {
        make(&site);
    }
    let wrong = site.wrong();
    for (pattern, _) in &MISTAKES[..12] {
        is_found(&wrong, pattern);
    }
}

#[test]
fn each_remedy_mends_its_mistake() {
    for (pattern, make) in MISTAKES[..5].iter().chain([&MISTAKES[8], &MISTAKES[12]]) {
        let site = Site::new();
        make(&site);
        let said = site.doctor(&[]);
        let text = String::from_utf8_lossy(&said.stdout);
        for remedy in text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("-> "))
        {
            let is_one_for_a_shell = ["chmod ", "sed ", "mkdir "]
                .iter()
                .any(|word| remedy.starts_with(word));
            if is_one_for_a_shell {
                let done = Command::new("sh")
                    .args(["-c", remedy])
                    .status()
                    .expect("started");
                assert!(done.success(), "{remedy}");
            }
        }
        assert_eq!(
            site.wrong(),
            Vec::<String>::new(),
            "after what mends {pattern}"
        );
    }
}

/// A setting is mended where it was set: the remedy is the line of the script's block, and mends it if it is put in
/// the place of the wrong one.
#[test]
fn the_remedy_for_a_setting_is_the_line_of_the_script() {
    for (wrong, mended) in [
        ("# imag = true", "# image = true"),
        ("# timeout = \"3\"", "# timeout = 3"),
        ("# debug = \"off\"", "# debug = false"),
        (
            "# warm-up = [\"/\", \"page\"]",
            "# warm-up = [\"/\", \"/page\"]",
        ),
        (
            "# access-log = \"logs/access.log\"\n# log = \"logs\"",
            "# log = \"LOGS/error.log\"",
        ),
    ] {
        let site = Site::new();
        let logs = site.root.path().join("site/logs").display().to_string();
        let mended = mended.replace("LOGS", &logs);
        let without = |text: &str| text.replace("# log = \"logs/error.log\"\n", "");
        site.write(|text| without(text).replacen("# image", &format!("{wrong}\n# image"), 1));
        if wrong.contains("imag ") {
            site.write(|text| text.replacen("# image = true\n", "", 1));
        }
        assert_eq!(
            remedies(&site)[0],
            format!("in the script: {mended}"),
            "{wrong}"
        );
        let last = wrong.lines().last().expect("a line");
        site.write(|text| text.replacen(last, &mended, 1));
        assert_eq!(site.wrong(), Vec::<String>::new(), "{mended}");
    }
    for (wrong, remedy) in [
        (
            "# colour = 1",
            "in the script: remove the line `# colour = ...`",
        ),
        (
            "# venv = \"gone\"",
            "in the script: # venv = \"FOLDER\", FOLDER being a virtual environment of CPython 3.9 or newer",
        ),
        (
            "# python = \"/gone\"",
            "in the script: # python = \"FILE\", FILE being CPython 3.9 or newer",
        ),
    ] {
        let site = Site::new();
        site.write(|text| text.replacen("# image", &format!("{wrong}\n# image"), 1));
        assert_eq!(remedies(&site)[0], remedy, "{wrong}");
    }
    let site = Site::new();
    site.write(|text| text.replace("\"modules\"", "\"gone\"").replace(", own", ""));
    let remedy = "in the script: # python-path = \"FOLDER\", FOLDER being the one with the modules";
    assert_eq!(remedies(&site)[0], remedy);
    // In the first line, it is a flag.
    let site = Site::new();
    site.write(|text| text.replacen("wsgi-cgi\n", "wsgi-cgi --warm-up=page\n", 1));
    assert_eq!(remedies(&site)[0], "in the first line: --warm-up=/page");
}

/// The remedies for what is wrong.
fn remedies(site: &Site) -> Vec<String> {
    let said = site.doctor(&[]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("wrong "));
    let remedies = pairs.filter_map(|pair| pair[1].trim().strip_prefix("-> "));
    remedies.map(str::to_owned).collect()
}
