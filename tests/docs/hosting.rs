//! Follows the page on shared hosting as a user without root, on a host whose Apache runs scripts as their owner
//! (suEXEC) behind an HTTPS proxy; and follows its section on nginx.

use super::*;

/// Configuration of the host's Apache: where the files of `example.org` are, and what `.htaccess` may contain.
const HOST: &str = r#"
LoadModule suexec_module MODULES/mod_suexec.so
LoadModule rewrite_module MODULES/mod_rewrite.so
LoadModule dir_module MODULES/mod_dir.so
LoadModule mime_module MODULES/mod_mime.so
LoadModule env_module MODULES/mod_env.so
LoadModule setenvif_module MODULES/mod_setenvif.so
TypesConfig /etc/mime.types
DocumentRoot /var/www/ada/public_html
SuexecUserGroup ada ada
<Directory /var/www/ada/public_html>
    Require all granted
    AllowOverride All
    Options SymLinksIfOwnerMatch
    DirectoryIndex index.cgi
</Directory>
# Folders where `.htaccess` may contain less, and where scripts run anyway.
<DirectoryMatch "^/var/www/ada/public_html/(rewritten|fallback)">
    Options +ExecCGI
    <FilesMatch "\.cgi$">
        SetHandler cgi-script
    </FilesMatch>
</DirectoryMatch>
<Directory /var/www/ada/public_html/rewritten>
    AllowOverride FileInfo
</Directory>
<Directory /var/www/ada/public_html/fallback>
    AllowOverride Indexes FileInfo
</Directory>
"#;

/// Comes before the `cgi-bin` of the other tests.
const CGI_BIN: &str = r#"
ScriptAlias "/cgi-bin/" "/var/www/ada/public_html/cgi-bin/"
"#;

/// The user ID is one that no machine uses. Debian's suEXEC runs only scripts below /var/www, so the home directories
/// are there.
const SET_UP: &str = r"
    chmod 755 . home home/ada home/ada/public_html home/ada/public_html/cgi-bin
    chown -R 21346:21346 home/ada
    mkdir log
    chown 33 log 2>/dev/null || :
    { cat /etc/passwd; echo 'ada:x:21346:21346::/home/ada:/bin/sh'; } >passwd
    { cat /etc/group; echo 'ada:x:21346:'; } >group
    printf '/var/www\npublic_html\n' >suexec.conf
";

/// A `curl` that stands for the proxy: it asks the server by plain HTTP and adds X-Forwarded-Proto.
const PROXY: &str = r#"#!/bin/sh
for word; do
    shift
    case $word in
        https://example.org/*) word=http://ADDRESS/${word#https://example.org/} ;;
    esac
    set -- "$@" "$word"
done
exec /usr/bin/curl -H 'Host: example.org' -H 'X-Forwarded-Proto: https' "$@"
"#;

const ADA: [&str; 5] = [
    "setpriv",
    "--reuid=21346",
    "--regid=21346",
    "--clear-groups",
    "--",
];

/// The host, and how its user's commands see it; `None` if this machine lacks what is needed.
fn host() -> Option<(Machine, Instead)> {
    if let Err(reason) = available(Kind::ApacheCgid) {
        skip(&reason);
        return None;
    }
    if !Path::new("/usr/lib/apache2/suexec").exists() {
        skip("apache2-suexec-pristine is not installed");
        return None;
    }
    if !Path::new("/usr/bin/curl").exists() {
        skip("curl is not installed");
        return None;
    }
    if !instead::is_possible() {
        return None;
    }
    let mut machine = Machine::new()?;
    let done = Command::new("sh")
        .args(["-euc", SET_UP])
        .current_dir(machine.root.path())
        .status();
    assert!(done.expect("sh").success());
    let mut seen = Instead::default()
        .of("/home", machine.place("/home"))
        .of("/var/www", machine.place("/home"))
        .of("/var/log/apache2", machine.place("/log"))
        .of("/etc/passwd", machine.place("/passwd"))
        .of("/etc/group", machine.place("/group"));
    let custom = "/etc/apache2/suexec/www-data";
    if Path::new(custom).exists() {
        seen = seen.of(custom, machine.place("/suexec.conf"));
    }
    machine.is_moved = false;
    machine.run_by = seen.words();
    machine.run_by.extend(ADA.map(OsString::from));
    Some((machine, seen))
}

/// The page's blocks under these titles, in their order.
fn part(titles: &[&str]) -> Vec<Block> {
    let all = blocks("shared-hosting.md").into_iter();
    all.filter(|block| titles.contains(&block.title.as_str()))
        .collect()
}

const BY_SSH: [&str; 5] = [
    "By SSH",
    "An application at /shop/",
    "Where the host allows less",
    "HTTPS",
    "What suEXEC wants",
];

/// Starts the host's server, and installs the `curl` that asks it for `https://example.org`.
fn serve(machine: &Machine, seen: Instead) -> Server {
    let site = Site::new()
        .seeing(seen)
        .configured_first(CGI_BIN)
        .configured(HOST);
    let server = Server::start(Kind::ApacheCgid, &site);
    let proxy = PROXY.replace("ADDRESS", &server.address.to_string());
    machine.write("/bin/curl", &proxy, "755");
    server
}

#[test]
fn shared_hosting_by_ftp() {
    let Some((mut machine, seen)) = host() else {
        return;
    };
    let server = serve(&machine, seen);
    let venv = packages::venv().expect("found before");
    for block in part(&["By FTP only"]) {
        if !block.text.contains("pip install --target") {
            machine.follow(&block);
            machine.chown_to_ada();
            continue;
        }
        // On the user's own computer. Flask is not downloaded: it is linked from the environment with the packages
        // under test.
        let on_the_host = std::mem::take(&mut machine.run_by);
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
        machine.run_by = on_the_host;
    }
    let ask = |name: &str| machine.run(&format!("curl -s 'https://example.org/cgi-bin/{name}'"));
    let printed = ask("where.cgi");
    assert!(
        printed.contains("/public_html/cgi-bin\nuid=21346("),
        "{printed}"
    );
    for name in ["hello.cgi", "plain.cgi"] {
        let printed = ask(&format!("{name}/"));
        assert_eq!(printed, "Hello, world!\n", "{}", server.whole_log());
    }
    machine.run("touch ~/public_html/cgi-bin/.htdoctor-a-word-that-nobody-guesses");
    let page = ask("doctor.cgi?token=a-word-that-nobody-guesses");
    assert!(page.contains("hello.cgi` answers GET / with 200"), "{page}");
}

#[test]
fn shared_hosting_by_ssh() {
    let Some((machine, seen)) = host() else {
        return;
    };
    let server = serve(&machine, seen);
    let followed = part(&BY_SSH);
    for title in BY_SSH {
        assert!(followed.iter().any(|block| block.title == title), "{title}");
    }
    for block in &followed {
        machine.follow(block);
        machine.chown_to_ada();
    }
    let log = server.whole_log();
    assert!(!log.contains("a fault of"), "{log}");
    variables_under_suexec(&machine);
    machine.run("rm ~/public_html/cgi-bin/.htaccess");
    // Also from an image, which is stored in that user's home directory.
    for (url, text) in [
        ("/shop/", "Tea is at /shop/item/tea\n"),
        ("/rewritten/", "Tea is at /rewritten/item/tea\n"),
        ("/fallback/", "Tea is at /fallback/item/tea\n"),
    ] {
        for _ in 0..3 {
            assert_eq!(
                machine.run(&format!("curl -s https://example.org{url}")),
                text
            );
        }
    }
    let images = || machine.run("~/venv/bin/wsgi-cgi image status");
    let are_made = || images().matches("index.cgi").count() >= 3;
    assert!(eventually(PATIENCE, are_made), "{}", images());
    for folder in ["shop", "rewritten", "fallback"] {
        // A name with `?`, paths with `.` and `..`, and an old link that contains `index.cgi`.
        for (path, url) in [
            ("item/Why%3F", "item/Why%3F"),
            ("x/../item/a%2Fb", ""),
            ("item/./tea", "item/tea"),
            ("index.cgi/item/tea", "item/tea"),
        ] {
            let asked = format!("curl -s --path-as-is https://example.org/{folder}/{path}");
            let printed = machine.run(&asked);
            let expected = format!(" is at https://example.org/{folder}/{url}\n");
            match url {
                "" => assert!(printed.contains("404"), "{path}: {printed}"),
                _ => assert!(printed.ends_with(&expected), "{path}: {printed}"),
            }
        }
    }
    // If the server cannot read `.htaccess`, doctor's remedy repairs it.
    machine.run("chmod 600 ~/public_html/shop/.htaccess");
    let status = "curl -s -o /dev/null -w '%{http_code}' https://example.org/shop/";
    assert_eq!(machine.run(status), "403");
    let doctor = "~/venv/bin/wsgi-cgi doctor ~/public_html/shop/index.cgi";
    let said = machine.run(doctor);
    let note = said.split("note   htaccess").nth(1).expect("a note");
    let remedy = note
        .split("-> ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    machine.run(remedy.expect("a remedy"));
    assert_eq!(machine.run(status), "200");
    assert!(!machine.run(doctor).contains("note   htaccess"));
    // A file that is read while the application loads: if it is removed, the next request fails, and the error ID is
    // in the application's own log.
    machine.run("mv ~/shop/shop.ini ~/shop/kept.ini");
    let page = machine.run("curl -s https://example.org/shop/");
    let id = page.split("<code>").nth(1).and_then(|rest| rest.get(..12));
    let own = machine.run("cat ~/logs/shop.log");
    assert!(id.is_some_and(|id| own.contains(id)), "{page}\n{own}");
    assert!(own.contains("KeyError: 'shop'"), "{own}");
    machine.run("mv ~/shop/kept.ini ~/shop/shop.ini");
    let page = machine.run("curl -s https://example.org/shop/");
    assert_eq!(page, "Tea is at /shop/item/tea\n");
}

/// suEXEC passes on and removes the variables that the section "Variables" names.
fn variables_under_suexec(machine: &Machine) {
    let names = [
        ("DATABASE_URL", false),
        ("HOME", false),
        ("HTTPS", true),
        ("HTTP_OWN", true),
        ("LANG", false),
        ("SSL_OWN", true),
        ("TZ", true),
        ("WSGI_CGI_DEBUG", false),
    ];
    let set = names.map(|(name, _)| format!("SetEnv {name} value\n"));
    machine.write("~/public_html/cgi-bin/.htaccess", &set.concat(), "644");
    let script = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nenv\n";
    machine.write("~/public_html/cgi-bin/environ.cgi", script, "755");
    machine.chown_to_ada();
    let printed = machine.run("curl -s https://example.org/cgi-bin/environ.cgi");
    for (name, is_passed_on) in names {
        let start = format!("{name}=");
        let is_there = printed.lines().any(|line| line.starts_with(&start));
        assert_eq!(is_there, is_passed_on, "{name}: {printed}");
    }
    let said = part_of_the_text("## Variables");
    for (name, _) in names.iter().filter(|(name, _)| !name.ends_with("OWN")) {
        assert!(said.contains(&format!("`{name}`")), "{name}");
    }
}

fn part_of_the_text(title: &str) -> String {
    let text = text("shared-hosting.md");
    let part = text.split(title).nth(1).expect("a part");
    part.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The administrator's section: nginx runs the same script.
#[test]
fn shared_hosting_by_nginx() {
    if let Err(reason) = available(Kind::Nginx) {
        return skip(&reason);
    }
    let Some(machine) = Machine::new() else {
        return;
    };
    let followed = part(&["By SSH", "An application at /shop/"]);
    for block in followed.iter().filter(|block| block.language != "console") {
        machine.follow(block);
    }
    machine.run(
        "~/venv/bin/wsgi-cgi install host ~/shop/shop.py --root --to ~/public_html/shop
         mkdir -p ~/public_html/shop/static
         echo 'body { color: green }' >~/public_html/shop/static/shop.css
         chmod -R a+rX ~ && chmod 755 ~",
    );
    let blocks = part(&["Not Apache"]);
    let block = blocks.iter().find(|block| block.language == "nginx");
    let block = machine.here(&block.expect("one").text);
    // The line that the page recommends for other ports.
    let port = "fastcgi_param HTTP_HOST $host:$server_port;";
    assert!(text("shared-hosting.md").contains(&format!("`{port}`")));
    let block = block.replacen("include", &format!("{port}\n    include"), 1);
    let server = Server::start(Kind::Nginx, &Site::new().configured(&block));
    let ask = |path: &str| {
        let response = http_client::Request::new_without_host("GET", path)
            .header("Host", "example.org:8080")
            .send(server.address);
        (response.status, response.text())
    };
    let here = format!("http://example.org:{}", server.address.port());
    for (path, text) in [
        ("/shop/", "Tea is at /shop/item/tea\n".to_owned()),
        (
            "/shop/item/Why%3F",
            format!("Why? is at {here}/shop/item/Why%3F\n"),
        ),
        (
            "/shop/static/shop.css",
            "body { color: green }\n".to_owned(),
        ),
    ] {
        assert_eq!(ask(path), (200, text), "{path}: {}", server.log());
    }
    // Neither the script's source nor `.htaccess` is sent.
    for path in ["/shop/index.cgi", "/shop/.htaccess"] {
        assert_eq!(ask(path).0, 404, "{path}");
    }
    assert!(!server.log().contains("wsgi-cgi: "), "{}", server.log());
}
