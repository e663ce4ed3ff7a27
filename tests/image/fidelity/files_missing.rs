//! What loading looked for and did not find, or found only as a second choice: it may come later.

use super::{Row, row};

#[test]
fn files_that_did_not_exist() {
    super::check(ROWS);
}

/// What loading makes of a file that is not there, before it is.
macro_rules! missing {
    ($id:literal, $load:literal) => {
        row($id, $load, "M").after("echo A=1 >.env")
    };
}

/// And of a file in a folder that is not there, by a name that no import could mean: where modules
/// come from is watched anyway.
macro_rules! deeper {
    ($id:literal, $load:literal) => {
        row($id, $load, "M").after("mkdir -p conf.d/d; echo '[a]' >conf.d/d/a.ini")
    };
}

pub(super) const ROWS: &[Row] = &[
    missing!("missing-open", "try: M = open('.env').read()\nexcept OSError: M = 'none'").restored(),
    missing!("missing-os-open", "import os\ntry: os.close(os.open('.env', os.O_RDONLY)); M = 1\nexcept OSError: M = 0").restored(),
    missing!("missing-exists", "import os\nM = os.path.exists('.env')").restored(),
    missing!("missing-lexists", "import os\nM = os.path.lexists('.env')").restored(),
    missing!("missing-isfile", "import os\nM = os.path.isfile('.env')").restored(),
    missing!("missing-isdir", "import os\nM = os.path.isdir('.env') or os.path.exists('.env')").restored(),
    missing!("missing-stat", "import os\ntry: os.stat('.env'); M = 1\nexcept OSError: M = 0").restored(),
    missing!("missing-lstat", "import os\ntry: os.lstat('.env'); M = 1\nexcept OSError: M = 0"),
    missing!("missing-access", "import os\nM = os.access('.env', os.R_OK)").restored(),
    missing!("missing-size", "import os\ntry: M = os.path.getsize('.env')\nexcept OSError: M = -1"),
    missing!("missing-pathlib", "import pathlib\nM = pathlib.Path('.env').exists()").restored(),
    missing!("missing-pathlib-is-file", "import pathlib\nM = pathlib.Path(__file__).resolve().parent.joinpath('.env').is_file()").restored(),
    missing!("missing-pathlib-read", "import pathlib\ntry: M = pathlib.Path('.env').read_text()\nexcept FileNotFoundError: M = ''").restored(),
    missing!("missing-realpath", "import os\nM = os.path.exists(os.path.realpath('.env'))"),
    missing!("missing-scandir", "import os\nM = '.env' in [entry.name for entry in os.scandir('.')]"),
    missing!("missing-listdir", "import os\nM = '.env' in os.listdir('.')"),
    missing!("missing-listdir-alone", "import os\nM = '.env' in os.listdir()"),
    missing!("missing-glob", "import glob\nM = glob.glob('.e*')"),
    missing!("missing-config", "import configparser\nM = configparser.ConfigParser().read(['.envx', 'none.ini']) or __import__('os').path.exists('.env')"),
    missing!("missing-dir-fd", "import os\nfd = os.open('.', os.O_RDONLY)\ntry: os.stat('.env', dir_fd=fd); M = 1\nexcept OSError: M = 0\nos.close(fd)"),
    missing!("missing-above-and-below", "import os\nM = [os.path.exists(p) for p in ('../.env-of-nobody', '.env', './.env')]"),
    missing!("missing-in-a-thread", "import os, threading\nM = []\nt = threading.Thread(target=lambda: M.append(os.path.exists('.env')))\nt.start(); t.join()"),
    row("exists", "import os\nM = os.path.exists('maintenance')", "M").after("touch maintenance").restored(),
    row("dangling", "import os\nM = os.path.exists('flag')", "M").files("ln -s elsewhere flag").after("touch elsewhere"),
    row("no-folder-then-one", "import os\nM = os.path.isdir('uploads.d')", "M").after("mkdir uploads.d").restored(),
    row("no-link-then-one", "import os\ntry: M = os.readlink('current.d')\nexcept OSError: M = 'none'", "M").after("ln -s a current.d"),
    row("not-a-folder", "import os\ntry: M = os.listdir('data')\nexcept OSError as e: M = type(e).__name__", "M")
        .files("touch data").after("rm data; mkdir data"),
    row("below-a-file", "import os\nM = os.path.exists('data/x')", "M").files("touch data").after("rm data; mkdir data; touch data/x"),
    row("not-executable", "import os\nM = os.access('hook', os.X_OK)", "M").files("touch hook").after("chmod +x hook"),
    deeper!("missing-folder-open", "try: M = open('conf.d/d/a.ini').read()\nexcept OSError: M = ''").restored(),
    deeper!("missing-folder-exists", "import os\nM = os.path.exists('conf.d/d/a.ini')").restored(),
    deeper!("missing-folder-listdir", "import os\ntry: M = os.listdir('conf.d/d')\nexcept OSError: M = 'none'"),
    deeper!("missing-folder-scandir", "import os\ntry: M = len(list(os.scandir('conf.d/d')))\nexcept OSError: M = 'none'"),
    deeper!("missing-folder-glob", "import glob\nM = glob.glob('conf.d/d/*.ini')"),
    deeper!("missing-folder-glob-deep", "import glob\nM = glob.glob('conf.d/**/*.ini', recursive=True)"),
    deeper!("missing-folder-walk", "import os\nM = [f for _, _, f in os.walk('conf.d')]"),
    deeper!("missing-folder-pathlib", "import pathlib\nM = sorted(map(str, pathlib.Path('conf.d').rglob('*.ini')))"),
    deeper!("missing-folder-config", "import configparser\nc = configparser.ConfigParser()\nc.read('conf.d/d/a.ini')\nM = c.sections()"),
    row("template-that-overrides", "import os\nfor folder in ('site', 'theme.d', 'default'):\n    \
         if os.path.exists(folder + '/page.html'):\n        M = open(folder + '/page.html').read()\n        break", "M")
        .files("mkdir site default; echo plain >default/page.html").after("echo own >site/page.html").restored(),
    row("template-in-a-new-folder", "import os\nfor folder in ('site', 'theme.d', 'default'):\n    \
         try: M = open(folder + '/page.html').read(); break\n    except OSError: pass", "M")
        .files("mkdir site default; echo plain >default/page.html").after("mkdir theme.d; echo own >theme.d/page.html").restored(),
    row("first-of-two", "import os\nM = next(n for n in ('a', 'b') if os.path.exists(n))", "M").files("touch b").after("touch a").restored(),
    row("newest-of-two", "import os\nM = max(('a', 'b'), key=os.path.getmtime)", "M")
        .files("touch -d 2001-01-01 a; touch -d 2002-01-01 b").after("touch a").restored(),
    row("gone-then-back", "import os\nM = os.path.exists('flag.d')", "M").after("mkdir flag.d"),
    row("script-beside", "import os\nM = os.path.exists(__file__ + '.disabled')", "M").after("touch app.cgi.disabled").restored(),
    row("no-time-zone", "import os, time\nos.environ['TZ'] = ':' + os.path.abspath('zone')\ntime.tzset()\nM = time.localtime(0).tm_hour", "M")
        .after("cp /usr/share/zoneinfo/Asia/Tokyo zone"),
];
