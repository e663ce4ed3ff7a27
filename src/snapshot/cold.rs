//! The launcher's other way: the cold program takes its place, with everything as the server gave
//! it. That can be done up to the moment when a restored process begins to answer.

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::FileType;
use rustix::process::{PidfdFlags, getpid, pidfd_open};

use crate::exchange::MetaVariables;
use crate::freshness;
use crate::start::Wanted;

/// How often this program has tried to restore an image for a request; for itself alone.
const TRIES: &str = "WSGI_CGI_SNAP_TRIES";

/// Once in a thousand times something of this process is where the image has its stack.
const MOST: usize = 3;

/// How the server started this process.
pub(crate) struct Started {
    /// argv
    pub(crate) arguments: Vec<OsString>,
    /// The environment.
    pub(crate) meta: MetaVariables,
    /// The same, as C has it.
    pub(crate) environment: Vec<*const c_char>,
    /// The file that the kernel was asked to execute.
    pub(crate) executed: &'static CStr,
    /// Where the kernel has put its code (`AT_SYSINFO_EHDR`).
    pub(crate) kernel_code: u64,
    tries: usize,
}

impl Started {
    /// What is known of this process; the environment without this program's own variable.
    pub(crate) fn of_this_process(
        arguments: Vec<OsString>,
        mut environment: *const *const c_char,
    ) -> Self {
        let tries = std::env::var(TRIES).map_or(0, |tries| tries.parse().unwrap_or(MOST));
        let variables = std::env::vars_os()
            .filter(|(name, _)| name != TRIES)
            .map(|(name, value)| (name.into_vec(), value.into_vec()));
        let meta = MetaVariables::from_pairs(variables);
        let mut list = Vec::new();
        let (mut executed, mut kernel_code) = (c"", 0);
        // SAFETY: the kernel's own list, which ends with a null pointer; the auxiliary vector follows,
        // which ends with a zero.
        unsafe {
            while !(*environment).is_null() {
                let entry = CStr::from_ptr(*environment).to_bytes();
                if !entry.starts_with(TRIES.as_bytes()) {
                    list.push(*environment);
                }
                environment = environment.add(1);
            }
            let mut auxiliary = environment.add(1).cast::<(u64, *const c_char)>();
            while (*auxiliary).0 != 0 {
                match *auxiliary {
                    (libc::AT_EXECFN, name) => executed = CStr::from_ptr(name),
                    (libc::AT_SYSINFO_EHDR, code) => kernel_code = code.addr() as u64,
                    _ => {}
                }
                auxiliary = auxiliary.add(1);
            }
        }
        list.push(std::ptr::null());
        Self {
            arguments,
            meta,
            environment: list,
            executed,
            kernel_code,
            tries,
        }
    }

    /// Whether this program tried to restore an image for the same request before.
    pub(crate) fn is_again(&self) -> bool {
        self.tries > 0
    }

    /// Has the kernel start the same once more; returns when that fails, or was done too often.
    pub(crate) fn try_again(&self) {
        if self.tries >= MOST {
            return;
        }
        let executed = self.executed;
        // A script's words follow its name; the kernel adds again what stands before.
        let is_script = |word: &OsString| word.as_bytes() == executed.to_bytes();
        let place = self.arguments.iter().skip(1).take(2).position(is_script);
        let after = place.map_or(1, |place| place + 2);
        let words: Vec<CString> = [OsStr::from_bytes(executed.to_bytes())]
            .into_iter()
            .chain(self.arguments.iter().skip(after).map(OsString::as_os_str))
            .flat_map(|word| CString::new(word.as_bytes()))
            .collect();
        let Ok(mark) = CString::new(format!("{TRIES}={}", self.tries + 1)) else {
            return;
        };
        let mut list = self.environment.clone();
        list.insert(0, mark.as_ptr());
        exec(executed, &words, &list);
    }

    /// `wsgi-cgi` beside this program takes over; the exit status where it does not.
    pub(crate) fn become_cold(&self) -> c_int {
        let program = cold_program();
        let error = exec(&c_path(&program), &self.cold_words(), &self.environment);
        eprintln!(
            "wsgi-cgi-snap: `{}` cannot be started: {error}",
            program.display()
        );
        1
    }

    /// What the cold program is started with: the file that the kernel was asked for comes first.
    fn cold_words(&self) -> Vec<CString> {
        let executed = self.executed;
        let mut words = Vec::with_capacity(self.arguments.len() + 1);
        words.extend(CString::new([b"#!", executed.to_bytes()].concat()));
        let rest = self.arguments.iter().skip(1);
        words.extend(rest.flat_map(|word| CString::new(word.as_bytes())));
        words
    }

    /// Prepares the same for a process that has been restored and cannot begin. From now on a fatal
    /// signal leads there, until that process has its own way to deal with one.
    pub(crate) fn last_way_out(&self, image: &CStr, bad: &CStr) -> extern "C" fn() -> ! {
        let words = self.cold_words();
        _ = WAY_OUT.set(WayOut {
            program: c_path(&cold_program()),
            pointers: pointers(&words),
            _words: words,
            environment: self.environment.clone(),
            image: image.to_owned(),
            bad: bad.to_owned(),
        });
        // SAFETY: the memory is for this alone, and stays mapped.
        unsafe {
            let stack = libc::stack_t {
                ss_sp: (&raw mut SIGNAL_STACK).cast(),
                ss_flags: 0,
                ss_size: SIGNAL_STACK_SIZE,
            };
            libc::sigaltstack(&raw const stack, std::ptr::null_mut());
        }
        for signal in [
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGABRT,
        ] {
            let handler = on_fatal as extern "C" fn(c_int);
            // SAFETY: a structure of zeros is an action; the handler makes system calls only, and
            // its code stays mapped.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = handler as usize;
                action.sa_flags = libc::SA_NODEFER | libc::SA_RESETHAND | libc::SA_ONSTACK;
                libc::sigaction(signal, &raw const action, std::ptr::null_mut());
            }
        }
        leave
    }
}

struct WayOut {
    program: CString,
    /// To the words.
    pointers: Vec<*const c_char>,
    _words: Vec<CString>,
    environment: Vec<*const c_char>,
    image: CString,
    bad: CString,
}

// SAFETY: the pointers are to the words beside them and to the environment that the kernel gave,
// both of which stay as they are.
unsafe impl Send for WayOut {}
// SAFETY: as above.
unsafe impl Sync for WayOut {}

/// A process that was restored badly may have no other.
const SIGNAL_STACK_SIZE: usize = 64 << 10;
static mut SIGNAL_STACK: [u8; SIGNAL_STACK_SIZE] = [0; SIGNAL_STACK_SIZE];

static WAY_OUT: OnceLock<WayOut> = OnceLock::new();

extern "C" fn on_fatal(_: c_int) {
    if let Some(way_out) = WAY_OUT.get() {
        _ = rustix::fs::rename(way_out.image.as_c_str(), way_out.bad.as_c_str());
    }
    leave()
}

/// Says why a request is cold, where there is a log that is not the response: mini_httpd and others
/// make one pipe of both. Safe in a signal handler.
pub(crate) fn say(reason: &[u8]) {
    let (log, response) = (rustix::stdio::stderr(), rustix::stdio::stdout());
    if let (Ok(one), Ok(other)) = (rustix::fs::fstat(log), rustix::fs::fstat(response))
        && [FileType::Fifo, FileType::Socket].contains(&FileType::from_raw_mode(one.st_mode))
        && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
    {
        return;
    }
    let line = [
        IoSlice::new(b"wsgi-cgi-snap: a cold request: "),
        IoSlice::new(reason),
        IoSlice::new(b"\n"),
    ];
    // A log that cannot be written is no reason to fail.
    _ = rustix::io::writev(log, &line);
}

/// Called in a process that has another C library's idea of a thread.
extern "C" fn leave() -> ! {
    say(b"the restored process could not begin");
    // SAFETY: the lists end with null pointers and are never freed.
    unsafe {
        if let Some(way_out) = WAY_OUT.get() {
            let (words, environment) = (way_out.pointers.as_ptr(), way_out.environment.as_ptr());
            libc::execve(way_out.program.as_ptr(), words, environment);
        }
        libc::_exit(1)
    }
}

const INTERFACE: &[u8] = b"GATEWAY_INTERFACE";

/// Has an image made by a process of its own, once this one has answered as the cold program. That
/// process is no child of this one: an application may wait for all of its children.
pub(crate) fn make_after_this(wanted: &Wanted, meta: &MetaVariables, now: u64) {
    let mut words: Vec<OsString> = ["wsgi-cgi", "snapshot", "make", "--here"]
        .into_iter()
        .map(OsString::from)
        .collect();
    words.push(format!("--unless-since={}", now + 1).into());
    // With this variable it would be a request itself.
    if let Some(interface) = meta.value(INTERFACE) {
        let mut word = OsString::from("--gateway-interface=");
        word.push(OsStr::from_bytes(interface));
        words.push(word);
    }
    for option in &wanted.options {
        let mut word = OsString::from("--option=");
        word.push(option);
        words.push(word);
    }
    words.push("--".into());
    words.push(wanted.script.clone().into());
    let words: Vec<CString> = words
        .into_iter()
        .flat_map(|word| CString::new(word.into_vec()))
        .collect();
    let around: Vec<CString> = meta
        .iter()
        .filter(|(name, _)| freshness::is_of_the_surroundings(name) && *name != INTERFACE)
        .flat_map(|(name, value)| CString::new([name, b"=", value].concat()))
        .collect();
    let program = c_path(&cold_program());
    let Ok(this) = pidfd_open(getpid(), PidfdFlags::empty()) else {
        return;
    };
    // SAFETY: this process has one thread, and each of the others goes on alone.
    unsafe {
        match libc::fork() {
            0 => {}
            -1 => return,
            child => {
                libc::waitpid(child, std::ptr::null_mut(), 0);
                return;
            }
        }
        // The server waits for the end of its pipes, and may end its own group of processes.
        if libc::setsid() == -1 || libc::fork() != 0 || let_go(this.as_raw_fd()).is_err() {
            libc::_exit(0);
        }
    }
    _ = rustix::event::poll(&mut [PollFd::new(&this, PollFlags::IN)], None);
    drop(this);
    exec(&program, &words, &pointers(&around));
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}

/// Closes everything that the server gave, but for one descriptor of our own.
fn let_go(own: c_int) -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(null.as_fd())?;
    rustix::stdio::dup2_stdout(null.as_fd())?;
    rustix::stdio::dup2_stderr(null.as_fd())?;
    let own = u32::try_from(own).map_err(io::Error::other)?;
    // SAFETY: nothing in this process uses the descriptors any more; `null` is closed here.
    unsafe {
        std::mem::forget(null);
        if own > 3 {
            libc::syscall(libc::SYS_close_range, 3, own - 1, 0);
        }
        libc::syscall(libc::SYS_close_range, own + 1, u32::MAX, 0);
    }
    Ok(())
}

fn cold_program() -> PathBuf {
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    program.with_file_name("wsgi-cgi")
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// A list as C has it.
fn pointers(words: &[CString]) -> Vec<*const c_char> {
    let pointers = words.iter().map(|word| word.as_ptr());
    pointers.chain([std::ptr::null()]).collect()
}

/// Becomes another program; returns when that fails.
fn exec(program: &CStr, words: &[CString], environment: &[*const c_char]) -> io::Error {
    let words = pointers(words);
    // SAFETY: the lists end with null pointers and live through the call.
    unsafe { libc::execve(program.as_ptr(), words.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
