//! The streams, and what is left behind in the process.

use super::{HELLO, Planted, planted};

pub(super) const AROUND: [Planted; 21] = [
    planted(
        "reads-past-end",
        "environ['wsgi.input'].read(1 << 20)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "readline-size",
        "environ['wsgi.input'].readline(10)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.input'].readline()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "read-arguments",
        "environ['wsgi.input'].read(size=1)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "list(environ['wsgi.input'])\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "reads-late",
        "def late(): environ['wsgi.input'].read()\nclass Own(list):\n    def close(self):\n        \
         threading.Timer(0.05, late).start()\nstart_response('200 OK', TEXT)\nreturn Own()",
        "environ['wsgi.input'].read()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "input-closed",
        "environ['wsgi.input'].close()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "errors-closed",
        "environ['wsgi.errors'].close()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.errors'].flush()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "errors-not-str",
        "environ['wsgi.errors'].write(b'oh')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "environ['wsgi.errors'].write('oh\\n')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "stream-attribute",
        "environ['wsgi.input'].seek(0)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "if hasattr(environ['wsgi.input'], 'seek'): environ['wsgi.input'].seek(0)\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "reads-stdin",
        "sys.stdin.buffer.read(0)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "prints-to-stdout",
        "os.system('echo hello')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "os.system('true')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "prints-to-stderr",
        "print('oh', file=sys.stderr)\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "print('oh', file=environ['wsgi.errors'])\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "thread-left",
        "threading.Thread(target=time.sleep, args=(30,)).start()\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        "one = threading.Thread(target=time.sleep, args=(0,))\none.start()\none.join()\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "daemon-thread-left",
        "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "process-left",
        "global left\nleft = subprocess.Popen(['sleep', '3'])\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        "subprocess.run(['sleep', '0'])\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "fork-returns",
        "os.fork()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        "child = os.fork()\nif not child: os._exit(0)\nos.waitpid(child, 0)\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "directory-changed",
        "os.chdir('/' if os.getcwd() != '/' else '/tmp')\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "signal-changed",
        "signal.signal(signal.SIGUSR2, lambda *_: None)\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        "before = signal.signal(signal.SIGUSR2, lambda *_: None)\nsignal.signal(signal.SIGUSR2, before)\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
    ),
    planted(
        "locale-changed",
        "locale.setlocale(locale.LC_ALL, 'C' if locale.setlocale(locale.LC_ALL) != 'C' else 'C.UTF-8')\n\
         start_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "umask-changed",
        "os.umask(0o077 if os.umask(0o022) != 0o077 else 0o027)\nstart_response('200 OK', TEXT)\n\
         return [b'hello']",
        HELLO,
    ),
    planted(
        "environment-changed",
        "os.environ['OWN'] = str(time.time())\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
    planted(
        "stream-replaced",
        "sys.stdout = io.StringIO()\nstart_response('200 OK', TEXT)\nreturn [b'hello']",
        HELLO,
    ),
];
