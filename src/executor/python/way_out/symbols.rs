//! The functions by which a file of machine code can do nothing that anybody else would see: with memory,
//! with numbers, and what reads. Whatever is not listed counts as one that may do more.

/// What the names begin with: Python's own, those of the C++ runtime (operators, exceptions, `std::`), of the
/// linker, and those of C for memory and text.
const STARTS: &str = "Py _Py _Zn _Zd _ZSt _ZTI _ZTV __cxa_ _Unwind_ __gxx_ _ITM_ __gmon_ __stack_chk __tls_get \
    mem __mem str __str __isoc isal isdigit isspace isupper islower isxdigit pthread_mutex_";

/// Whole names.
const NAMES: &str = "abort __assert_fail bsearch calloc clock_gettime free gettimeofday gmtime gmtime_r localtime \
    localtime_r malloc mktime posix_memalign aligned_alloc qsort realloc reallocarray snprintf sprintf sscanf time \
    vsnprintf __snprintf_chk __sprintf_chk __vsnprintf_chk __ctype_b_loc __ctype_tolower_loc \
    __ctype_toupper_loc __errno_location tolower toupper setjmp _setjmp longjmp __sigsetjmp __longjmp_chk getenv \
    bcmp ffs labs abs div ldiv rand srand";

/// Those with numbers, which end in `f` or `l` for other kinds of them.
const OF_NUMBERS: &str = "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf exp exp2 expm1 fabs \
    floor fma fmax fmin fmod frexp hypot ldexp lgamma log log10 log1p log2 lrint modf nearbyint pow round sin sqrt \
    trunc";

/// What reads, and closes what was read.
const READING: &str = "access close closedir faccessat fclose fdopendir feof ferror fgets fileno fopen fopen64 fread fseek \
    fstat fstat64 fstatat fstatat64 fstatfs fstatfs64 ftell getcwd getpid lseek lseek64 lstat lstat64 open open64 \
    openat openat64 opendir pread pread64 read readdir readdir64 readlink readlinkat realpath rewind rewinddir \
    sigaddset sigemptyset sigfillset sigprocmask stat stat64 statfs statfs64 statx sysconf __fxstat __fxstat64 \
    __fxstatat __fxstatat64 __lxstat __lxstat64 __xstat __xstat64";

/// Whether a function of that name does nothing that anybody else would see.
pub(super) fn is_harmless(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let has = |list: &str, name: &str| list.split_ascii_whitespace().any(|known| known == name);
    let number = name.strip_suffix(['f', 'l']).unwrap_or(name);
    name.is_empty()
        || has(NAMES, name)
        || has(READING, name)
        || has(OF_NUMBERS, name)
        || has(OF_NUMBERS, number)
        || STARTS
            .split_ascii_whitespace()
            .any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_do_with_memory_or_reads_is_known() {
        for name in [
            "PyList_New",
            "memcpy",
            "__memcpy_chk",
            "_ZdlPv",
            "sqrtf",
            "strlen",
            "fopen64",
            "",
        ] {
            assert!(is_harmless(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn everything_else_may_do_more() {
        for name in [
            "write",
            "fwrite",
            "fputs",
            "unlink",
            "send",
            "sqlite3_close",
            "dlopen",
            "syscall",
            "fprintf",
        ] {
            assert!(!is_harmless(name.as_bytes()), "{name}");
        }
    }
}
