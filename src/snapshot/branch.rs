//! A call that returns twice: in the process that writes an image, once the image is written, and
//! in each process that is restored from it.

use std::ffi::{c_char, c_void};

/// What the launcher leaves for the process that it restores, in memory that stays mapped.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Handoff {
    /// The environment of the new process, as `main` gets it.
    pub environment: *const *const c_char,
    /// The image's file.
    pub image: *const c_char,
    /// Whether this is but a trial.
    pub trial: u64,
}

// All that a function has to leave as it was is on the stack, which is in the image.
std::arch::global_asm!(
    ".globl wsgi_cgi_branch",
    "wsgi_cgi_branch:",
    "push rbp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "mov [rdi], rsp",
    "mov rdi, rdx",
    "call rsi",
    "xor eax, eax",
    "2:",
    "add rsp, 8",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
    ".globl wsgi_cgi_resume",
    "wsgi_cgi_resume:",
    "mov rsp, [rsi]",
    "mov rax, rdi",
    "jmp 2b",
);

unsafe extern "C" {
    fn wsgi_cgi_branch(
        stack_pointer: *mut u64,
        write: extern "C" fn(*mut c_void),
        data: *mut c_void,
    ) -> *const Handoff;
    fn wsgi_cgi_resume(handoff: *const Handoff, stack_pointer: *const u64);
}

/// Where the stack was.
static mut STACK_POINTER: u64 = 0;

/// The addresses that the launcher jumps to and hands over.
pub(super) fn entry() -> (u64, u64) {
    let resume = wsgi_cgi_resume as *const () as u64;
    (resume, (&raw const STACK_POINTER).addr() as u64)
}

/// Calls `write`, which writes an image of this process; then returns none. In a process that was
/// restored from the image it returns what the launcher left.
pub fn branch(write: &mut dyn FnMut()) -> Option<Handoff> {
    extern "C" fn call(data: *mut c_void) {
        // SAFETY: `data` is the reference below, which outlives the call.
        let write = unsafe { &mut *data.cast::<&mut dyn FnMut()>() };
        write();
    }
    let mut write = write;
    let data = (&raw mut write).cast::<c_void>();
    // SAFETY: the function keeps every register that a call must keep, both times it returns; the
    // process has one thread.
    let handoff = unsafe { wsgi_cgi_branch(&raw mut STACK_POINTER, call, data) };
    // SAFETY: null, or what the launcher left in its own memory, which stays mapped.
    (!handoff.is_null()).then(|| unsafe { *handoff })
}
