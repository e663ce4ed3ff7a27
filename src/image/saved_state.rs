//! State of a process outside its memory, read before the image is written and set again in each process that
//! is restored from it.

use std::ffi::{CStr, c_int, c_void};
use std::mem::{MaybeUninit, transmute};
use std::ptr;

use rustix::process::{Resource, getrlimit};

use super::branch::{self, Handoff};
use exchange::MetaVariables;

/// Signals for which the program has its own handlers, which a restored process must not keep.
const OF_THE_PROGRAM: [c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
    libc::SIGPIPE,
    libc::SIGXFSZ,
];

/// The state that the kernel keeps for a process.
pub struct Kept {
    actions: Vec<(c_int, libc::sigaction)>,
    stack: libc::stack_t,
    /// Where the C library has the thread's id.
    thread_id: Option<*mut i32>,
    robust_list: (usize, usize),
    /// Where the C library has the end of its heap.
    heap_end: *mut usize,
    /// Where the C library has the distance of the rseq area from the thread's block, if it has one. Looking it up
    /// in each restored process would cost twenty page faults.
    rseq_offset: *const isize,
    /// The stack limit, from which the C library computed the size of threads' stacks.
    stack_limit: Option<u64>,
}

impl Kept {
    /// Reads it; `None` for an unknown C library.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        let mut actions = Vec::new();
        for signal in 1..=libc::SIGRTMAX() {
            let mut action = MaybeUninit::zeroed();
            // SAFETY: nothing is changed; the action is written where the call succeeds.
            let action = unsafe {
                if libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) != 0 {
                    continue;
                }
                action.assume_init()
            };
            if action.sa_sigaction != libc::SIG_DFL || OF_THE_PROGRAM.contains(&signal) {
                actions.push((signal, action));
            }
        }
        let mut stack = MaybeUninit::zeroed();
        let (mut head, mut length) = (0_usize, 0_usize);
        // SAFETY: nothing is changed; what is zero is a valid value where a call fails.
        let stack = unsafe {
            libc::sigaltstack(ptr::null(), stack.as_mut_ptr());
            libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length);
            stack.assume_init()
        };
        let heap_end: *mut usize = symbol(c"__curbrk").cast();
        (!heap_end.is_null()).then_some(Self {
            actions,
            stack,
            thread_id: thread_id(),
            robust_list: (head, length),
            heap_end,
            rseq_offset: symbol(c"__rseq_offset").cast(),
            stack_limit: stack_limit(),
        })
    }

    /// Sets it again, in a process that has just been restored, before anything else.
    pub fn put_back(&self) {
        // SAFETY: the addresses are those that this very memory had when they were taken down.
        unsafe {
            let id = libc::syscall(libc::SYS_gettid);
            if let Some(place) = self.thread_id {
                *place = i32::try_from(id).unwrap_or(0);
                libc::syscall(libc::SYS_set_tid_address, place);
            }
            let (head, length) = self.robust_list;
            libc::syscall(libc::SYS_set_robust_list, head, length);
            for (signal, action) in &self.actions {
                libc::sigaction(*signal, action, ptr::null_mut());
            }
            libc::sigaltstack(&raw const self.stack, ptr::null_mut());
            // The kernel knows the heap of the program, not of the image, and `brk` would confuse the C
            // library. With this end, beyond all addresses, `brk` always fails, and the C library uses mmap.
            *self.heap_end = usize::MAX >> 17 & !0xfff;
            // Marks the rseq area as unregistered: the kernel no longer writes the CPU's number there.
            if !self.rseq_offset.is_null() {
                let area = usize::try_from(branch::thread_pointer()).unwrap_or(0);
                let processor = area.wrapping_add_signed(*self.rseq_offset) + 4;
                *std::ptr::with_exposed_provenance_mut::<i32>(processor) = -2;
            }
        }
        let limit = stack_limit();
        if limit != self.stack_limit {
            set_stack_of_threads(limit);
        }
    }
}

fn stack_limit() -> Option<u64> {
    getrlimit(Resource::Stack).current
}

/// Sets the default stack size of threads, as the C library does when a program starts (pthread_create(3));
/// before 2.18 it has no functions for it
/// (<https://man7.org/linux/man-pages/man3/pthread_setattr_default_np.3.html>).
fn set_stack_of_threads(limit: Option<u64>) {
    type Get = unsafe extern "C" fn(*mut libc::pthread_attr_t) -> c_int;
    type Set = unsafe extern "C" fn(*const libc::pthread_attr_t) -> c_int;
    const WITHOUT_LIMIT: u64 = 2 << 20;
    let get = symbol(c"pthread_getattr_default_np");
    let set = symbol(c"pthread_setattr_default_np");
    if get.is_null() || set.is_null() {
        return;
    }
    let size = usize::try_from(limit.unwrap_or(WITHOUT_LIMIT)).unwrap_or(0);
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: the functions have these signatures; the attributes are whole once the first call has
    // succeeded; a size that cannot be is refused.
    unsafe {
        let get = transmute::<*mut c_void, Get>(get);
        let set = transmute::<*mut c_void, Set>(set);
        if get(attributes.as_mut_ptr()) == 0 {
            let attributes = attributes.as_mut_ptr();
            libc::pthread_attr_setstacksize(attributes, size.max(libc::PTHREAD_STACK_MIN));
            set(attributes);
            libc::pthread_attr_destroy(attributes);
        }
    }
}

fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: the name is a C string.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// Where the C library stores the thread's ID: somewhere in its block for the thread.
fn thread_id() -> Option<*mut i32> {
    let block = usize::try_from(branch::thread_pointer()).ok()?;
    // SAFETY: the first word of the block is its own address; it is longer than what is looked at
    // (struct pthread has 2304 bytes, and is followed by the program's own).
    unsafe {
        let id = i32::try_from(libc::syscall(libc::SYS_gettid)).ok()?;
        (0x200..0x400)
            .step_by(4)
            .map(|offset| std::ptr::with_exposed_provenance_mut::<i32>(block + offset))
            .find(|&place| *place == id)
    }
}

/// The environment of the process that was started.
#[must_use]
pub fn environment(handoff: &Handoff) -> MetaVariables {
    let mut pairs = Vec::new();
    let mut next = handoff.environment;
    // SAFETY: the kernel's own list for this process, which ends with a null pointer.
    unsafe {
        while !(*next).is_null() {
            let entry = CStr::from_ptr(*next).to_bytes();
            if let Some(equals) = entry.iter().skip(1).position(|&byte| byte == b'=') {
                let (name, value) = entry.split_at(equals + 1);
                pairs.push((name.to_vec(), value[1..].to_vec()));
            }
            next = next.add(1);
        }
    }
    MetaVariables::from_pairs(pairs)
}
