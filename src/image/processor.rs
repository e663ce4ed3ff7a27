//! What the processor can do: libraries choose their code by it when they are loaded.

/// Its features, as numbers that are equal where they are.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn features() -> [u32; 8] {
    use std::arch::x86_64::__cpuid_count;
    // What there is, without the number of the core; then how the kernel has set it up.
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

/// Elsewhere the kernel tells all.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn features() -> [usize; 2] {
    let (one, other) = rustix::param::linux_hwcap();
    [one, other]
}
