//! What differs between processors, a file for each: the call that returns twice, the jump into a restored
//! process, and the processor's features. To port images, begin here; the observer's registers are in
//! `observer/tracing`.

#[cfg(not(target_arch = "x86_64"))]
mod other;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use other::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;
