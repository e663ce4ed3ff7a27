//! How the server started this process, and how it is started once more for the same request.

use std::ffi::{CStr, CString, OsStr, OsString, c_char};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use exchange::MetaVariables;
use image::restore::TRIAL;
use process::{claim, program, times};
use settings::invocation::Evidence;

/// The variable by which this program tells itself how often it has tried to restore an image for a request.
const TRIES: &str = "WSGI_CGI_TRIES";

/// The most tries. Once in a thousand, something of this process is where the image has its stack.
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
    /// The address of the vDSO (`AT_SYSINFO_EHDR`).
    pub(crate) vdso_code: u64,
    /// When the program began, as returned by `times::now`.
    pub(crate) began: u64,
    tries: usize,
}

// SAFETY: the pointers are to strings of the kernel or of this program that are never changed nor freed.
unsafe impl Send for Started {}
// SAFETY: as above.
unsafe impl Sync for Started {}

impl Started {
    /// What is known of this process; the environment without this program's own variable.
    pub(crate) fn of_this_process(
        arguments: Vec<OsString>,
        mut environment: *const *const c_char,
    ) -> Self {
        let began = times::now();
        let tries = std::env::var(TRIES).map_or(0, |tries| tries.parse().unwrap_or(MOST));
        let variables = std::env::vars_os()
            .filter(|(name, _)| name != TRIES)
            .map(|(name, value)| (name.into_vec(), value.into_vec()));
        let meta = MetaVariables::from_pairs(variables);
        let mut list = Vec::new();
        let (mut executed, mut vdso_code) = (c"", 0);
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
                    (libc::AT_SYSINFO_EHDR, code) => vdso_code = code.addr() as u64,
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
            vdso_code,
            began,
            tries,
        }
    }

    /// Whether this program tried to restore an image for the same request before.
    pub(crate) fn is_again(&self) -> bool {
        self.tries > 0
    }

    /// Whether a process that was restored for this request could not start.
    pub(crate) fn is_given_up(&self) -> bool {
        self.tries > MOST
    }

    /// Whether an image is to be tried, and no request answered.
    pub(crate) fn is_trial(&self) -> bool {
        matches!(self.arguments.as_slice(), [mark, _] if mark == TRIAL)
    }

    /// Whether a server asks for an answer.
    pub(crate) fn is_a_request(&self) -> bool {
        !self.is_trial() && self.meta.is_cgi_request()
    }

    /// A copy with these variables added, unless they are already set.
    pub(crate) fn with_variables(&self, variables: Vec<(String, String)>) -> Self {
        let mut meta = self.meta.clone();
        let mut environment = self.environment.clone();
        for (name, value) in variables {
            if meta.value(name.as_bytes()).is_none()
                && let Ok(entry) = CString::new(format!("{name}={value}"))
            {
                meta.set(&name, value);
                // For a program that this process will execute.
                environment.insert(0, CString::into_raw(entry));
            }
        }
        Self {
            arguments: self.arguments.clone(),
            meta,
            environment,
            ..*self
        }
    }

    /// The evidence of who wrote which argument.
    pub(crate) fn evidence(&self) -> Evidence {
        let arguments = self.arguments.iter().skip(1).cloned().collect();
        Evidence::new(arguments, program::as_path(self.executed), program::path())
    }

    /// Starts this program again for the same request (exec); returns when that fails, or was done too often.
    pub(crate) fn try_again(&self) {
        if self.tries < MOST {
            let again = self.again(self.tries + 1);
            claim::take();
            exec(&again.program, &again.words, &again.environment);
        }
    }

    /// Starts this program again for the same request, without an image (exec); returns when that fails, or was done.
    pub(crate) fn start_without_image(&self) {
        if !self.is_given_up() {
            let again = self.without_image();
            // The process started in its place has another one beside it.
            claim::take();
            exec(&again.program, &again.words, &again.environment);
        }
    }

    /// The command for that.
    pub(super) fn without_image(&self) -> Again {
        self.again(MOST + 1)
    }

    fn again(&self, tries: usize) -> Again {
        let executed = self.executed;
        // The kernel adds the words of the `#!` line again: only those after the script's name are kept.
        let is_script = |word: &OsString| word.as_bytes() == executed.to_bytes();
        let place = self.arguments.iter().skip(1).take(2).position(is_script);
        let after = place.map_or(1, |place| place + 2);
        let words: Vec<CString> = [OsStr::from_bytes(executed.to_bytes())]
            .into_iter()
            .chain(self.arguments.iter().skip(after).map(OsString::as_os_str))
            .flat_map(|word| CString::new(word.as_bytes()))
            .collect();
        let mark = CString::new(format!("{TRIES}={tries}")).unwrap_or_default();
        let mut environment = self.environment.clone();
        environment.insert(0, mark.as_ptr());
        Again {
            program: executed.to_owned(),
            words,
            environment,
            _mark: mark,
        }
    }
}

/// A command that starts this program again for the same request.
pub(super) struct Again {
    pub(super) program: CString,
    pub(super) words: Vec<CString>,
    pub(super) environment: Vec<*const c_char>,
    /// Owns a string that the environment points to.
    _mark: CString,
}

/// A list as C has it.
pub(crate) fn pointers(words: &[CString]) -> Vec<*const c_char> {
    let pointers = words.iter().map(|word| word.as_ptr());
    pointers.chain([std::ptr::null()]).collect()
}

/// Becomes another program; returns when that fails.
pub(crate) fn exec(program: &CStr, words: &[CString], environment: &[*const c_char]) -> io::Error {
    let words = pointers(words);
    // SAFETY: the lists end with null pointers and live through the call.
    unsafe { libc::execve(program.as_ptr(), words.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
