//! Apache 2.4, from four sides: `#!` scripts under mod_cgid and mod_cgi, `Action`, and the program
//! itself as the script. Its modules are looked for where Debian and Fedora put them.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{Place, copy_program_to, find};
use super::{Kind, Listens, Part, Site, scgi_recipe};

/// mod_cgid goes with a threaded MPM, mod_cgi with prefork: as Debian enables them.
fn modules(kind: Kind) -> Vec<&'static str> {
    let common = ["authz_core", "alias"];
    let own: &[_] = match kind {
        Kind::ApacheCgi => &["mpm_prefork", "cgi"],
        Kind::ApacheAction => &["mpm_event", "cgid", "mime", "actions", "rewrite", "dir"],
        Kind::ApacheProgram => &["mpm_event", "cgid", "env"],
        Kind::ApacheScgi => &["mpm_event", "proxy", "proxy_scgi"],
        _ => &["mpm_event", "cgid"],
    };
    [own, &common].concat()
}

fn program() -> Result<PathBuf, String> {
    find("apache2")
        .or_else(|_| find("httpd"))
        .map_err(|_| "apache2 is not installed".to_owned())
}

fn modules_folder() -> Result<PathBuf, String> {
    let folders = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules"].map(PathBuf::from);
    let found = folders.into_iter().find(|folder| folder.is_dir());
    found.ok_or_else(|| "no folder with Apache's modules".to_owned())
}

pub(super) fn available(kind: Kind) -> Result<(), String> {
    program()?;
    let folder = modules_folder()?;
    let mut needed = modules(kind)
        .into_iter()
        .map(|name| module_file(&folder, name));
    let missing = needed.find(|file| !file.exists());
    missing.map_or(Ok(()), |file| Err(format!("{} is missing", file.display())))
}

fn module_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("mod_{name}.so"))
}

pub(super) fn parts(kind: Kind, place: &Place, site: &Site, address: SocketAddr) -> Vec<Part> {
    let modules = modules_folder().expect("available").display().to_string();
    let further = site.configuration.replace("MODULES", &modules);
    let configuration = configuration(kind, place, site, address) + &further;
    let configuration = place.configuration(&configuration);
    let mut command = Command::new(program().expect("available"));
    command.args(["-D", "FOREGROUND", "-f"]).arg(configuration);
    vec![Part {
        command,
        listens: Listens::Tcp(address),
    }]
}

fn configuration(kind: Kind, place: &Place, site: &Site, address: SocketAddr) -> String {
    let apps = site.names();
    let (root, run) = (place.root(), place.run(""));
    let (root, run, log) = (root.display(), run.display(), place.log_file());
    let mut text = String::new();
    let folder = modules_folder().expect("available");
    for name in modules(kind) {
        let file = module_file(&folder, name);
        writeln!(text, "LoadModule {name}_module {}", file.display()).expect("written");
    }
    // Apache's own words first: none of these is about CGI.
    write!(
        text,
        "Listen {address}\n\
         ServerName localhost\n\
         ServerRoot {run}\n\
         DefaultRuntimeDir {run}\n\
         PidFile {run}/pid\n\
         ErrorLog {log}\n\
         DocumentRoot {root}\n\
         StartServers 1\n\
         <Directory {root}>\n\
         Require all granted\n\
         </Directory>\n",
        log = log.display()
    )
    .expect("written");
    if !matches!(kind, Kind::ApacheCgi | Kind::ApacheScgi) {
        writeln!(text, "ScriptSock {run}/cgid").expect("written");
    }
    let cgi_bin = place.cgi_bin();
    match kind {
        Kind::ApacheProgram => {
            let program = cgi_bin.join("wsgi-cgi");
            copy_program_to(&program);
            for name in apps {
                let (program, app) = (program.display(), place.app(name));
                write!(
                    text,
                    "ScriptAlias /{name} {program}\n\
                     <Location /{name}>\n\
                     SetEnv WSGI_CGI_APP {}\n\
                     </Location>\n",
                    app.display()
                )
                .expect("written");
            }
        }
        Kind::ApacheScgi => {
            let recipes = apps.iter().map(|name| scgi_recipe(place, "apache", name));
            text.extend(recipes);
        }
        Kind::ApacheAction => {
            let block = place.as_in_readme("apache", 1);
            let allowed =
                format!("<Directory {root}>\nAllowOverride FileInfo Indexes\n</Directory>\n");
            write!(text, "TypesConfig /dev/null\n{allowed}{block}").expect("written");
        }
        _ => {
            text.push_str(&site.configuration_first);
            text.push_str(&place.as_in_readme("apache", 0));
        }
    }
    text
}
