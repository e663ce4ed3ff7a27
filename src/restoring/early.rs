//! The program's first instructions. The C library starts by asking the processor for its features (CPUID),
//! several dozen times; in a virtual machine each answer takes microseconds, and all of them take longer than
//! restoring a small image. So the program tries to restore an image before that. It sets up the few things
//! that the C library needs for that, and copies memory with its own functions, as only those of the C library
//! depend on the processor's features.
//!
//! Where nothing was restored, or a fatal signal came, the process continues at `_start`, as every program
//! begins; only the memory that was used meanwhile stays allocated.

use std::arch::{asm, global_asm};
use std::ffi::{c_char, c_int};

use process::signals::FAULTS;

/// A program header of an ELF file (elf.h, `Elf64_Phdr`).
#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: usize,
    address: usize,
    physical: usize,
    in_file: usize,
    in_memory: usize,
    alignment: usize,
}

/// `Elf64_Rela`: the function at `addend` returns what to write at `place`.
#[repr(C)]
struct Relocation {
    place: *mut usize,
    kind: usize,
    addend: extern "C" fn() -> usize,
}

/// `PT_TLS`
const TLS: u32 = 7;
/// `AT_PHDR`, `AT_PHNUM`
const HEADERS: (usize, usize) = (3, 5);

/// The thread's own variables lie below its block (System V ABI, variant II), which is the C
/// library's `struct pthread`: 2304 bytes in its longest form.
const THREAD: usize = 16 << 10;
const BLOCK: usize = 8 << 10;

/// Aligned to what a thread's variables may ask for.
#[repr(align(64))]
struct Aligned<T>(T);

static mut MEMORY: Aligned<[u8; THREAD]> = Aligned([0; THREAD]);

// Saves the initial stack pointer, to enter `_start` with it. A fatal signal takes the same way.
global_asm!(
    ".globl wsgi_cgi_early",
    "wsgi_cgi_early:",
    "mov [rip + wsgi_cgi_stack], rsp",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    ".globl wsgi_cgi_usual",
    "wsgi_cgi_usual:",
    "mov rsp, [rip + wsgi_cgi_stack]",
    "xor edx, edx",
    "jmp _start",
    ".local wsgi_cgi_stack",
    ".comm wsgi_cgi_stack, 8, 8",
    begin = sym begin,
);

unsafe extern "C" {
    fn wsgi_cgi_usual();
    static mut environ: *const *const c_char;
    static __rela_iplt_start: Relocation;
    static __rela_iplt_end: Relocation;
}

/// Called once, before the C library is ready.
unsafe extern "C" fn begin(stack: *const usize) {
    // SAFETY: the stack holds what the kernel puts there at the start of a program: the number of
    // arguments, they, the environment and the auxiliary vector, each list with an end. The symbols
    // are the linker's and the C library's.
    unsafe {
        let arguments = stack.add(1).cast::<*const c_char>();
        let environment = arguments.add(*stack + 1);
        environ = environment;
        let mut end = environment;
        while !(*end).is_null() {
            end = end.add(1);
        }
        if !set_thread(end.add(1).cast()) {
            return;
        }
        on_fatal_signals_go_on();
        let mut relocation = &raw const __rela_iplt_start;
        while relocation < &raw const __rela_iplt_end {
            *(*relocation).place = ((*relocation).addend)();
            relocation = relocation.add(1);
        }
        super::attempt::restore_early(crate::words(arguments), environment);
    }
}

/// Gives the thread its block and its variables; false where there is no room for them.
unsafe fn set_thread(mut auxiliary: *const [usize; 2]) -> bool {
    let (mut headers, mut count) = (0, 0);
    // SAFETY: the vector ends with a zero; the headers are those of this very program; the memory is
    // for this alone.
    unsafe {
        while (*auxiliary)[0] != 0 {
            match (*auxiliary)[0] {
                kind if kind == HEADERS.0 => headers = (*auxiliary)[1],
                kind if kind == HEADERS.1 => count = (*auxiliary)[1],
                _ => {}
            }
            auxiliary = auxiliary.add(1);
        }
        let block = (&raw mut MEMORY.0).cast::<u8>().add(THREAD - BLOCK);
        for place in 0..count {
            let header = (headers as *const ProgramHeader).add(place);
            if (*header).kind != TLS {
                continue;
            }
            let length = (*header).in_memory.next_multiple_of((*header).alignment);
            if length > THREAD - BLOCK || (*header).alignment > 64 {
                return false;
            }
            let from = (*header).address as *const u8;
            std::ptr::copy_nonoverlapping(from, block.sub(length), (*header).in_file);
        }
        // Its own address, twice (`tcbhead_t`: tcb and self).
        block.cast::<[u8; 8]>().write(block.addr().to_ne_bytes());
        block
            .cast::<[u8; 8]>()
            .add(2)
            .write(block.addr().to_ne_bytes());
        // 158 is arch_prctl, 0x1002 ARCH_SET_FS.
        system_call(158, 0x1002, block.addr(), 0, 0) == 0
    }
}

extern "C" fn on_fatal(_: c_int) {
    // SAFETY: continues at the program's usual start, which needs nothing on the stack of this function.
    unsafe { wsgi_cgi_usual() }
}

/// `struct sigaction` as the kernel has it.
#[repr(C)]
struct Action {
    handler: extern "C" fn(c_int),
    flags: usize,
    way_back: usize,
    mask: u64,
}

/// `SA_NODEFER`, `SA_RESETHAND`, and `SA_RESTORER`, which the kernel requires although the handler never
/// returns.
const FLAGS: usize = 0x4000_0000 | 0x8000_0000 | 0x0400_0000;

fn on_fatal_signals_go_on() {
    let action = Action {
        handler: on_fatal,
        flags: FLAGS,
        way_back: 0,
        mask: 0,
    };
    for signal in FAULTS {
        let signal = signal.unsigned_abs() as usize;
        // SAFETY: 13 is rt_sigaction, which reads the structure.
        unsafe { system_call(13, signal, (&raw const action).addr(), 0, 8) };
    }
}

unsafe fn system_call(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result;
    // SAFETY: the caller knows what the call does.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Replaces the C library's, whose thresholds depend on the processor's features.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { copy(to, from, length) };
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mempcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: as above.
    unsafe { copy(to, from, length) };
    to.wrapping_add(length)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __mempcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: as above.
    unsafe { copy(to, from, length) };
    to.wrapping_add(length)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: as above; what overlaps from below is copied from the end.
    unsafe {
        if to.addr().wrapping_sub(from.addr()) >= length {
            copy(to, from, length);
        } else {
            asm!(
                "std",
                "rep movsb",
                "cld",
                inout("rdi") to.wrapping_add(length).wrapping_sub(1) => _,
                inout("rsi") from.wrapping_add(length).wrapping_sub(1) => _,
                inout("rcx") length => _,
                options(nostack),
            );
        }
    }
    to
}

unsafe fn copy(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: as above.
    unsafe {
        asm!(
            "rep movsb",
            inout("rdi") to => _, inout("rsi") from => _, inout("rcx") length => _,
            options(nostack, preserves_flags),
        );
    }
}
