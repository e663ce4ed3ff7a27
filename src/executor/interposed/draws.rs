//! Records which libraries draw random bytes from the system while an application is loaded. These
//! functions replace those of the C library with the same name in every loaded library; each makes the
//! system call itself.

use std::ffi::{CStr, OsStr, c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::rand::GetRandomFlags;

/// Whether draws are recorded.
static RECORDING: AtomicBool = AtomicBool::new(false);
/// Return addresses of draws. There is no lock and no allocation: a draw may come from inside an
/// allocator, or while a library is being loaded.
static CALLERS: [AtomicUsize; 256] = [const { AtomicUsize::new(0) }; 256];

/// `GRND_INSECURE`, used only for the keys of hash tables.
const INSECURE: u32 = 4;

/// Starts to record draws.
pub(crate) fn record() {
    RECORDING.store(true, Ordering::Release);
}

/// Stops recording, and returns the files of the libraries that drew, without this one and without
/// unloaded ones.
pub(crate) fn drawers() -> Vec<PathBuf> {
    RECORDING.store(false, Ordering::Release);
    let own = own_file();
    let mut found = Vec::new();
    for caller in &CALLERS {
        let file = object_of(caller.swap(0, Ordering::AcqRel));
        if let Some(file) = file.filter(|file| Some(file) != own.as_ref())
            && !found.contains(&file)
        {
            found.push(file);
        }
    }
    found
}

/// The file of this library.
#[must_use]
pub(crate) fn own_file() -> Option<PathBuf> {
    object_of(drawers as *const () as usize)
}

/// Whether these functions replace those of the C library, which they do if this library was loaded
/// first (`LD_PRELOAD`).
#[must_use]
pub(crate) fn come_first() -> bool {
    // SAFETY: a question by a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"getentropy".as_ptr()) };
    object_of(found.addr()) == own_file()
}

/// The file of the library at an address.
#[must_use]
pub(crate) fn object_of(address: usize) -> Option<PathBuf> {
    let mut about = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: a question about any number; the answer is whole where the call succeeds, and its name
    // a string that lives as long as the library.
    unsafe {
        let place = std::ptr::without_provenance::<c_void>(address);
        if libc::dladdr(place, about.as_mut_ptr()) == 0 {
            return None;
        }
        let name = CStr::from_ptr(about.assume_init().dli_fname).to_bytes();
        Some(PathBuf::from(OsStr::from_bytes(name)))
    }
}

/// Records a draw by its return address. Opening `/dev/urandom` counts as one too.
pub(crate) fn note(caller: usize) {
    if !RECORDING.load(Ordering::Relaxed) {
        return;
    }
    for place in &CALLERS {
        let known = place.load(Ordering::Relaxed);
        let taken = known == 0
            && place
                .compare_exchange(0, caller, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if taken || known == caller {
            return;
        }
    }
}

/// Like the system call, but with errors in `errno`.
unsafe extern "C" fn draw(start: *mut u8, length: usize, flags: u32, caller: usize) -> isize {
    if flags & INSECURE == 0 {
        note(caller);
    }
    if length == 0 {
        return 0;
    }
    if start.is_null() {
        // SAFETY: this thread's own.
        unsafe { *libc::__errno_location() = libc::EFAULT };
        return -1;
    }
    let length = length.min(isize::MAX.unsigned_abs());
    // SAFETY: the caller's memory, which the kernel writes to or refuses.
    let bytes = unsafe { std::slice::from_raw_parts_mut(start.cast::<MaybeUninit<u8>>(), length) };
    match rustix::rand::getrandom(bytes, GetRandomFlags::from_bits_retain(flags)) {
        Ok((drawn, _)) => isize::try_from(drawn.len()).unwrap_or(isize::MAX),
        // SAFETY: this thread's own.
        Err(error) => unsafe {
            *libc::__errno_location() = error.raw_os_error();
            -1
        },
    }
}

/// Fills all of it, for functions that cannot fail.
unsafe fn fill(start: *mut u8, length: usize, caller: usize) -> bool {
    let mut done = 0;
    while done < length {
        // SAFETY: within the caller's memory; the error's place is this thread's own.
        unsafe {
            let drawn = draw(start.add(done), length - done, 0, caller);
            match usize::try_from(drawn) {
                Ok(drawn) => done += drawn,
                Err(_) if *libc::__errno_location() == libc::EINTR => {}
                Err(_) => return false,
            }
        }
    }
    true
}

unsafe extern "C" fn draw_little(start: *mut u8, length: usize, caller: usize) -> c_int {
    // SAFETY: the caller's memory; the error's place is this thread's own.
    unsafe {
        if length > 256 {
            *libc::__errno_location() = libc::EIO;
            return -1;
        }
        if fill(start, length, caller) { 0 } else { -1 }
    }
}

unsafe extern "C" fn draw_all(start: *mut u8, length: usize, caller: usize) {
    // SAFETY: the caller's memory. The caller must never use bytes that are not random.
    unsafe {
        if !fill(start, length, caller) {
            libc::abort();
        }
    }
}

unsafe extern "C" fn draw_number(caller: usize) -> u32 {
    let mut number = [0; 4];
    // SAFETY: memory of this function's own.
    unsafe { draw_all(number.as_mut_ptr(), 4, caller) };
    u32::from_ne_bytes(number)
}

unsafe extern "C" fn draw_device(_device: usize, caller: usize) -> u32 {
    // SAFETY: as above.
    unsafe { draw_number(caller) }
}

unsafe extern "C" fn draw_below(bound: u32, caller: usize) -> u32 {
    if bound < 2 {
        return 0;
    }
    // Numbers below this would make some results more likely.
    let uneven = bound.wrapping_neg() % bound;
    loop {
        // SAFETY: as above.
        let number = unsafe { draw_number(caller) };
        if number >= uneven {
            return number % bound;
        }
    }
}

extern "C" fn fail(result: c_long) -> c_long {
    // SAFETY: this thread's own.
    unsafe { *libc::__errno_location() = c_int::try_from(-result).unwrap_or(libc::EINVAL) };
    -1
}

/// Rust's standard library refers to this function weakly. Without a strong reference, link-time
/// optimisation would make it weak too.
#[cfg(target_arch = "x86_64")]
#[used]
static DRAWS: unsafe extern "C" fn(*mut u8, usize, u32) -> isize = named::getrandom;

/// The exported functions: each passes its return address on as one more argument.
#[cfg(target_arch = "x86_64")]
mod named {
    use std::arch::naked_asm;
    use std::ffi::{c_int, c_long};

    /// A function whose next free argument register is `$register`.
    macro_rules! named {
        ($visible:vis $name:ident, $($as:literal,)? $to:path, $register:literal, ($($argument:ty),*) $(-> $result:ty)?) => {
            $(#[unsafe(export_name = $as)])?
            #[unsafe(naked)]
            #[doc = concat!("As `", stringify!($name), "` of the C library.")]
            ///
            /// # Safety
            /// As for that function.
            $visible unsafe extern "C" fn $name($(_: $argument),*) $(-> $result)? {
                naked_asm!(
                    concat!("mov ", $register, ", [rsp]"),
                    "jmp {to}",
                    to = sym $to,
                )
            }
        };
    }

    named!(pub(super) getrandom, "getrandom", super::draw, "rcx", (*mut u8, usize, u32) -> isize);
    named!(getentropy, "getentropy", super::draw_little, "rdx", (*mut u8, usize) -> c_int);
    named!(arc4random, "arc4random", super::draw_number, "rdi", () -> u32);
    named!(
        arc4random_buf,
        "arc4random_buf",
        super::draw_all,
        "rdx",
        (*mut u8, usize)
    );
    named!(arc4random_uniform, "arc4random_uniform", super::draw_below, "rsi", (u32) -> u32);
    // `std::random_device::operator()`, which else asks the processor.
    named!(random_device, "_ZNSt13random_device9_M_getvalEv", super::draw_device, "rsi", (usize) -> u32);

    /// `syscall`, which old libraries use for `getrandom`; every other call is made unchanged.
    #[unsafe(export_name = "syscall")]
    #[unsafe(naked)]
    unsafe extern "C" fn system_call(_: c_long) -> c_long {
        naked_asm!(
            "cmp rdi, {getrandom}",
            "je 2f",
            "mov rax, rdi",
            "mov rdi, rsi",
            "mov rsi, rdx",
            "mov rdx, rcx",
            "mov r10, r8",
            "mov r8, r9",
            "mov r9, [rsp + 8]",
            "syscall",
            "cmp rax, -4095",
            "jae 3f",
            "ret",
            "2:",
            "mov rdi, rsi",
            "mov rsi, rdx",
            "mov rdx, rcx",
            "mov rcx, [rsp]",
            "jmp {draw}",
            "3:",
            "mov rdi, rax",
            "jmp {fail}",
            getrandom = const libc::SYS_getrandom,
            draw = sym super::draw,
            fail = sym super::fail,
        )
    }
}
