//! The call that returns twice, on x86-64.

use std::ffi::c_void;

use super::Handoff;

/// Whether images can be made here.
pub(crate) const SUPPORTED: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

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
    // How it rounds and what it does with the smallest numbers.
    "stmxcsr [rsp]",
    "fnstcw [rsp + 4]",
    "mov [rdi], rsp",
    "mov rdi, rdx",
    "call rsi",
    "xor eax, eax",
    "2:",
    "ldmxcsr [rsp]",
    "fldcw [rsp + 4]",
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
    pub(super) fn wsgi_cgi_branch(
        stack_pointer: *mut u64,
        write: extern "C" fn(*mut c_void),
        data: *mut c_void,
    ) -> *const Handoff;
    pub(super) fn wsgi_cgi_resume(handoff: *const Handoff, stack_pointer: *const u64);
}

/// The address of the C library's block for this thread.
pub(crate) fn thread_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: glibc keeps the address of the thread's block in the block's first word.
    unsafe { std::arch::asm!("mov {}, fs:[0]", out(reg) pointer) };
    pointer
}
