//! The recipes in `docs/` are followed as written: commands are run, files are written where the text says,
//! and the scripts are asked for what the text promises.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::cgi::{Answer, Cgi};
use crate::harness::instead::{self, Instead};
use crate::harness::server::{Kind, Server, Site, available};
use crate::harness::{copy_programs, executor, folder, packages, program, python, python_version};
use crate::harness::{http_client, skip};

/// The languages of the blocks. Before a block that is a file stands its path in a line that ends in a colon,
/// with its mode. What else is `sh` is run, `console` is run and prints what follows each command, `python` is
/// a script that answers "Hello, world!". `text` without a path is for another machine.
const LANGUAGES: [&str; 7] = [
    "apache", "console", "ini", "lighttpd", "python", "sh", "text",
];

/// A recipe's block.
struct Block {
    language: String,
    text: String,
    /// Path and mode.
    file: Option<(String, String)>,
    /// The title above it.
    title: String,
}

fn recipes() -> Vec<String> {
    let folder = fs::read_dir(repository().join("docs")).expect("recipes");
    let names = folder.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

fn repository() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn text(name: &str) -> String {
    fs::read_to_string(repository().join("docs").join(name)).expect("a recipe")
}

fn blocks(name: &str) -> Vec<Block> {
    let text = text(name);
    let mut found = Vec::new();
    let (mut title, mut before) = ("", "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let words = before.split('`').skip(1).step_by(2);
            let mut paths = words.filter(|word| word.starts_with("~/") || word.starts_with('/'));
            let mode = before.split("mode ").nth(1).and_then(|rest| rest.get(..3));
            let path = paths.next().filter(|_| before.ends_with(':'));
            found.push(Block {
                language: language.to_owned(),
                text: inside.join("\n") + "\n",
                file: path.map(|path| (path.to_owned(), mode.unwrap_or("644").to_owned())),
                title: title.to_owned(),
            });
        }
        if let Some(words) = line.strip_prefix('#') {
            title = words.trim_start_matches(['#', ' ']);
        }
        if !line.trim().is_empty() {
            before = line;
        }
    }
    found
}

#[test]
fn every_block_is_of_a_kind_that_is_tried() {
    let blocks = recipes().into_iter().flat_map(|name| blocks(&name));
    let languages: BTreeSet<String> = blocks.map(|block| block.language).collect();
    assert_eq!(languages, LANGUAGES.map(str::to_owned).into());
}

/// The index has each recipe, and no link of a recipe leads nowhere.
#[test]
fn every_link_leads_somewhere() {
    let index = text("README.md");
    for name in recipes() {
        assert!(
            name == "README.md" || index.contains(&format!("({name})")),
            "{name}"
        );
        for link in text(&name)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().expect("a path");
            assert!(
                repository().join("docs").join(file).is_file(),
                "{name}: {link}"
            );
        }
    }
}

/// A host with the home of a user, and that user's own computer.
struct Machine {
    root: TempDir,
    /// Whether `/home/ada` and the like are below `root` in what is written too.
    is_moved: bool,
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
const PATIENCE: Duration = Duration::from_secs(30);

impl Machine {
    /// One to follow recipes on; none where the packages are missing.
    fn new() -> Option<Self> {
        let venv = packages::venv()?;
        let machine = Self {
            root: folder(),
            is_moved: true,
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
    fn with_venv() -> Option<Self> {
        let machine = Self::new()?;
        let first = &blocks("shared-hosting.md")[0];
        machine.run(&first.text);
        Some(machine)
    }

    /// The same, where a package is among those under test.
    fn with_package(name: &str) -> Option<Self> {
        let packages = format!("lib/python{}/site-packages/{name}", python_version());
        if packages::venv()?.join(packages).is_dir() {
            return Self::with_venv();
        }
        skip(&format!("the packages under test are without {name}"));
        None
    }

    /// A path of a recipe's, here.
    fn place(&self, path: &str) -> PathBuf {
        let path = path.strip_prefix("~/").map_or_else(
            || path.trim_start_matches('/').to_owned(),
            |rest| format!("home/ada/{rest}"),
        );
        self.root.path().join(path)
    }

    /// The text with the folders of this machine in the place of the real ones.
    fn here(&self, text: &str) -> String {
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
    fn run(&self, commands: &str) -> String {
        let output = Command::new("bash")
            .args(["-euc", &format!("exec 2>&1\n{}", self.here(commands))])
            .current_dir(self.root.path().join("laptop"))
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.place("/bin").display()),
            )
            .env("HOME", self.place("~/"))
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
    fn write(&self, path: &str, text: &str, mode: &str) {
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

    /// Does what a block says.
    #[track_caller]
    fn follow(&self, block: &Block) {
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
    fn follow_all(&self, name: &str) {
        for block in blocks(name) {
            self.follow(&block);
        }
    }

    /// Runs each command, and compares.
    #[track_caller]
    fn shows(&self, console: &str) {
        let console = console.strip_prefix("$ ").expect("begins with a command");
        for part in console.split("\n$ ") {
            let (command, expected) = part.split_once('\n').unwrap_or((part, ""));
            let printed = self.run(command);
            assert!(
                crate::readme::is_like(&printed, expected),
                "$ {command}\n{printed}\nexpected:\n{expected}"
            );
        }
    }

    /// A GET for a script, as a server starts it that runs scripts as their owner.
    fn ask(&self, name: &str) -> Cgi {
        self.ask_for(&format!("~/public_html/cgi-bin/{name}"))
    }

    fn ask_for(&self, script: &str) -> Cgi {
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
    fn both(&self, name: &str, path: &str, check: impl Fn(&Answer)) {
        let cold = self.ask(name).variable("WSGI_CGI_IMAGE", "0").path(path);
        check(&cold.run());
        self.make(name);
        let restored = self.ask(name).path(path).run();
        assert!(!restored.log.contains("a cold request"), "{}", restored.log);
        check(&restored);
    }

    /// Makes the image of a script. One that was written a moment ago may still change for all that its
    /// time says.
    #[track_caller]
    fn make(&self, name: &str) {
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

/// A visitor who says so.
fn as_ada(request: Cgi) -> Cgi {
    // ada:the password
    request.variable("HTTP_AUTHORIZATION", "Basic YWRhOnRoZSBwYXNzd29yZA==")
}

#[track_caller]
fn says(answer: &Answer, text: &str) {
    assert!(answer.status.starts_with("200"), "{answer:?}");
    assert!(answer.text().contains(text), "{}", answer.text());
}

#[test]
fn shared_hosting_by_ssh() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for block in blocks("shared-hosting.md") {
        if block.title == "By SSH" {
            machine.follow(&block);
        }
    }
    machine.both("hello.cgi", "/", |answer| says(answer, "Hello, world!\n"));
}

#[test]
fn shared_hosting_by_ftp() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let venv = packages::venv().expect("found before");
    for block in blocks("shared-hosting.md") {
        if block.title != "By FTP only" {
            continue;
        }
        if !block.text.contains("pip install --target") {
            machine.follow(&block);
            continue;
        }
        // Flask is fetched by nobody here: it is linked from the environment with the packages under test.
        let command = block
            .text
            .replace(" flask", "")
            .replace("3.11", python_version());
        machine.run(&command);
        let upload = format!(
            "for package in {}/lib/python{}/site-packages/*; do
                 [ -e packages/${{package##*/}} ] || ln -s $package packages/
             done
             mkdir ~/wsgi-cgi
             cp packages/bin/wsgi-cgi packages/wsgi_cgi/_wsgi_cgi.abi3.so ~/wsgi-cgi/
             chmod 755 ~/wsgi-cgi/wsgi-cgi
             cp -R packages ~/",
            venv.display(),
            python_version()
        );
        machine.run(&upload);
    }
    let printed = Command::new(machine.place("~/public_html/cgi-bin/where.cgi"))
        .current_dir(machine.place("~/public_html/cgi-bin"))
        .output()
        .expect("a script");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(
        printed.starts_with("Content-Type: text/plain\n\n"),
        "{printed}"
    );
    assert!(printed.contains("/public_html/cgi-bin\nuid="), "{printed}");
    for name in ["hello.cgi", "plain.cgi"] {
        let answer = machine.ask(name).run();
        says(&answer, "Hello, world!\n");
    }
    let token = "~/public_html/cgi-bin/.htdoctor-a-word-that-nobody-guesses";
    fs::write(machine.place(token), "").expect("written");
    let page = machine
        .ask("doctor.cgi")
        .variable("QUERY_STRING", "token=a-word-that-nobody-guesses");
    let answer = page.run();
    says(&answer, "hello.cgi` answers GET / with 200");
}

#[test]
fn cpanel_and_cloudlinux() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("cpanel-cloudlinux.md");
}

#[test]
fn a_raspberry_pi() {
    let Some(machine) = Machine::new() else {
        return;
    };
    copy_programs(&machine.place("/usr/local/bin"));
    machine.follow_all("raspberry-pi.md");
    let answer = machine.ask_for("/usr/lib/cgi-bin/hello.cgi").run();
    says(&answer, "Hello, world!\n");
}

#[test]
fn trac() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("trac.md");
    machine.both("trac.cgi", "/", |answer| says(answer, "Welcome to Trac"));
    let admin = machine
        .ask("trac.cgi")
        .variable("REMOTE_USER", "ada")
        .variable("AUTH_TYPE", "Basic")
        .path("/admin");
    let answer = admin.run();
    says(&answer, "Administration");
}

#[test]
fn mercurial() {
    let Some(machine) = Machine::with_package("mercurial") else {
        return;
    };
    machine.follow_all("mercurial.md");
    machine.both("hg.cgi", "/", |answer| {
        says(answer, "<a href=\"/cgi-bin/hg.cgi/first/\">first</a>");
    });
    let answer = machine.ask("hg.cgi").path("/first").run();
    says(&answer, "first");
}

#[test]
fn moinmoin() {
    let Some(machine) = Machine::with_package("moin") else {
        return;
    };
    machine.follow_all("moinmoin.md");
    let answer = machine.ask("wiki.cgi").run();
    assert_eq!(answer.header("Location"), ["/cgi-bin/wiki.cgi/Home"]);
    machine.both("wiki.cgi", "/Home", |answer| {
        says(answer, "<title>Home - My MoinMoin</title>");
    });
}

#[test]
fn radicale() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("radicale.md");
    machine.both("dav.cgi", "/.web/", |answer| says(answer, "Radicale"));
    let refused = machine
        .ask("dav.cgi")
        .path("/ada/")
        .method("PROPFIND")
        .run();
    assert_eq!(refused.status, "401 Unauthorized");
    let found = as_ada(machine.ask("dav.cgi").path("/ada/").method("PROPFIND")).run();
    assert_eq!(found.status, "207 Multi-Status");
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                 DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:Tea\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let made = as_ada(
        machine
            .ask("dav.cgi")
            .path("/ada/tea/")
            .method("MKCALENDAR"),
    )
    .run();
    assert_eq!(made.status, "201 Created");
    let put = as_ada(machine.ask("dav.cgi").post(event))
        .path("/ada/tea/1.ics")
        .method("PUT")
        .variable("CONTENT_TYPE", "text/calendar");
    assert_eq!(put.run().status, "201 Created");
    let kept = as_ada(machine.ask("dav.cgi").path("/ada/tea/1.ics")).run();
    says(&kept, "SUMMARY:Tea");
}

#[test]
fn django() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("django.md");
    machine.both("mysite.cgi", "/admin/login/", |answer| {
        says(answer, "Django site admin");
    });
    let asked = machine.ask("mysite.cgi").path("/admin/login/").run();
    let cookie = asked.header("Set-Cookie")[0]
        .split(';')
        .next()
        .expect("a cookie");
    let form = asked
        .text()
        .split("name=\"csrfmiddlewaretoken\" value=\"")
        .nth(1);
    let token = form
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    let body = format!("csrfmiddlewaretoken={token}&username=ada&password=the+password&next=/");
    let entered = machine
        .ask("mysite.cgi")
        .post(body)
        .path("/admin/login/")
        .variable("CONTENT_TYPE", "application/x-www-form-urlencoded")
        .variable(
            "HTTP_REFERER",
            "https://example.org/cgi-bin/mysite.cgi/admin/login/",
        )
        .variable("HTTP_COOKIE", cookie)
        .run();
    assert_eq!(entered.status, "302 Found", "{entered:?}");
    let style = machine.place("~/public_html/static/admin/css/base.css");
    assert!(style.is_file());
}

#[test]
fn flask_with_sqlite() {
    let Some(machine) = Machine::with_venv() else {
        return;
    };
    machine.follow_all("flask-sqlite.md");
    machine.both("notes.cgi", "/", |answer| says(answer, "<ul></ul>"));
    let added = machine
        .ask("notes.cgi")
        .post("text=buy+%3Ctea%3E")
        .variable("CONTENT_TYPE", "application/x-www-form-urlencoded");
    assert_eq!(added.run().status, "303 SEE OTHER");
    let answer = machine.ask("notes.cgi").run();
    says(&answer, "<li>buy &lt;tea&gt;</ul>");
}

/// What Apache needs besides what the recipe says: its modules, and what Debian's own files say.
const DEBIANS: &str = r"
LoadModule suexec_module MODULES/mod_suexec.so
LoadModule userdir_module MODULES/mod_userdir.so
LoadModule mime_module MODULES/mod_mime.so
TypesConfig /etc/mime.types
UserDir public_html
UserDir disabled root
<Directory /home/*/public_html>
    AllowOverride FileInfo AuthConfig Limit Indexes
    Options Indexes SymLinksIfOwnerMatch IncludesNoExec
    Require method GET POST OPTIONS
</Directory>
";

/// Everything below the home is ada's, and no machine has a user of that number.
const USERS: &str = "
    chmod 755 . home
    chmod -R go-w home/ada
    chown -R 21346:21346 home/ada
    mkdir log
    chown 33 log 2>/dev/null || :
    { cat /etc/passwd; echo 'ada:x:21346:21346::/home/ada:/bin/sh'; } >passwd
    { cat /etc/group; echo 'ada:x:21346:'; } >group
    printf '/var/www\\npublic_html\\n' >suexec.conf
";

#[test]
fn debians_userdir() {
    let kind = Kind::ApacheCgid;
    if let Err(reason) = available(kind) {
        return skip(&reason);
    }
    if !Path::new("/usr/lib/apache2/suexec").exists() {
        return skip("apache2-suexec-pristine is not installed");
    }
    if !instead::is_possible() {
        return;
    }
    let Some(mut machine) = Machine::with_venv() else {
        return;
    };
    // The server sees the home where the recipe has it.
    machine.is_moved = false;
    for name in ["debian-userdir.md", "radicale.md"] {
        machine.follow_all(name);
    }
    let done = Command::new("sh")
        .args(["-euc", USERS])
        .current_dir(machine.root.path())
        .status();
    assert!(done.expect("sh").success());
    let mut seen = Instead::default()
        .of("/home", machine.place("/home"))
        .of("/var/log/apache2", machine.place("/log"))
        .of("/etc/passwd", machine.place("/passwd"))
        .of("/etc/group", machine.place("/group"));
    let custom = "/etc/apache2/suexec/www-data";
    if Path::new(custom).exists() {
        seen = seen.of(custom, machine.place("/suexec.conf"));
    }
    let recipe = blocks("debian-userdir.md");
    let block = recipe.iter().find(|block| block.language == "apache");
    let configuration = format!("{DEBIANS}{}", block.expect("one").text);
    let site = Site::new().seeing(seen).configured(&configuration);
    let server = Server::start(kind, &site);
    for _ in 0..2 {
        let hello = http_client::Request::get("/~ada/cgi-bin/hello.cgi").send(server.address);
        assert_eq!(hello.status, 200, "{}", server.whole_log());
        assert_eq!(
            hello.text(),
            "Hello from 21346 at /~ada/cgi-bin/hello.cgi\n"
        );
    }
    let dav = |header: Option<&str>| {
        let request = http_client::Request::new("PROPFIND", "/~ada/cgi-bin/dav.cgi/ada/");
        let request = match header {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        request.send(server.address).status
    };
    assert_eq!(dav(None), 401, "{}", server.whole_log());
    assert_eq!(
        dav(Some("Basic YWRhOnRoZSBwYXNzd29yZA==")),
        207,
        "{}",
        server.whole_log()
    );
}
