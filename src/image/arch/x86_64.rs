//! x86-64.

use std::ffi::c_void;

use crate::branch::Handoff;
use crate::format::Head;

/// Whether images can be made here.
pub(crate) const SUPPORTED: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

// Saves the callee-saved registers on the stack, which is in the image.
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
    // The floating-point modes (MXCSR, x87 control word).
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
    pub(crate) fn wsgi_cgi_branch(
        stack_pointer: *mut u64,
        write: extern "C" fn(*mut c_void),
        data: *mut c_void,
    ) -> *const Handoff;
    pub(crate) fn wsgi_cgi_resume(handoff: *const Handoff, stack_pointer: *const u64);
}

/// The address of the C library's block for this thread.
#[inline]
pub(crate) fn thread_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: glibc keeps the address of the thread's block in the block's first word.
    unsafe { std::arch::asm!("mov {}, fs:[0]", out(reg) pointer) };
    pointer
}

/// Continues where the image was written.
pub(crate) fn jump(head: &Head, handoff: &Handoff) -> ! {
    // SAFETY: everything that the code at `entry` uses is mapped as it was when it was left; it
    // takes the stack from where `stack_pointer` points. 158 is arch_prctl, 0x1002 ARCH_SET_FS.
    unsafe {
        std::arch::asm!(
            "mov r12, rdi",
            "mov r13, rsi",
            "mov r14, rdx",
            "mov eax, 158",
            "mov edi, 0x1002",
            "mov rsi, rcx",
            "syscall",
            "mov rdi, r12",
            "mov rsi, r13",
            "xor ebp, ebp",
            "jmp r14",
            in("rdi") handoff,
            in("rsi") head.stack_pointer,
            in("rdx") head.entry,
            in("rcx") head.thread_pointer,
            options(noreturn),
        )
    }
}

/// The processor's features, as numbers to compare.
pub(crate) fn features() -> [u32; 8] {
    use std::arch::x86_64::__cpuid_count;
    // The features without the core's number; then how the kernel has enabled them.
    const XSAVE: u32 = 1 << 27;
    #[allow(unused_unsafe, reason = "older compilers want it")]
    // SAFETY: every processor of this kind that runs Rust's programs has the instruction.
    let (first, seventh) = unsafe { (__cpuid_count(1, 0), __cpuid_count(7, 0)) };
    let (mut low, mut high) = (0, 0);
    if first.ecx & XSAVE != 0 {
        // SAFETY: the instruction is there, and reads a register.
        unsafe { std::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high) };
    }
    [
        first.eax,
        first.ecx,
        first.edx,
        seventh.ebx,
        seventh.ecx,
        seventh.edx,
        low,
        high,
    ]
}
