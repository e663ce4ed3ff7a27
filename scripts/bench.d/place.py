"""The bench directory: the program under test, a venv, the applications and the large file.

It lies outside the repository and is readable by all, because a web server runs its scripts as
another user."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import needs

# The executor beside the program, as it is installed and as cargo calls it.
EXECUTOR = ["_wsgi_cgi.abi3.so", "lib_wsgi_cgi.so"]
APPLICATIONS = Path(__file__).parent / "apps"
GIB = 1 << 30
FILES = {"one-gib": GIB, "one-byte": 1}
# Trac needs pkg_resources, and the cgi module that Python 3.13 has not any more.
PACKAGES = ["flask", "django", "trac", "gunicorn", "setuptools<81", "legacy-cgi; python_version >= '3.13'"]


class Place:
    """What the measurements run, all paths absolute."""

    def __init__(self, program, python):
        self.root = own_directory()
        self.lock = take_lock(self.root)
        self.python = Path(python)
        # A copy, so that a build that ends in the middle of a run does not change what is measured.
        self.program = self.root / "bin" / "wsgi-cgi"
        self.program.parent.mkdir(exist_ok=True)
        program = Path(program)
        executor = next(filter(Path.exists, map(program.with_name, EXECUTOR)))
        for built, target in [
            (program, self.program),
            (executor, self.program.with_name(EXECUTOR[0])),
        ]:
            new = target.with_suffix(".new")
            shutil.copy(built, new)
            new.chmod(0o755)
            new.rename(target)
        self.venv = make_venv(self.root, self.python)
        self.venv_python = self.venv / "bin" / "python3"
        self.apps = make_applications(self)

    def application(self, name):
        """The application's file, with a `#!` line that runs ours."""
        return self.apps / f"{name}.py"

    def cgihandler_script(self, name):
        """The script that runs the same application with the standard library's CGIHandler."""
        return self.apps / f"{name}.cgi"

    def file(self, name):
        """A file of known length, written once and not sparse: holes are read faster than data."""
        path = self.root / name
        if not path.exists() or path.stat().st_size != FILES[name]:
            write_random(path, FILES[name])
        return path


def own_directory():
    """The directory, made if it is not there, refused if another user could have filled it."""
    default = f"/var/tmp/wsgi-cgi-bench-{os.getuid()}"
    root = Path(os.environ.get("WSGI_CGI_BENCH_DIR") or default).absolute()
    root.mkdir(parents=True, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        sys.exit(f"bench: {root} is owned by another user: set WSGI_CGI_BENCH_DIR to a folder of yours")
    root.chmod(0o755)
    return root


def take_lock(root):
    """Keeps a second bench away, which would measure nothing but the two of them."""
    lock = open(root / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"bench: another run is using {root}")
    return lock


def make_venv(root, python):
    """A venv of this Python with the packages, byte-compiled; an existing one is kept."""
    version = output_of([python, "-c", "import platform; print(platform.python_version())"])
    home = output_of([python, "-c", "import sys; print(sys._base_executable)"])
    venv = root / f"venv-{version}"
    done = venv / "bench-made-with"
    made_with = "\n".join([home, *PACKAGES])
    if done.exists() and done.read_text() == made_with:
        return venv
    print(f"making {venv}", flush=True)
    make = [python, "-m", "venv", "--clear", venv]
    if subprocess.run(make, env=pip_environment(), stdout=subprocess.DEVNULL).returncode:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise needs.Missing(f"{python} -m venv fails (Debian: apt-get install python3-venv)")
        needs.install(["python3-venv"])
        subprocess.run(make, env=pip_environment(), check=True)
    pip = [venv / "bin" / "python3", "-m", "pip", "install", "-q", *PACKAGES]
    subprocess.run(pip, env=pip_environment(), check=True)
    compile_all(venv / "bin" / "python3", venv / "lib")
    done.write_text(made_with)
    return venv


def pip_environment():
    """The caller's environment (proxies, package indexes) without what changes how Python runs."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"
    }


def make_applications(place):
    """Copies the applications, each beside its CGIHandler script, and makes the Django project."""
    apps = place.root / "apps"
    shutil.rmtree(apps, ignore_errors=True)
    apps.mkdir()
    startproject = [place.venv / "bin" / "django-admin", "startproject", "mysite", apps]
    subprocess.run(startproject, env=pip_environment(), check=True)
    with open(apps / "mysite" / "settings.py", "a") as settings:
        settings.write('\nDEBUG = False\nALLOWED_HOSTS = ["*"]\n')
    shutil.copy(APPLICATIONS / "django_urls.py", apps / "mysite" / "urls.py")
    for source in APPLICATIONS.glob("*.py"):
        if source.name != "django_urls.py":
            make_pair(place, apps, source)
    compile_all(place.venv_python, apps)
    return apps


def make_pair(place, apps, source):
    """The application started by ours, and the same application under CGIHandler."""
    ours = apps / source.name
    ours.write_text(f"#!{place.program} --venv {place.venv}\n{source.read_text()}")
    other = apps / f"{source.stem}.cgi"
    other.write_text(
        f"#!{place.venv_python}\n"
        f"from {source.stem} import application\n"
        "from wsgiref.handlers import CGIHandler\n"
        "CGIHandler().run(application)\n"
    )
    for script in (ours, other):
        script.chmod(0o755)


def compile_all(python, folder):
    """Byte-compiles a folder, so that neither side compiles what the other finds compiled."""
    # Exits with 1 when a package brings a file that is no Python, such as a template.
    subprocess.run([python, "-m", "compileall", "-q", "-q", folder], env=pip_environment())


def write_random(path, length):
    """Fills a file with bytes that no file system can leave out or compress."""
    block = os.urandom(min(length, 1 << 20))
    with open(path, "wb") as file:
        for _ in range(length // len(block)):
            file.write(block)
        os.fsync(file.fileno())


def output_of(command):
    """What a Python command prints, without the surrounding white space."""
    done = subprocess.run(
        command, env=pip_environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()
