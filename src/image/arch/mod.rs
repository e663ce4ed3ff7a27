//! What differs from processor to processor, a file for each: the call that returns twice, the jump into a
//! restored process, and what the processor can do. Who ports images begins here; the observer's
//! registers are in `observer/tracing`.

#[cfg(not(target_arch = "x86_64"))]
mod other;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use other::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;
