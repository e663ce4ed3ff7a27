//! Links the program with the libpython of one interpreter and remembers which one that was.
//!
//! Which interpreter is pyo3's choice (`PYO3_PYTHON`, see `.cargo/config.toml`). Its archive is
//! linked into the program where there is one: the loader then has nothing to relocate, which is
//! a sixth of a small request's cost. Elsewhere, or with `WSGI_CGI_LINK=shared`, the shared
//! library is used and the run path set.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// Prints, a line each: what the program must know of its Python at run time, and what the linker
/// must know of the archive.
const FACTS: &str = "\
import sys, sysconfig
get = lambda name: sysconfig.get_config_var(name) or ''
print(getattr(sys, '_base_executable', None) or sys.executable)
print(sys.base_prefix)
print(get('LIBPL') + '/' + get('LIBRARY'))
print(get('MODLIBS'), get('LIBS'), get('SYSLIBS'))
";

fn main() {
    for name in ["PYO3_PYTHON", "WSGI_CGI_LINK"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if let Err(sentence) = configure() {
        println!("cargo::error={sentence}");
    }
}

fn configure() -> Result<(), String> {
    pyo3_build_config::use_pyo3_cfgs();
    let config = pyo3_build_config::get();
    let executable = config.executable().unwrap_or("python3");
    let facts = config
        .run_python_script(FACTS)
        .map_err(|error| format!("`{executable}` does not run: {error}"))?;
    let [base, prefix, archive, libraries] = facts.lines().collect::<Vec<_>>()[..] else {
        return Err(format!("`{executable}` does not describe itself: {facts}"));
    };
    println!(
        "cargo:rustc-env=WSGI_CGI_LINKED_VERSION={}",
        config.target_abi().version()
    );
    println!("cargo:rustc-env=WSGI_CGI_LINKED_EXECUTABLE={base}");
    println!("cargo:rustc-env=WSGI_CGI_LINKED_PREFIX={prefix}");
    link_launcher().map_err(|error| format!("the linker's folder: {error}"))?;

    let name = config
        .lib_name()
        .filter(|_| config.shared())
        .ok_or(format!(
            "`{executable}` was built without a shared libpython: install one that has it (Debian: \
         `apt install python3-dev`) and name it with PYO3_PYTHON=/path/to/python3"
        ))?;
    let wants_shared = env::var_os("WSGI_CGI_LINK").is_some_and(|choice| choice == "shared");
    let archive = Archive {
        file: archive.into(),
        libraries: libraries.split_whitespace().collect(),
    };
    if !wants_shared && archive.links() {
        return archive
            .link(name)
            .map_err(|error| format!("the linker's folder: {error}"));
    }
    if !is_installed(name, config.lib_dir()) {
        return Err(format!(
            "lib{name}.so, which `{executable}` needs to be embedded, is not installed: add the \
             development package (Debian and Ubuntu: `apt install python3-dev`; Fedora: `dnf \
             install python3-devel`) or name another interpreter with PYO3_PYTHON=/path/to/python3"
        ));
    }
    pyo3_build_config::add_libpython_rpath_link_args();
    // What stands before the C library's functions is found by every library: `src/process/draws.rs`.
    println!("cargo:rustc-link-arg-bin=wsgi-cgi=-Wl,--export-dynamic");
    Ok(())
}

/// What the loader would do at every start is done when linking or not at all: no position
/// independence, functions bound when they are called (as Debian's python3 is built). Every symbol
/// is exported: extension modules look for them in the program.
const FORM: [&str; 4] = [
    "-no-pie",
    "-Wl,--export-dynamic",
    "-Wl,-z,lazy",
    "-Wl,-z,keep-text-section-prefix",
];

/// The unwinder is linked in.
const RUNTIME: [&str; 3] = ["-lgcc_eh", "-lgcc", "-lc"];

/// The launcher is a small static program at an address where no image has anything: what it
/// restores takes every other place, and nothing is loaded at its start. Where the static C library
/// is not installed it is linked as any other program, and starts a little later.
fn link_launcher() -> io::Result<()> {
    let folder = out_dir().join("static");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("libgcc_s.a"), "!<arch>\n")?;
    // Rust asks for the C library's shared form, whatever the form of the program. GNU ld is named
    // because others spell the address otherwise.
    let linker = folder.join("ld.bfd");
    fs::write(
        &linker,
        "#!/bin/sh\n\
         for word; do shift; [ \"$word\" = -Bdynamic ] || set -- \"$@\" \"$word\"; done\n\
         exec ld.bfd \"$@\"\n",
    )?;
    fs::set_permissions(&linker, fs::Permissions::from_mode(0o755))?;
    println!("cargo:rustc-check-cfg=cfg(starts_early)");
    let place = folder.display();
    let form = [
        "-static".to_owned(),
        "-no-pie".to_owned(),
        "-fuse-ld=bfd".to_owned(),
        format!("-B{place}"),
        format!("-L{place}"),
        "-Wl,-Ttext-segment=0x70000000".to_owned(),
    ];
    let source = folder.join("probe.c");
    fs::write(&source, "int main(void) { return 0; }\n")?;
    let links = Command::new("cc")
        .arg(&source)
        .args(&form)
        .args(RUNTIME)
        .arg("-o")
        .arg(folder.join("probe"))
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if links {
        let is_early = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
        // Where it begins before the C library does: `src/snapshot/early.rs`.
        let entry = is_early.then_some("-Wl,--entry=wsgi_cgi_early");
        if is_early {
            println!("cargo:rustc-cfg=starts_early");
        }
        let form = form.iter().map(String::as_str);
        for argument in form.chain(RUNTIME).chain(entry) {
            println!("cargo:rustc-link-arg-bin=wsgi-cgi-snap={argument}");
        }
    }
    Ok(())
}

/// libpython as an archive, with the libraries that its own modules need.
struct Archive<'a> {
    file: PathBuf,
    libraries: Vec<&'a str>,
}

impl Archive<'_> {
    /// What makes a C compiler link a program with it.
    fn arguments(&self) -> Vec<String> {
        let whole = format!(
            "-Wl,--whole-archive,{},--no-whole-archive",
            self.file.display()
        );
        let own = self.libraries.iter().filter(|word| word.starts_with("-l"));
        FORM.into_iter()
            .chain([whole.as_str()])
            .chain(own.copied())
            .chain(RUNTIME)
            .map(str::to_owned)
            .collect()
    }

    /// Whether a program can be made of it here, tried with the smallest one.
    fn links(&self) -> bool {
        let folder = out_dir();
        let source = folder.join("probe.c");
        let program = "int Py_BytesMain(int, char **);\n\
                       int main(int c, char **v) { return Py_BytesMain(c, v); }\n";
        self.file.is_file()
            && fs::write(&source, program).is_ok()
            && Command::new("cc")
                .arg(&source)
                .args(self.arguments())
                .arg("-o")
                .arg(folder.join("probe"))
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    }

    fn link(&self, name: &str) -> io::Result<()> {
        // pyo3 asks for `-lpython3.X`, Rust for `-lgcc_s`: empty archives of those names, found
        // first, answer them.
        let folder = out_dir().join("empty");
        fs::create_dir_all(&folder)?;
        for name in [name, "gcc_s"] {
            fs::write(folder.join(format!("lib{name}.a")), "!<arch>\n")?;
        }
        println!("cargo:rustc-link-search=native={}", folder.display());
        // The archive under a name of its own; what belongs to this package's library is not
        // linked with the launcher, which does not use it.
        let own = folder.join("libwhole_python.a");
        _ = fs::remove_file(&own);
        symlink(&self.file, &own)?;
        println!("cargo:rustc-link-lib=static:+whole-archive,-bundle=whole_python");
        for name in self
            .libraries
            .iter()
            .filter_map(|word| word.strip_prefix("-l"))
        {
            println!("cargo:rustc-link-lib=dylib={name}");
        }
        for argument in FORM.iter().chain(&RUNTIME) {
            println!("cargo:rustc-link-arg={argument}");
        }
        println!("cargo:rerun-if-changed={}", self.file.display());
        Ok(())
    }
}

/// Whether the linker would find the shared library, asked of the C compiler that drives it.
fn is_installed(library: &str, lib_dir: Option<&str>) -> bool {
    let file = format!("lib{library}.so");
    if lib_dir.is_some_and(|dir| Path::new(dir).join(&file).exists()) {
        return true;
    }
    let answer = Command::new("cc")
        .arg(format!("-print-file-name={file}"))
        .output();
    // The compiler prints the bare name back when it found nothing.
    answer.is_ok_and(|out| {
        let path = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
        path.is_absolute() && path.exists()
    })
}

fn out_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"))
}
