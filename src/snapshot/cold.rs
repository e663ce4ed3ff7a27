//! The launcher's other way: the cold program takes its place, with everything as the server gave
//! it. That can be done up to the moment when a restored process begins to answer.

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};

use crate::exchange::MetaVariables;
use crate::filter;
use crate::freshness;
use crate::place;
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

    /// `wsgi-cgi` beside this program takes over, which knows where the log is and writes why it had
    /// to; the exit status where it does not, after an answer that says so.
    pub(crate) fn become_cold(&self, why: &[u8]) -> c_int {
        let found = self.cold_program();
        let error = found
            .as_ref()
            .map(|program| exec(&c_path(program), &self.cold_words(why), &self.environment));
        if !why.is_empty() {
            write_line(why);
        }
        if let (Some(program), Some(error)) = (found, error) {
            let program = place::shown(program.as_os_str().as_bytes());
            eprintln!("wsgi-cgi-snap: `{program}` cannot be started: {error}");
        } else {
            eprintln!(
                "wsgi-cgi-snap: `wsgi-cgi`, which answers without an image, is not found beside this \
                 program: name this program by its absolute path in the script's first line"
            );
        }
        if self.meta.are_of_cgi() {
            give_up();
        }
        1
    }

    /// `wsgi-cgi` beside this program, whose place the kernel tells in one of three ways; never in
    /// the folder of a script.
    fn cold_program(&self) -> Option<PathBuf> {
        let executed = OsStr::from_bytes(self.executed.to_bytes());
        let is_script = self
            .arguments
            .iter()
            .skip(1)
            .take(2)
            .any(|word| word == executed);
        let named = if is_script {
            // The interpreter that the script's first line names.
            self.arguments.first().map(PathBuf::from)
        } else {
            Some(PathBuf::from(executed))
        };
        let named = named.filter(|name| name.is_absolute());
        fs::read_link("/proc/self/exe")
            .ok()
            .into_iter()
            .chain(named.and_then(|name| fs::canonicalize(name).ok()))
            .filter(|name| name.is_absolute())
            .map(|name| name.with_file_name("wsgi-cgi"))
            .find(|program| program.is_file())
    }

    /// What the cold program is started with: the file that the kernel was asked for comes first, and
    /// in a line of its own why.
    fn cold_words(&self, why: &[u8]) -> Vec<CString> {
        let executed = self.executed;
        let why = why.trim_ascii_end();
        let mut words = Vec::with_capacity(self.arguments.len() + 1);
        words.extend(CString::new(
            [b"#!", executed.to_bytes(), b"\n", why].concat(),
        ));
        let rest = self.arguments.iter().skip(1);
        words.extend(rest.flat_map(|word| CString::new(word.as_bytes())));
        words
    }

    /// Prepares the same for a process that has been restored and cannot begin. From now on a fatal
    /// signal leads there, until that process has its own way to deal with one.
    /// The names are those of the image, of one that is bad, and of what counts its crashes.
    pub(crate) fn last_way_out(&self, names: &[CString; 3], script: &[u8]) -> extern "C" fn() -> ! {
        let words = self.cold_words(b"");
        _ = WAY_OUT.set(WayOut {
            program: c_path(&self.cold_program().unwrap_or_default()),
            pointers: pointers(&words),
            _words: words,
            environment: self.environment.clone(),
            names: names.clone(),
            line: line("the restored process could not begin", script),
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
    names: [CString; 3],
    line: Vec<u8>,
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
    if let Some(WayOut { names, .. }) = WAY_OUT.get() {
        let [image, bad, crashes] = names;
        // Of several that die of one image at a time the first counts.
        if rustix::fs::rename(image.as_c_str(), bad.as_c_str()).is_err() {
            leave()
        }
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if let Ok(file) = rustix::fs::open(crashes.as_c_str(), flags, Mode::RUSR | Mode::WUSR) {
            _ = rustix::io::write(&file, b".");
        }
    }
    leave()
}

/// Why a request is cold, in a line: the reason and the script, unless it is named there.
pub(crate) fn line(reason: &str, script: &[u8]) -> Vec<u8> {
    let (reason, script) = (place::shown(reason.as_bytes()), place::shown(script));
    let mut line = format!("wsgi-cgi-snap: a cold request: {reason}");
    if !script.is_empty() && !reason.contains(&script) {
        line.push_str(" (`");
        line.push_str(&script);
        line.push_str("`)");
    }
    line.push('\n');
    line.into_bytes()
}

/// Writes to the log, where that is not the response: mini_httpd and others make one pipe of both.
/// Safe in a signal handler.
fn write_line(line: &[u8]) {
    let (log, response) = (rustix::stdio::stderr(), rustix::stdio::stdout());
    if let (Ok(one), Ok(other)) = (rustix::fs::fstat(log), rustix::fs::fstat(response))
        && [FileType::Fifo, FileType::Socket].contains(&FileType::from_raw_mode(one.st_mode))
        && (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
    {
        return;
    }
    // A log that cannot be written is no reason to fail.
    _ = rustix::io::write(log, line);
}

/// A whole answer where there is no program to give one. Safe in a signal handler.
fn give_up() {
    const ANSWER: &[u8] = b"Status: 500 Internal Server Error\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Length: 59\r\n\r\n\
        This request could not be answered. The log tells the rest\n";
    _ = rustix::io::write(rustix::stdio::stdout(), ANSWER);
}

/// Called in a process that has another C library's idea of a thread.
extern "C" fn leave() -> ! {
    if let Some(way_out) = WAY_OUT.get() {
        write_line(&way_out.line);
        let (words, environment) = (way_out.pointers.as_ptr(), way_out.environment.as_ptr());
        // SAFETY: the lists end with null pointers and are never freed.
        unsafe { libc::execve(way_out.program.as_ptr(), words, environment) };
    }
    give_up();
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}

const INTERFACE: &[u8] = b"GATEWAY_INTERFACE";

/// Has an image made by a process of its own, once this one has answered as the cold program. That
/// process is no child of this one: an application may wait for all of its children.
pub(crate) fn make_after_this(wanted: &Wanted, started: &Started, now: u64) {
    let Some(program) = started.cold_program() else {
        return;
    };
    let program = c_path(&program);
    let mut words: Vec<OsString> = ["wsgi-cgi", "snapshot", "make", "--here"]
        .into_iter()
        .map(OsString::from)
        .collect();
    words.push(format!("--unless-since={}", now + 1).into());
    if wanted.folder.is_absolute() {
        words.push("--cache-dir".into());
        words.push(wanted.folder.clone().into());
    }
    // With this variable it would be a request itself.
    if let Some(interface) = started.meta.value(INTERFACE) {
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
    let around: Vec<CString> = started
        .meta
        .iter()
        .filter(|(name, _)| freshness::is_of_the_surroundings(name) && *name != INTERFACE)
        .flat_map(|(name, value)| CString::new([name, b"=", value].concat()))
        .collect();
    let this = getpid();
    let handle = if filter::is_on() {
        None
    } else {
        pidfd_open(this, PidfdFlags::empty()).ok()
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
        let own = handle.as_ref().map(AsRawFd::as_raw_fd);
        if libc::setsid() == -1 || libc::fork() != 0 || let_go(own).is_err() {
            libc::_exit(0);
        }
    }
    if let Some(handle) = handle {
        _ = rustix::event::poll(&mut [PollFd::new(&handle, PollFlags::IN)], None);
    } else {
        wait_for_the_end(this);
    }
    exec(&program, &words, &pointers(&around));
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}

/// Waits as older systems can: by asking. A request that goes on for long may take a while longer to
/// be followed.
fn wait_for_the_end(process: Pid) {
    let mut pause = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    while waited < LONGEST_REQUEST && rustix::process::test_kill_process(process).is_ok() {
        std::thread::sleep(pause);
        waited += pause;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// After that another process may have the number.
const LONGEST_REQUEST: Duration = Duration::from_secs(3600);

/// Closes everything that the server gave, but for one descriptor of our own.
fn let_go(own: Option<c_int>) -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(null.as_fd())?;
    rustix::stdio::dup2_stdout(null.as_fd())?;
    rustix::stdio::dup2_stderr(null.as_fd())?;
    // Closed here with all the others, which nothing in this process uses any more.
    std::mem::forget(null);
    match own {
        Some(own) => {
            let own = u32::try_from(own).map_err(io::Error::other)?;
            filter::close(3, own.saturating_sub(1));
            filter::close(own + 1, u32::MAX);
        }
        None => filter::close(3, u32::MAX),
    }
    Ok(())
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
