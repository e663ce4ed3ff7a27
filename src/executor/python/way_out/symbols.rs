//! Functions that have no effect outside of the process: for memory, text and numbers, and for reading.
//! A library that imports only these can do nothing that others would notice. A function that is not
//! listed counts as one with an effect.

/// Prefixes: functions of Python, of the C++ runtime (operators, exceptions, `std::`), of the linker,
/// and for threads, which only run code of the same library. A library could write through Python's
/// functions; no deallocator is known that does.
const STARTS: &str = "Py _Py _Zn _Zd _ZSt _ZTI _ZTV __cxa_ _Unwind_ __gxx_ _ITM_ __gmon_ __stack_chk __tls_get __isoc \
    pthread_";

/// Whole names; for those in `CHECKED`, `__NAME_chk` counts too.
const NAMES: &str = "abort __assert_fail bsearch calloc clock clock_gettime free gettimeofday gmtime gmtime_r localtime \
    localtime_r malloc mktime posix_memalign aligned_alloc qsort realloc reallocarray time __ctype_b_loc \
    __ctype_tolower_loc __ctype_toupper_loc __errno_location tolower toupper setjmp _setjmp longjmp __sigsetjmp \
    __longjmp_chk getenv bcmp ffs labs abs div ldiv rand srand isalnum isalpha isdigit isspace isupper islower \
    isxdigit sched_yield";
const CHECKED: &str = "memchr memcmp memcpy memmem memmove mempcpy memrchr memset snprintf sprintf sscanf stpcpy \
    stpncpy strcasecmp strcat strchr strchrnul strcmp strcoll strcpy strcspn strdup strerror strerror_r strftime \
    strlen strncasecmp strncat strncmp strncpy strndup strnlen strpbrk strrchr strsep strspn strstr strtod strtof \
    strtok strtok_r strtol strtold strtoll strtoul strtoull strxfrm vsnprintf vsprintf xpg_strerror_r";

/// Functions for numbers; with the suffix `f` or `l` too.
const OF_NUMBERS: &str = "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf exp exp2 expm1 fabs \
    floor fma fmax fmin fmod frexp hypot ldexp lgamma log log10 log1p log2 lrint modf nearbyint pow round sin sqrt \
    trunc";

/// Functions that read, and close what was read.
const READING: &str = "access close closedir faccessat fclose fdopendir feof ferror fgets fileno fopen fopen64 fread fseek \
    fstat fstat64 fstatat fstatat64 fstatfs fstatfs64 ftell getcwd getpid lseek lseek64 lstat lstat64 open open64 \
    openat openat64 opendir pread pread64 read readdir readdir64 readlink readlinkat realpath rewind rewinddir \
    sigaddset sigemptyset sigfillset sigprocmask stat stat64 statfs statfs64 statx sysconf __fxstat __fxstat64 \
    __fxstatat __fxstatat64 __lxstat __lxstat64 __xstat __xstat64";

/// Functions that write to a C stream, which can only be standard error if the library imports no
/// function that opens one.
const STREAMS: &str = "exit fflush fprintf fputc fputs fwrite printf putc putchar puts stderr stdout vfprintf \
    __fprintf_chk __printf_chk __vfprintf_chk";
const OPENING: &str =
    "fdopen fmemopen fopen fopen64 freopen freopen64 open_memstream popen tmpfile tmpfile64";

/// Whether a library that imports these functions has no effect outside of the process.
pub(super) fn are_harmless<'a>(names: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
    let opens = names.clone().any(|name| has(OPENING, name));
    let mut names = names;
    names.all(|name| is_harmless(name) || !opens && has(STREAMS, name))
}

fn has(list: &str, name: &[u8]) -> bool {
    let mut known = list.split_ascii_whitespace();
    known.any(|known| known.as_bytes() == name)
}

fn is_harmless(name: &[u8]) -> bool {
    let number = match name {
        [number @ .., b'f' | b'l'] => number,
        name => name,
    };
    let unchecked = name.strip_prefix(b"__").unwrap_or(name);
    let unchecked = unchecked.strip_suffix(b"_chk").unwrap_or(unchecked);
    let mut starts = STARTS.split_ascii_whitespace();
    name.is_empty()
        || has(NAMES, name)
        || has(CHECKED, unchecked)
        || has(READING, name)
        || has(OF_NUMBERS, name)
        || has(OF_NUMBERS, number)
        || starts.any(|start| name.starts_with(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harmless(names: &str) -> bool {
        are_harmless(names.split(' ').map(str::as_bytes))
    }

    #[test]
    fn functions_for_memory_and_reading_are_harmless() {
        assert!(harmless(
            "PyList_New memcpy __memcpy_chk _ZdlPv sqrtf strlen fopen64 fclose"
        ));
        assert!(harmless(""));
    }

    #[test]
    fn other_functions_are_not_harmless() {
        for name in [
            "write",
            "memcached_quit",
            "memfd_create",
            "sem_unlink",
            "unlink",
            "send",
            "sqlite3_close",
            "dlopen",
            "syscall",
            "rename",
            "mmap",
        ] {
            assert!(!harmless(name), "{name}");
        }
    }

    #[test]
    fn writing_to_a_stream_is_harmless_unless_one_is_opened() {
        assert!(harmless("fprintf stderr memcpy"));
        assert!(!harmless("fprintf stderr fopen"));
    }
}
