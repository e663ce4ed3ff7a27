//! Files that loading opened or asked about, by Python: a change is seen by the next answer.

use super::{Row, row};

#[test]
fn files_looked_at() {
    super::check(ROWS);
}

/// What loading finds about a file of one line, before that is another.
macro_rules! read {
    ($id:literal, $load:literal) => {
        row($id, $load, "M")
            .files("echo one >data")
            .after("echo another >data")
    };
}

/// And what about it in a folder, which another takes the place of.
macro_rules! linked {
    ($id:literal, $load:literal) => {
        row($id, $load, "M")
            .files("mkdir -p releases/1 releases/2; echo 1 >releases/1/n; echo two >releases/2/n; ln -s releases/1 current")
            .after("ln -sfn releases/2 current")
    };
}

pub(super) const ROWS: &[Row] = &[
    read!("open", "M = open('data').read()").restored(),
    read!("open-bytes", "with open('data', 'rb') as f: M = f.read()").restored(),
    read!("open-unbuffered", "import io\nwith io.FileIO('data') as f: M = f.read()").restored(),
    read!("open-descriptor", "import os\nfd = os.open('data', os.O_RDONLY)\nM = os.read(fd, 99)\nos.close(fd)").restored(),
    read!("open-both-ways", "with open('data', 'r+') as f: M = f.read()"),
    read!("open-with-opener", "import os\nwith open('data', opener=os.open) as f: M = f.read()").restored(),
    read!("open-codecs", "import codecs\nwith codecs.open('data', encoding='utf-8') as f: M = f.read()"),
    read!("open-pathlib", "import pathlib\nM = pathlib.Path('data').read_text()").restored(),
    read!("open-bytes-path", "M = open(b'data').read()"),
    read!("open-absolute", "import os\nM = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data')).read()").restored(),
    read!("open-dotted", "M = open('./x/.././data').read() if __import__('os').path.isdir('x') else open('.//data').read()"),
    read!("open-through-proc", "M = open('/proc/self/cwd/data').read()"),
    read!("open-mapped", "import mmap\nwith open('data', 'rb') as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m: M = m[:]"),
    read!("open-in-a-thread", "import threading\nM = []\nt = threading.Thread(target=lambda: M.append(open('data').read()))\nt.start(); t.join()"),
    read!("open-in-a-pool", "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as p: M = p.submit(lambda: open('data').read()).result()"),
    read!("open-in-a-forked-child", "import os\nr, w = os.pipe()\nif os.fork() == 0:\n    os.write(w, open('data', 'rb').read())\n    \
         os._exit(0)\nos.wait()\nM = os.read(r, 99)\nos.close(r); os.close(w)"),
    read!("read-lines", "import linecache\nM = linecache.getlines('data')"),
    read!("read-fileinput", "import fileinput\nM = list(fileinput.input('data'))"),
    read!("read-copied", "import shutil\nshutil.copyfile('data', 'copy')\nM = open('copy').read()"),
    read!("read-compared", "import filecmp\nfilecmp.clear_cache()\nM = filecmp.cmp('data', 'data2', shallow=False)")
        .files("echo one >data; echo one >data2"),
    read!("size", "import os\nM = os.path.getsize('data')").restored(),
    read!("stat", "import os\nM = os.stat('data').st_size").restored(),
    read!("stat-bytes", "import os\nM = os.stat(b'data').st_size"),
    read!("lstat", "import os\nM = os.lstat('data').st_size"),
    read!("fstat", "import os\nwith open('data') as f: M = os.fstat(f.fileno()).st_size"),
    read!("stat-pathlib", "import pathlib\nM = pathlib.Path('data').stat().st_size").restored(),
    row("mtime", "import os\nM = int(os.path.getmtime('app.css'))", "M").files("echo a >app.css").after("touch -d '2001-02-03' app.css").restored(),
    row("mtime-earlier-image", "import os\nM = os.stat('data').st_mtime_ns", "M").files("echo a >data").after("touch data"),
    row("ctime", "import os\nM = os.stat('data').st_ctime_ns", "M").files("echo a >data").after("chmod 600 data"),
    row("mode", "import os\nM = os.stat('data').st_mode", "M").files("echo a >data; chmod 644 data").after("chmod 600 data"),
    row("inode", "import os\nM = os.stat('data').st_ino", "M").files("echo a >data").after("cp -p data new; mv new data"),
    row("links", "import os\nM = os.stat('data').st_nlink", "M").files("echo a >data").after("ln data other"),
    row("access", "import os\nM = os.access('tool', os.X_OK)", "M").files("echo a >tool; chmod 644 tool").after("chmod 755 tool"),
    row("which", "import shutil\nM = shutil.which('tool', path='.')", "M").files("echo a >tool; chmod 644 tool").after("chmod 755 tool"),
    row("is-a-file", "import os\nM = os.path.isfile('data')", "M").files("echo a >data").after("rm data; mkdir data"),
    row("is-a-link", "import os\nM = os.path.islink('data')", "M").files("echo a >data; cp data other").after("ln -sf other data"),
    row("same-file", "import os\nM = os.path.samefile('a', 'b')", "M").files("echo a >a; ln a b").after("cp a new; mv new b"),
    row("removed", "import os\nM = os.path.exists('data')", "M").files("echo a >data").after("rm data").restored(),
    row("removed-after-reading", "try: M = open('data').read()\nexcept OSError as error: M = type(error).__name__", "M")
        .files("echo a >data").after("rm data").restored(),
    row("same-size-and-time", "M = open('data').read()", "M").files("echo one >data")
        .after("touch -r data stamp; echo two >data; touch -r stamp data").restored(),
    row("replaced-with-its-time", "M = open('data').read()", "M").files("echo one >data; echo two >new; touch -r data new").after("mv new data"),
    row("appended", "M = open('data').read()", "M").files("echo one >data").after("echo two >>data").restored(),
    row("truncated", "M = open('data').read()", "M").files("echo one >data").after(": >data").restored(),
    row("in-a-renamed-folder", "M = open('a/n').read()", "M").files("mkdir a b; echo 1 >a/n; echo two >b/n").after("mv a c; mv b a").restored(),
    row("unreadable-folder-gone", "import os\nM = os.path.isdir('a/b')", "M").files("mkdir -p a/b").after("rm -r a"),
    linked!("link-opened-through", "M = open('current/n').read()").restored(),
    linked!("link-read", "import os\nM = os.readlink('current')").restored(),
    linked!("link-read-by-pathlib", "import pathlib\nM = str(pathlib.Path('current').resolve())[-1]"),
    linked!("link-realpath", "import os\nM = os.path.realpath('current')[-1]"),
    linked!("link-realpath-and-open", "import os\nM = open(os.path.realpath('current/n')).read()"),
    linked!("link-stat", "import os\nM = os.stat('current').st_ino"),
    linked!("link-lstat", "import os\nM = os.lstat('current').st_ino"),
    linked!("link-listed", "import os\nM = [open(e.path).read() for e in os.scandir('current')]"),
    linked!("link-entered", "import os\nos.chdir('current')\nM = open('n').read()"),
    linked!("link-entered-and-back", "import os\nhere = os.getcwd()\nos.chdir('current')\nM = os.path.basename(os.getcwd())\nos.chdir(here)"),
    row("link-repaired", "import os\nM = (os.path.exists('l'), os.path.lexists('l'))", "M").files("ln -s target l").after("touch target"),
    row("link-to-a-link", "M = open('a').read()", "M").files("echo 1 >x; echo two >y; ln -s x b; ln -s b a").after("ln -sf y b"),
    row("own-file", "import os\nopen('state', 'a').write('x')\nS = os.path.getsize('state') > 0", "S"),
    row("own-file-by-flag", "import os\nN = os.path.exists('state')\nopen('state', 'a').close()", "N"),
    row("own-file-exclusive", "import os\ntry: os.close(os.open('state', os.O_CREAT | os.O_EXCL)); N = 1\nexcept FileExistsError: N = 2", "N"),
    row("own-counter", "with open('n', 'r+') as f:\n    N = int(f.read()) + 1\n    f.seek(0)\n    f.write(str(N))", "[N]").files("echo 1 >n").differs(),
    row("own-counter-by-size", "import os\nopen('n', 'a').write('x')\nN = os.path.getsize('n')", "[N]").differs(),
    row("own-flag-removed", "import os\nN = os.path.exists('flag')\nif N: os.unlink('flag')", "N").files("touch flag"),
    row("own-flag-removed-at-once", "import os\ntry: os.unlink('flag'); N = 1\nexcept FileNotFoundError: N = 2", "N").files("touch flag"),
    row("own-folder-made", "import os\ntry: os.mkdir('d'); N = 1\nexcept FileExistsError: N = 2", "N"),
    row("own-folder-listed-before", "import os\nN = sorted(n for n in os.listdir('.') if n[0] == 'm')\nopen('made', 'w').close()", "N"),
    row("own-file-renamed-away", "import os\nN = os.path.exists('a')\nif N: os.rename('a', 'b')", "N").files("touch a"),
    row("own-file-replaced", "import os\nN = open('a').read()\nopen('t', 'w').write('new')\nos.replace('t', 'a')", "N").files("echo old >a"),
    row("own-link-made", "import os\nN = os.path.islink('l')\nif not N: os.symlink('x', 'l')", "N"),
    row("own-file-read-back", "open('state', 'w').write('x')\nM = open('state').read()", "M"),
    row("own-file-changed-by-another", "import os\nif not os.path.exists('state'): open('state', 'w').write('x')\nM = open('state').read()", "M")
        .after("echo other >state"),
    row("own-folder", "import os\nos.makedirs('cache.d/a', exist_ok=True)\nM = os.listdir('cache.d')", "M").restored(),
    row("own-file-renamed", "import os\nopen('new', 'w').write('x')\nos.replace('new', 'state')\nM = open('state').read()", "M"),
    row("own-file-removed", "import os\nopen('pid', 'w').write('x')\nos.remove('pid')\nM = os.path.exists('pid')", "M"),
];
