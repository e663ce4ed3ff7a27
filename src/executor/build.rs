//! Links the unwinder into the executor: as a library of its own it would have to be found, mapped and relocated for
//! every request without an image.

use std::path::PathBuf;
use std::{env, fs, io};

/// What GNU ld reads in place of the library (<https://sourceware.org/binutils/docs/ld/Implicit-Linker-Scripts.html>).
const IN_ITS_PLACE: &str = "INPUT(-lgcc_eh -lgcc)\n";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder =
        PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("unwinder");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("libgcc_s.so"), IN_ITS_PLACE)?;
    println!("cargo::rustc-cdylib-link-arg=-L{}", folder.display());
    Ok(())
}
