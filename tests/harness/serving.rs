//! `wsgi-cgi serve` as a person runs it: a cleared environment, a folder of its own, any free
//! port, and strict defaults: it ends with status 0 and nothing on standard error.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

use super::by_hand::ByHand;
use super::cgi::exit_code;

/// Long enough for a loaded machine; short enough that a deadlock is a failure and not a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is not started yet.
#[must_use]
pub(crate) struct Serve(pub(crate) ByHand);

impl Serve {
    /// `wsgi-cgi serve --port 0 app.py`, with an `app.py` of that text.
    pub(crate) fn source(text: &str) -> Self {
        Self::app("app.py").file("app.py", text)
    }

    /// `wsgi-cgi serve --port 0 APP`.
    pub(crate) fn app(app: &str) -> Self {
        Self(ByHand::command(&["serve", app, "--port", "0"]))
    }

    /// The folder it will run in.
    pub(crate) fn working_directory(&self) -> &Path {
        self.0.working_directory()
    }

    /// A file in the working directory.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        Self(self.0.file(name, content))
    }

    /// Adds arguments at the end.
    pub(crate) fn with(self, arguments: &[&str]) -> Self {
        Self(self.0.with(arguments))
    }

    /// Sets a variable of the environment.
    pub(crate) fn variable(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        Self(self.0.variable(name, value))
    }

    /// Starts it, and waits until it says that it serves.
    #[track_caller]
    pub(crate) fn start(self) -> Serving {
        let command = self.0.to_command();
        self.start_as(command)
    }

    /// Starts it by way of another command.
    #[track_caller]
    pub(crate) fn start_as(self, mut command: Command) -> Serving {
        use std::os::unix::process::CommandExt;
        // SAFETY: a system call and nothing else, in the child before it becomes the program.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?));
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = Output::of(child.stdout.take().expect("piped"));
        let err = Output::of(child.stderr.take().expect("piped"));
        let mut serving = Serving {
            place: self.0,
            child,
            out,
            err,
            address: None,
        };
        let banner = serving
            .out
            .wait_for("Press Ctrl-C to stop.\n")
            .unwrap_or_else(|text| panic!("no banner: {text}\n{}", serving.err.text()));
        serving.address = banner
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next()?.parse().ok());
        serving
    }
}

/// A server that runs; it is ended with its test.
pub(crate) struct Serving {
    place: ByHand,
    child: Child,
    out: Output,
    err: Output,
    address: Option<SocketAddr>,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Serving {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("an address in the banner")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.place.working_directory()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("a server that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// Sends bytes on a connection of their own and reads until the server ends it.
    #[track_caller]
    pub(crate) fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).expect("sent");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("a proper end");
        String::from_utf8(all).expect("UTF-8")
    }

    /// GET, and what follows the head.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        super::http_client::Request::get(path)
            .send(self.address())
            .text()
    }

    /// Waits until standard error holds this.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.err
            .wait_for(text)
            .unwrap_or_else(|all| panic!("no {text:?} in the log:\n{all}"))
    }

    /// Waits until standard output holds this.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        self.out
            .wait_for(text)
            .unwrap_or_else(|all| panic!("no {text:?} on standard output:\n{all}"))
    }

    /// What is on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.err.text()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("an id"), signal).expect("a process that runs");
    }

    /// Waits until it has ended, whatever it says.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.wait().expect("an exit status");
        self.out.finish();
        self.err.finish();
        Ended {
            exit: exit_code(status),
            stdout: self.out.text(),
            stderr: self.err.text(),
        }
    }

    /// Ctrl-C: it ends with status 0. Returns what was on standard output and standard error.
    #[track_caller]
    pub(crate) fn end_logging(self) -> (String, String) {
        self.signal(Signal::INT);
        let ended = self.wait();
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        (ended.stdout, ended.stderr)
    }

    /// As [`end`](Self::end), and then looks at what is left in the folder.
    #[track_caller]
    pub(crate) fn end_keeping(mut self, look: impl FnOnce()) {
        self.signal(Signal::INT);
        let status = self.child.wait().expect("an exit status");
        assert_eq!(exit_code(status), 0);
        self.out.finish();
        self.err.finish();
        assert_eq!(self.err.text(), "");
        look();
    }

    /// Ctrl-C: it ends with status 0 and had nothing to complain of. Returns the access log.
    #[track_caller]
    pub(crate) fn end(self) -> String {
        let (stdout, stderr) = self.end_logging();
        assert_eq!(stderr, "");
        let lines = stdout
            .split_once("Press Ctrl-C to stop.\n")
            .expect("a banner")
            .1;
        lines.to_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The second one ends running requests too; two that come at once are one.
        while matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What a pipe has brought so far.
struct Output {
    text: Arc<(Mutex<(String, bool)>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Output {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new((Mutex::new((String::new(), false)), Condvar::new()));
        let ours = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = pipe.read_until(b'\n', &mut line).unwrap_or(0);
                let mut text = ours.0.lock().expect("no panic");
                text.0.push_str(&String::from_utf8_lossy(&line));
                text.1 = read == 0;
                ours.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    /// All there is once it holds `wanted`; an error when it never will.
    fn wait_for(&self, wanted: &str) -> Result<String, String> {
        let (text, more) = &*self.text;
        let (text, _) = more
            .wait_timeout_while(text.lock().expect("no panic"), PATIENCE, |(text, ended)| {
                !*ended && !text.contains(wanted)
            })
            .expect("no panic");
        if text.0.contains(wanted) {
            Ok(text.0.clone())
        } else {
            Err(text.0.clone())
        }
    }

    fn text(&self) -> String {
        self.text.0.lock().expect("no panic").0.clone()
    }

    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("all that was printed");
        }
    }
}
