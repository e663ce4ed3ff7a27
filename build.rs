//! Links the program: a small static program at an address where no image has anything. What it restores
//! takes every other place, and nothing is loaded at its start.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

/// The unwinder is linked in.
const RUNTIME: [&str; 3] = ["-lgcc_eh", "-lgcc", "-lc"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(starts_early)");
    match link() {
        Ok(true) => {}
        Ok(false) => println!(
            "cargo::error=no static program can be linked here: the C compiler, GNU ld and the static C \
             library are needed (Debian: `apt install gcc libc6-dev`; Fedora: `dnf install gcc \
             glibc-static`)"
        ),
        Err(error) => println!("cargo::error=the linker's folder: {error}"),
    }
}

/// False where that cannot be.
fn link() -> io::Result<bool> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("static");
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
    let place = folder.display();
    let form = [
        "-static".to_owned(),
        "-no-pie".to_owned(),
        "-fuse-ld=bfd".to_owned(),
        format!("-B{place}"),
        format!("-L{place}"),
        "-Wl,-Ttext-segment=0x70000000".to_owned(),
    ];
    if !links(&folder, &form)? {
        return Ok(false);
    }
    let is_early = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    // Where it begins before the C library does: `src/restoring/early.rs`.
    let entry = is_early.then_some("-Wl,--entry=wsgi_cgi_early");
    if is_early {
        println!("cargo::rustc-cfg=starts_early");
    }
    let form = form.iter().map(String::as_str);
    for argument in form.chain(RUNTIME).chain(entry) {
        println!("cargo::rustc-link-arg-bin=wsgi-cgi={argument}");
    }
    Ok(true)
}

/// Whether a program can be made so here, tried with the smallest one.
fn links(folder: &Path, form: &[String]) -> io::Result<bool> {
    let source = folder.join("probe.c");
    fs::write(&source, "int main(void) { return 0; }\n")?;
    let linked = Command::new("cc")
        .arg(&source)
        .args(form)
        .args(RUNTIME)
        .arg("-o")
        .arg(folder.join("probe"))
        .stderr(Stdio::null())
        .status();
    Ok(linked.is_ok_and(|status| status.success()))
}
