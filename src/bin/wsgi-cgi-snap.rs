//! x
#![no_main]
/// Called by the C library.
#[unsafe(no_mangle)]
pub extern "C" fn main(argc: i32, _argv: *const *const u8, _envp: *const *const u8) -> i32 {
    argc
}
