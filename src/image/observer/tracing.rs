//! The observer's main loop: it starts the maker, sees each of its system calls (ptrace(2)), answers its
//! questions, and ends with it.

use std::collections::{HashMap, HashSet};
use std::ffi::{c_int, c_ulong};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context, Result};

use super::super::format::How;
use super::super::freshness;
use super::Step;
use super::calls::{self, Act, Call, Named, Other};
use super::questions::{BEGIN, ELSEWHERE, END, LEAVE, MARK, NAMES, NONE, VALUE};
use super::seen::{self, Looks, Seen};
use super::tracee::{file_of, opened, path, process_of, read, registers, request, write};
use exchange::MetaVariables;

/// Starts a process and observes it until it dismisses the observer; returns its exit status, as a shell
/// reports it. Where tracing is forbidden, the process runs unobserved.
///
/// # Errors
/// When it cannot be started.
pub fn observe(
    mut command: Command,
    variables: &MetaVariables,
    on_step: &mut dyn FnMut(Step),
) -> Result<i32> {
    // SAFETY: one system call, in the child before it becomes the program.
    unsafe {
        command.pre_exec(|| {
            // Where that is forbidden, the process finds its questions unanswered, and reports that.
            libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
            Ok(())
        });
    }
    let child = command
        .spawn()
        .context("cannot start the process that loads the application")?;
    let process = c_int::try_from(child.id())?;
    LOADING.store(process, Ordering::Release);
    // SAFETY: the handler makes two system calls and nothing else.
    unsafe {
        let handler = end_both as extern "C" fn(c_int);
        libc::signal(libc::SIGALRM, handler as libc::sighandler_t);
        libc::alarm(LONGEST);
    }
    let mut observer = Observer {
        process,
        variables,
        on_step,
        counts: false,
        ended: false,
        threads: HashMap::new(),
        listing: HashSet::new(),
        writing: HashMap::new(),
        programs: 0,
        asked: Vec::new(),
        seen: Seen::default(),
    };
    let ended = observer.run();
    // SAFETY: takes a number.
    unsafe { libc::alarm(0) };
    ended
}

/// The process that loads.
static LOADING: AtomicI32 = AtomicI32::new(0);

/// Kills a process that takes too long, even one that is no longer observed, and ends this one.
extern "C" fn end_both(_: c_int) {
    // SAFETY: two system calls, which a signal handler may make.
    unsafe {
        libc::kill(LOADING.load(Ordering::Acquire), libc::SIGKILL);
        libc::_exit(128 + libc::SIGALRM);
    }
}

/// The signal of a stop at a system call.
const AT_CALL: c_int = libc::SIGTRAP | 0x80;

/// The most time that loading may take, in seconds.
const LONGEST: u32 = 600;

/// The state of an observed thread.
#[derive(Default)]
struct Thread {
    /// Its process: the maker, or a fork of it that has not become another program.
    process: c_int,
    /// Whether it is within a system call.
    inside: bool,
    /// The paths that the call writes to, looked at again when it returns.
    wrote: Vec<Vec<u8>>,
    /// Whether the call opens them.
    opens: bool,
}

struct Observer<'a> {
    process: c_int,
    variables: &'a MetaVariables,
    /// Called at each step.
    on_step: &'a mut dyn FnMut(Step),
    /// Whether looks are taken down.
    counts: bool,
    ended: bool,
    threads: HashMap<c_int, Thread>,
    /// Processes and descriptors of folders whose entries are being read.
    listing: HashSet<(c_int, c_int)>,
    /// Processes and descriptors that were opened for writing.
    writing: HashMap<(c_int, c_int), Vec<u8>>,
    /// How many copies of the process that loads have become other programs.
    programs: u64,
    /// The variables that copies of it asked for, each followed by a zero.
    asked: Vec<u8>,
    seen: Seen,
}

impl Observer<'_> {
    fn run(&mut self) -> Result<i32> {
        loop {
            let mut status = 0;
            // SAFETY: writes a number; this process waits for nobody else.
            let thread = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
            if thread == -1 {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error)
                    .context("cannot wait for the process that loads the application");
            }
            if libc::WIFSTOPPED(status) {
                self.stopped(thread, status);
                continue;
            }
            self.threads.remove(&thread);
            if thread == self.process {
                self.let_go();
                return Ok(if libc::WIFEXITED(status) {
                    libc::WEXITSTATUS(status)
                } else {
                    128 + libc::WTERMSIG(status)
                });
            }
        }
    }

    /// Detaches from processes that the maker has left running (a daemon, perhaps): each thread is stopped by a
    /// signal, which it does not receive.
    fn let_go(&mut self) {
        for (thread, state) in self.threads.drain() {
            let mut status = 0;
            // SAFETY: a signal for a thread that this process observes, and the wait for it.
            unsafe {
                libc::syscall(libc::SYS_tgkill, state.process, thread, libc::SIGWINCH);
                libc::waitpid(thread, &raw mut status, libc::__WALL);
            }
            let signal = if libc::WIFSTOPPED(status) {
                libc::WSTOPSIG(status)
            } else {
                0
            };
            let is_its_own =
                status >> 16 == 0 && !matches!(signal, libc::SIGWINCH | libc::SIGTRAP | AT_CALL);
            request(
                libc::PTRACE_DETACH,
                thread,
                if is_its_own { signal } else { 0 },
            );
        }
    }

    fn stopped(&mut self, thread: c_int, status: c_int) {
        let signal = libc::WSTOPSIG(status);
        let is_event = status >> 16 != 0;
        let is_new = !self.threads.contains_key(&thread);
        let state = self.threads.entry(thread).or_insert_with(|| Thread {
            process: process_of(thread).unwrap_or(thread),
            ..Thread::default()
        });
        // Other programs are not observed.
        let is_another = status >> 16 == libc::PTRACE_EVENT_EXEC && state.process != self.process;
        self.programs += u64::from(is_another && self.counts);
        let mut passed_on = 0;
        if signal == AT_CALL {
            state.inside = !state.inside;
            if state.inside {
                self.entered(thread);
            } else {
                self.left(thread);
            }
        } else if is_new {
            // A program that has just begun, or a thread's first moment.
            let options = libc::PTRACE_O_TRACESYSGOOD
                | libc::PTRACE_O_TRACECLONE
                | libc::PTRACE_O_TRACEFORK
                | libc::PTRACE_O_TRACEVFORK
                | libc::PTRACE_O_TRACEEXEC
                | libc::PTRACE_O_EXITKILL;
            request(libc::PTRACE_SETOPTIONS, thread, options);
        } else if !is_event {
            passed_on = signal;
        }
        let next = if self.ended || is_another {
            libc::PTRACE_DETACH
        } else {
            libc::PTRACE_SYSCALL
        };
        request(next, thread, passed_on);
    }

    fn entered(&mut self, thread: c_int) {
        let Some(registers) = registers(thread) else {
            return;
        };
        let number = registers.orig_rax;
        let arguments = [
            registers.rdi,
            registers.rsi,
            registers.rdx,
            registers.r10,
            registers.r8,
            registers.r9,
        ];
        let is_question = number == libc::SYS_prctl.cast_unsigned() && arguments[0] == MARK;
        if is_question {
            self.answer(thread, &arguments);
        } else if self.counts {
            self.take_down(thread, number, arguments, registers.rip);
        }
    }

    fn take_down(&mut self, thread: c_int, number: u64, arguments: [u64; 6], place: u64) {
        match calls::call(number, arguments) {
            Call::One(named) => self.named(thread, named),
            Call::Two(one, other) => {
                self.named(thread, one);
                self.named(thread, other);
            }
            Call::Other(Other::List(folder)) => {
                let process = self.process_of(thread);
                if self.listing.insert((process, folder))
                    && let Some(path) = opened(thread, folder)
                {
                    looks_at(&mut self.seen, path).listed += 1;
                }
            }
            Call::Other(Other::Close(descriptor)) => {
                let known = (self.process_of(thread), descriptor);
                self.listing.remove(&known);
                if let Some(path) = self.writing.remove(&known) {
                    self.wrote(thread, path);
                }
            }
            // Draws through the C library's functions are recorded by the maker itself (`draws`).
            Call::Other(Other::Draw) => {
                if self.process_of(thread) == self.process {
                    self.seen.drew.extend(file_of(thread, place));
                }
            }
            Call::Other(Other::Inherited(what)) => {
                self.seen.inherited.insert(what);
            }
            // That of a forked process does not matter.
            Call::Other(Other::Hidden(what)) => {
                if self.process_of(thread) == self.process {
                    self.seen.hidden.insert(what);
                }
            }
            Call::None => {}
        }
    }

    fn named(&mut self, thread: c_int, named: Named) {
        let Some(path) = path(thread, &named) else {
            return;
        };
        let looks = looks_at(&mut self.seen, path.clone());
        // The maker's own content does not count, unless it was added to older content.
        let is_news = looks.own.is_none() || looks.adds;
        match named.act {
            Act::Open(flags) => {
                let flags = c_int::try_from(flags & 0xffff_ffff).unwrap_or(0);
                let access = flags & libc::O_ACCMODE;
                if flags & libc::O_PATH != 0 {
                    looks.asked += 1;
                    looks.looked |= is_news;
                } else if access == libc::O_RDONLY && flags & libc::O_CREAT == 0 {
                    looks.opened += 1;
                    looks.looked |= is_news;
                } else {
                    // A new file has no content to read. With `O_EXCL`, or without `O_CREAT`, the result
                    // tells whether the file existed.
                    let is_alone =
                        flags & (libc::O_CREAT | libc::O_EXCL) == libc::O_CREAT | libc::O_EXCL;
                    let is_new = is_alone || flags & libc::O_TRUNC != 0;
                    let reads = access == libc::O_RDWR && !is_new;
                    let has_to_be_there = flags & libc::O_CREAT == 0;
                    looks.opened += u64::from(reads);
                    looks.tried += u64::from(has_to_be_there);
                    looks.looked |= is_news && (reads || has_to_be_there || is_alone);
                    looks.adds |= looks.own.is_none() && !is_new;
                    self.wrote(thread, path);
                    self.threads.entry(thread).or_default().opens = true;
                }
            }
            Act::Replace => self.wrote(thread, path),
            Act::Change => {
                looks.tried += u64::from(is_news);
                looks.looked |= is_news;
                self.wrote(thread, path);
            }
            look => {
                *match look {
                    Act::AskItself => &mut looks.asked_itself,
                    Act::ReadLink => &mut looks.read_link,
                    Act::Try => &mut looks.tried,
                    _ => &mut looks.asked,
                } += 1;
                looks.looked |= is_news;
            }
        }
    }

    fn wrote(&mut self, thread: c_int, path: Vec<u8>) {
        self.threads.entry(thread).or_default().wrote.push(path);
    }

    /// A call has returned: the present state of what it wrote to is the maker's own.
    fn left(&mut self, thread: c_int) {
        let Some(state) = self.threads.get_mut(&thread) else {
            return;
        };
        let (opens, process) = (std::mem::take(&mut state.opens), state.process);
        for path in std::mem::take(&mut state.wrote) {
            self.own(&path);
            let opened =
                registers(thread).and_then(|registers| c_int::try_from(registers.rax).ok());
            if let (true, Some(descriptor)) = (opens, opened) {
                self.writing.insert((process, descriptor), path);
            }
        }
    }

    fn own(&mut self, path: &[u8]) {
        let stamp = freshness::stamp_of(path).unwrap_or_default();
        looks_at(&mut self.seen, path.to_vec()).own = Some(stamp);
    }

    fn process_of(&self, thread: c_int) -> c_int {
        self.threads
            .get(&thread)
            .map_or(thread, |state| state.process)
    }

    fn answer(&mut self, thread: c_int, &[_, question, buffer, length, room, _]: &[u64; 6]) {
        let text = || {
            let length = usize::try_from(length)
                .ok()
                .filter(|&length| length <= 1 << 20)?;
            let mut text = vec![0; length];
            read(thread, buffer + 8, &mut text).then_some(text)
        };
        let answer: Option<Vec<u8>> = match question as c_ulong {
            BEGIN => {
                self.counts = true;
                (self.on_step)(Step::Loads);
                Some(Vec::new())
            }
            VALUE => text().and_then(|name| {
                if self.process_of(thread) != self.process {
                    self.asked.extend_from_slice(&name);
                    self.asked.push(0);
                }
                let is_given = freshness::does_not_belong_to_a_request(&name);
                let value = self.variables.value(&name).filter(|_| is_given);
                value.map(<[u8]>::to_vec)
            }),
            NAMES => {
                let names = self.variables.iter().map(|(name, _)| name);
                let given =
                    names.filter(|name| freshness::is_neither_of_a_request_nor_the_server(name));
                Some(given.flat_map(|name| [name, b"\0"].concat()).collect())
            }
            ELSEWHERE => Some([&self.programs.to_le_bytes()[..], &self.asked].concat()),
            END => {
                // The present state of what is still open for writing is the maker's own too.
                let writing: Vec<_> = self.writing.values().cloned().collect();
                for path in &writing {
                    self.own(path);
                }
                let list = seen::encode(&self.seen);
                self.counts = false;
                self.ended = list.len() as u64 <= room;
                if self.ended {
                    (self.on_step)(Step::IsWritten);
                }
                Some(list)
            }
            LEAVE => {
                let given = self.variables.iter();
                let given = given.filter(|(name, _)| freshness::does_not_belong_to_a_request(name));
                let list: Vec<u8> = given
                    .flat_map(|(name, value)| [name, b"\0", value, b"\0"].concat())
                    .collect();
                self.ended = list.len() as u64 <= room;
                Some(list)
            }
            _ => None,
        };
        let words = match answer {
            None => NONE.to_le_bytes().to_vec(),
            Some(answer) => {
                let mut words = (answer.len() as u64).to_le_bytes().to_vec();
                if answer.len() as u64 <= room {
                    words.extend_from_slice(&answer);
                }
                words
            }
        };
        write(thread, buffer, &words);
    }
}

/// The record of a path; created when a call first names it.
fn looks_at(seen: &mut Seen, path: Vec<u8>) -> &mut Looks {
    seen.paths.entry(path).or_insert_with_key(|path| Looks {
        first: freshness::look_at(path, How::Whole),
        first_itself: freshness::look_at(path, How::Link),
        ..Looks::default()
    })
}
