//! A machine on which a recipe is followed: a home, root's folders and a virtual environment, in a folder of
//! their own.

use super::*;

/// A host with the home of a user, and that user's own computer.
pub(super) struct Machine {
    pub(super) root: TempDir,
    /// Whether `/home/ada` and the like are below `root` in what is written too.
    pub(super) is_moved: bool,
    /// Words put before each command: they select the user and what that user sees of this machine.
    pub(super) run_by: Vec<OsString>,
}

/// What is on the host already. Arguments: the root, the Python, the virtual environment with the packages
/// under test. A new virtual environment has these packages too, so that pip finds that they are there.
const SET_UP: &str = r#"
    mkdir -p $1/home/ada/public_html/cgi-bin $1/laptop $1/bin $1/usr/local/bin $1/usr/lib/cgi-bin $1/srv/www
    chmod 755 $1/home $1/home/ada
    cat >$1/bin/python3 <<END
#!/bin/sh
set -e
[ "\$1 \$2" != "-m pip" ] || exec $3/bin/python3 "\$@"
[ "\$1 \$2" = "-m venv" ] || exec $2 "\$@"
$2 -m venv --without-pip "\$3"
echo $3/lib/python$4/site-packages >"\$3/lib/python$4/site-packages/tested.pth"
printf '#!/bin/sh\nexec %s -m pip "\$@"\n' "\$3/bin/python3" >"\$3/bin/pip"
chmod 755 "\$3/bin/pip"
for tool in trac-admin hg moin django-admin; do
    [ ! -e $3/bin/\$tool ] || ln -s $3/bin/\$tool "\$3/bin/\$tool"
done
END
    chmod 755 $1/bin/python3
"#;

/// A wheel as `scripts/wheel` builds it, of what was built for the tests. Arguments: where, the package's
/// sources, the executor, the program.
const WHEEL: &str = r#"
import sys, zipfile
place, package, executor, program = sys.argv[1:]
about = "wsgi_cgi-0.1.0.dist-info/"
tags = "".join(f"Tag: cp39-abi3-{name}\n" for name in ("manylinux_2_17_x86_64", "manylinux2014_x86_64"))
files = [(f"wsgi_cgi/{name}", open(f"{package}/{name}", "rb").read()) for name in ("__init__.py", "__main__.py")]
files += [
    ("wsgi_cgi/_wsgi_cgi.abi3.so", open(executor, "rb").read()),
    ("wsgi_cgi-0.1.0.data/scripts/wsgi-cgi", open(program, "rb").read()),
    (about + "METADATA", b"Metadata-Version: 2.1\nName: wsgi-cgi\nVersion: 0.1.0\n"),
    (about + "WHEEL", f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\n{tags}".encode()),
]
files.append((about + "RECORD", "".join(f"{name},,\n" for name, _ in files).encode()))
with zipfile.ZipFile(place, "w") as wheel:
    for name, content in files:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o100755 if "scripts" in name else 0o100644) << 16
        wheel.writestr(entry, content)
"#;

const WHEELS_NAME: &str = "wsgi_cgi-0.1.0-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";

/// For so long a test waits for another process.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

impl Machine {
    /// One to follow recipes on; none where the packages are missing.
    pub(super) fn new() -> Option<Self> {
        let venv = packages::venv()?;
        let machine = Self {
            root: folder(),
            is_moved: true,
            run_by: Vec::new(),
        };
        let set_up = Command::new("sh")
            .args(["-euc", SET_UP, "sh"])
            .args([machine.root.path(), &PathBuf::from(python()), &venv])
            .arg(python_version())
            .output()
            .expect("sh");
        assert!(set_up.status.success(), "{set_up:?}");
        let sources = repository().join("src/executor/package/wsgi_cgi");
        let wheel = machine.place("~/").join(WHEELS_NAME);
        let built = Command::new(python())
            .args(["-c", WHEEL])
            .args([&wheel, &sources, &executor()])
            .arg(program())
            .output()
            .expect("python");
        assert!(built.status.success(), "{built:?}");
        fs::copy(&wheel, machine.root.path().join("laptop").join(WHEELS_NAME)).expect("copied");
        Some(machine)
    }

    /// One with the virtual environment of the recipe for SSH.
    pub(super) fn with_venv() -> Option<Self> {
        let machine = Self::new()?;
        let first = &blocks("shared-hosting.md")[0];
        machine.run(&first.text);
        Some(machine)
    }

    /// The same, where a package is among those under test.
    pub(super) fn with_package(name: &str) -> Option<Self> {
        let packages = format!("lib/python{}/site-packages/{name}", python_version());
        if packages::venv()?.join(packages).is_dir() {
            return Self::with_venv();
        }
        skip(&format!("the packages under test are without {name}"));
        None
    }

    /// A path of a recipe's, here.
    pub(super) fn place(&self, path: &str) -> PathBuf {
        let path = path.strip_prefix("~/").map_or_else(
            || path.trim_start_matches('/').to_owned(),
            |rest| format!("home/ada/{rest}"),
        );
        self.root.path().join(path)
    }

    /// The text with the folders of this machine in the place of the real ones.
    pub(super) fn here(&self, text: &str) -> String {
        let text = text.replace("sudo ", "");
        if !self.is_moved {
            return text;
        }
        [
            "/home/ada",
            "/usr/local/bin",
            "/usr/lib/cgi-bin",
            "/srv/www",
        ]
        .iter()
        .fold(text, |text, folder| {
            text.replace(folder, &self.place(folder).display().to_string())
        })
    }

    /// Runs commands, and gives what they print.
    #[track_caller]
    pub(super) fn run(&self, commands: &str) -> String {
        let mut words = self.run_by.clone();
        let script = format!("exec 2>&1\n{}", self.here(commands));
        words.extend(["bash", "-euc", &script].map(OsString::from));
        let (folder, home) = if self.run_by.is_empty() {
            (self.root.path().join("laptop"), self.place("~/"))
        } else {
            (self.place("~/"), "/home/ada".into())
        };
        let output = Command::new(&words[0])
            .args(&words[1..])
            .current_dir(folder)
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.place("/bin").display()),
            )
            .env("HOME", home)
            // What is not there already is not fetched.
            .env("PIP_NO_INDEX", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_ROOT_USER_ACTION", "ignore")
            .stdin(std::process::Stdio::null())
            .output()
            .expect("bash");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{commands}\n{printed}");
        printed
    }

    /// Writes a file by another process: no script is still open for writing when it is executed.
    pub(super) fn write(&self, path: &str, text: &str, mode: &str) {
        let path = self.place(path);
        let new = self.root.path().join("new");
        fs::write(&new, self.here(text)).expect("written");
        let written = Command::new("sh")
            .args([
                "-euc",
                "mkdir -p \"${2%/*}\"; cat \"$1\" >\"$2\"; chmod $3 \"$2\"",
                "sh",
            ])
            .args([&new, &path])
            .arg(mode)
            .status();
        assert!(written.expect("sh").success(), "{}", path.display());
    }

    /// Makes `ada` the owner of everything in her home directory, as if she had written it herself.
    pub(super) fn chown_to_ada(&self) {
        let given = Command::new("chown")
            .args(["-R", "-h", "21346:21346"])
            .arg(self.place("~/"))
            .status();
        assert!(given.expect("chown").success());
    }

    /// Does what a block says.
    #[track_caller]
    pub(super) fn follow(&self, block: &Block) {
        if let Some((path, mode)) = &block.file {
            return self.write(path, &block.text, mode);
        }
        match block.language.as_str() {
            "sh" => _ = self.run(&block.text),
            "console" => self.shows(&block.text),
            "python" => {
                self.write("~/public_html/cgi-bin/block.cgi", &block.text, "755");
                assert_eq!(self.ask("block.cgi").run().text(), "Hello, world!\n");
            }
            _ => {}
        }
    }

    /// Follows the blocks of a recipe.
    #[track_caller]
    pub(super) fn follow_all(&self, name: &str) {
        for block in blocks(name) {
            self.follow(&block);
        }
    }

    /// Runs each command, and compares.
    #[track_caller]
    pub(super) fn shows(&self, console: &str) {
        let console = console.strip_prefix("$ ").expect("begins with a command");
        for part in console.split("\n$ ") {
            let (command, expected) = part.split_once('\n').unwrap_or((part, ""));
            let printed = self.run(command).trim_end().to_owned() + "\n";
            let expected = expected.trim_end().to_owned() + "\n";
            assert!(
                crate::readme::is_like(&printed, &expected),
                "$ {command}\n{printed}\nexpected:\n{expected}"
            );
        }
    }

    /// A GET for a script, as a server starts it that runs scripts as their owner.
    pub(super) fn ask(&self, name: &str) -> Cgi {
        self.ask_for(&format!("~/public_html/cgi-bin/{name}"))
    }

    pub(super) fn ask_for(&self, script: &str) -> Cgi {
        let path = self.place(script);
        let name = path.file_name().expect("a name").to_str().expect("UTF-8");
        Cgi::bare()
            .variable("SCRIPT_NAME", format!("/cgi-bin/{name}"))
            .variable("SCRIPT_FILENAME", &path)
            .variable("HOME", self.place("~/"))
            .variable("HTTPS", "on")
            .variable("SERVER_PORT", "443")
            .in_folder(path.parent().expect("a folder"))
            .program(&path)
            .logs_anything()
    }

    /// What is answered cold, and from an image.
    #[track_caller]
    pub(super) fn both(&self, name: &str, path: &str, check: impl Fn(&Answer)) {
        let cold = self.ask(name).variable("WSGI_CGI_IMAGE", "0").path(path);
        check(&cold.run());
        self.make(name);
        let restored = self.ask(name).path(path).run();
        assert!(
            !restored.log.contains("answered without an image"),
            "{}",
            restored.log
        );
        check(&restored);
    }

    /// Makes the image of a script. One that was written a moment ago may still change for all that its
    /// time says.
    #[track_caller]
    pub(super) fn make(&self, name: &str) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let made = Command::new(self.place("~/venv/bin/wsgi-cgi"))
                .args(["image", "make", name])
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("HOME", self.place("~/"))
                .current_dir(self.place("~/public_html/cgi-bin"))
                .output()
                .expect("the program");
            if made.status.success() {
                return;
            }
            assert_eq!(made.status.code(), Some(75), "{made:?}");
            assert!(Instant::now() < patience, "{made:?}");
        }
    }
}
