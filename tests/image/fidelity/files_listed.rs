//! Folders that loading listed, with what it saw of each entry, and what it reached by way of an open
//! folder.

use super::{Row, row};

#[test]
fn folders_listed() {
    super::check(ROWS);
}

/// What loading finds in a folder of one page, before there are two.
macro_rules! listed {
    ($id:literal, $load:literal) => {
        row($id, $load, "M")
            .files("mkdir pages; echo a >pages/a.md")
            .after("echo b >pages/b.md")
    };
}

/// What it finds about its page, before that is another.
macro_rules! entry {
    ($id:literal, $load:literal) => {
        row($id, $load, "M")
            .files("mkdir pages; echo a >pages/a.md")
            .after("echo longer >pages/a.md")
    };
}

/// What it reaches by an open folder.
macro_rules! relative {
    ($id:literal, $load:literal) => {
        row(
            $id,
            concat!(
                "import os\nfd = os.open('pages', os.O_RDONLY)\n",
                $load,
                "\nos.close(fd)"
            ),
            "M",
        )
        .files("mkdir pages; echo a >pages/a.md")
        .after("echo longer >pages/a.md; echo b >pages/b.md; ln -s a.md pages/l")
    };
}

pub(super) const ROWS: &[Row] = &[
    listed!("listdir", "import os\nM = sorted(os.listdir('pages'))").restored(),
    listed!("listdir-bytes", "import os\nM = sorted(os.listdir(b'pages'))"),
    listed!("listdir-count", "import os\nM = len(os.listdir('pages'))").restored(),
    listed!("listdir-absolute", "import os\nM = len(os.listdir(os.path.abspath('pages')))").restored(),
    listed!("listdir-entered", "import os\nos.chdir('pages')\nM = len(os.listdir())"),
    listed!("scandir", "import os\nM = sorted(e.name for e in os.scandir('pages'))").restored(),
    listed!("scandir-one", "import os\nwith os.scandir('pages') as s: next(s); M = len(list(s))"),
    listed!("walk", "import os\nM = [sorted(f) for _, _, f in os.walk('pages')]").restored(),
    listed!("fwalk", "import os\nM = [sorted(f) for _, _, f, _ in os.fwalk('pages')]"),
    listed!("glob", "import glob\nM = sorted(glob.glob('pages/*.md'))").restored(),
    listed!("glob-iterator", "import glob\nM = sum(1 for _ in glob.iglob('pages/*'))"),
    listed!("glob-deep", "import glob\nM = sorted(glob.glob('**/*.md', recursive=True))"),
    listed!("glob-absolute", "import glob, os\nM = len(glob.glob(os.path.abspath('pages') + '/*.md'))").restored(),
    listed!("glob-for-one", "import glob, os\nM = (glob.glob('pages/b.md'), os.path.exists('pages'))"),
    listed!("pathlib-iterdir", "import pathlib\nM = sorted(p.name for p in pathlib.Path('pages').iterdir())").restored(),
    listed!("pathlib-glob", "import pathlib\nM = sorted(p.name for p in pathlib.Path('pages').glob('*.md'))").restored(),
    listed!("pathlib-rglob", "import pathlib\nM = sorted(p.name for p in pathlib.Path('.').rglob('*.md'))"),
    listed!("mtime-of-the-folder", "import os\nM = os.stat('pages').st_mtime_ns"),
    listed!("filecmp", "import filecmp\nM = filecmp.dircmp('pages', 'pages').common"),
    listed!("copied-tree", "import shutil, os\nshutil.copytree('pages', 'copy', dirs_exist_ok=True)\nM = sorted(os.listdir('copy'))"),
    row("glob-here", "import glob, os\nG = sorted(glob.glob(os.path.dirname(os.path.abspath(__file__)) + '/*.md'))",
        "[os.path.basename(g) for g in G]").files("touch a.md").after("touch b.md").restored(),
    row("listed-here", "import os\nM = [n for n in os.listdir('.') if n.endswith('.md')]", "M").after("touch b.md").restored(),
    row("listed-hidden", "import os\nM = [n for n in os.listdir('.') if n.startswith('.')]", "M").after("touch .hidden"),
    row("listed-removed", "import os\nM = sorted(os.listdir('pages'))", "M").files("mkdir pages; touch pages/a pages/b")
        .after("rm pages/a").restored(),
    row("listed-renamed", "import os\nM = sorted(os.listdir('pages'))", "M").files("mkdir pages; touch pages/a").after("mv pages/a pages/z").restored(),
    row("listed-replaced-folder", "import os\nM = sorted(os.listdir('pages'))", "M").files("mkdir pages new; touch new/a")
        .after("mv pages old; mv new pages").restored(),
    row("listed-below", "import os\nM = [sorted(f) for _, _, f in os.walk('pages')]", "M").files("mkdir -p pages/x/y")
        .after("touch pages/x/y/a").restored(),
    row("listed-empty", "import os\nM = os.listdir('pages')", "M").files("mkdir pages").after("touch pages/a").restored(),
    entry!("entry-size", "import os\nM = [e.stat().st_size for e in os.scandir('pages')]"),
    entry!("entry-mtime", "import os\nM = [e.stat().st_mtime_ns for e in os.scandir('pages')]"),
    entry!("entry-content", "import os\nM = [open(e.path).read() for e in os.scandir('pages')]").restored(),
    entry!("entry-pathlib", "import pathlib\nM = [p.stat().st_size for p in pathlib.Path('pages').iterdir()]"),
    entry!("entry-walked", "import os\nM = [os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk('pages') for f in fs]").restored(),
    entry!("entry-globbed", "import glob, os\nM = [os.path.getsize(p) for p in glob.glob('pages/*')]").restored(),
    row("entry-kind", "import os\nM = [(e.is_dir(), e.is_file(), e.is_symlink()) for e in os.scandir('pages')]", "M")
        .files("mkdir pages; touch pages/a").after("rm pages/a; mkdir pages/a"),
    row("entry-link-target", "import os\nM = [e.is_dir() for e in os.scandir('pages')]", "M")
        .files("mkdir pages; touch t; ln -s ../t pages/a").after("rm t; mkdir t"),
    row("entry-inode", "import os\nM = [e.inode() for e in os.scandir('pages')]", "M").files("mkdir pages; touch pages/a")
        .after("cp -p pages/a n; mv n pages/a"),
    relative!("dir-fd-stat", "M = os.stat('a.md', dir_fd=fd).st_size"),
    relative!("dir-fd-open", "f = os.open('a.md', os.O_RDONLY, dir_fd=fd)\nM = os.read(f, 99)\nos.close(f)"),
    relative!("dir-fd-open-python", "with open('a.md', opener=lambda p, f: os.open(p, f, dir_fd=fd)) as f: M = f.read()"),
    relative!("dir-fd-access", "M = os.access('b.md', os.F_OK, dir_fd=fd)"),
    relative!("dir-fd-missing", "try: os.stat('b.md', dir_fd=fd); M = 1\nexcept OSError: M = 0"),
    relative!("dir-fd-readlink", "try: M = os.readlink('l', dir_fd=fd)\nexcept OSError: M = ''"),
    relative!("dir-fd-listdir", "M = sorted(os.listdir(fd))"),
    relative!("dir-fd-scandir", "with os.scandir(fd) as s: M = sorted(e.name for e in s)"),
    relative!("dir-fd-entered", "here = os.getcwd()\nos.fchdir(fd)\nM = open('a.md').read()\nos.chdir(here)"),
    relative!("dir-fd-through-proc", "M = open('/proc/self/fd/%d/a.md' % fd).read()"),
    relative!("fstat-of-a-folder", "M = os.fstat(fd).st_mtime_ns"),
];
