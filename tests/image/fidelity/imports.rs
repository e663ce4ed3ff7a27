//! What the import system looks at and what can be imported, later, in the place of what was.

use super::{Row, row};

#[test]
fn imports() {
    super::check(ROWS);
}

/// An import from the script's folder of what a shell's command makes, and another changes.
macro_rules! import {
    ($id:literal, $files:literal, $load:literal, $change:literal) => {
        row(
            $id,
            concat!(
                "import os, sys\nsys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))\n",
                $load
            ),
            "M",
        )
        .files($files)
        .after($change)
    };
}

/// An import with a fallback for what is not there.
macro_rules! optional {
    ($id:literal, $load:literal, $change:literal) => {
        import!($id, ":", $load, $change)
    };
}

pub(super) const ROWS: &[Row] = &[
    import!("module", "echo 'N = 1' >shop.py", "import shop\nM = shop.N", "echo 'N = 22' >shop.py").restored(),
    import!("module-removed", "echo 'N = 1' >shop.py", "try: from shop import N as M\nexcept ImportError: M = 'none'", "rm shop.py").restored(),
    import!("module-by-name", "echo 'N = 1' >shop.py", "import importlib\nM = importlib.import_module('shop').N", "echo 'N = 22' >shop.py").restored(),
    import!("module-by-path", "echo 'N = 1' >other", "import importlib.machinery, importlib.util\nl = importlib.machinery.SourceFileLoader('o', 'other')\n\
         o = importlib.util.module_from_spec(importlib.util.spec_from_loader('o', l))\nl.exec_module(o)\nM = o.N", "echo 'N = 22' >other"),
    import!("module-of-a-package", "mkdir p; touch p/__init__.py; echo 'N = 1' >p/m.py", "from p.m import N as M", "echo 'N = 22' >p/m.py").restored(),
    import!("package", "mkdir p; echo 'N = 1' >p/__init__.py", "from p import N as M", "echo 'N = 22' >p/__init__.py").restored(),
    import!("module-becomes-a-package", "echo 'N = 1' >shop.py", "from shop import N as M", "mkdir shop; echo 'N = 22' >shop/__init__.py").restored(),
    import!("namespace", "mkdir ns; echo 'N = 1' >ns/m.py", "from ns.m import N as M", "echo 'N = 22' >ns/m.py").restored(),
    import!("namespace-becomes-a-package", "mkdir ns; touch ns/m.py", "import ns\nM = getattr(ns, 'N', 'none')", "echo 'N = 22' >ns/__init__.py"),
    import!("namespace-becomes-a-module", "mkdir ns; touch ns/m.py", "import ns\nM = getattr(ns, 'N', 'none')", "echo 'N = 22' >ns.py"),
    import!("namespace-gains-a-part", "mkdir -p ns a; touch ns/m.py", "sys.path.append(os.path.abspath('a'))\nimport ns\nM = len(list(ns.__path__))", "mkdir a/ns; touch a/ns/n.py"),
    import!("folder-becomes-a-package-that-shadows", "mkdir colorsys", "import colorsys\nM = getattr(colorsys, 'N', 'theirs')", "echo 'N = 22' >colorsys/__init__.py").restored(),
    import!("shadow", ":", "import colorsys\nM = getattr(colorsys, 'N', 'theirs')", "echo 'N = 22' >colorsys.py").restored(),
    import!("shadow-on-a-longer-path", "mkdir a b; echo 'N = 1' >b/shop.py", "sys.path[:0] = [os.path.abspath('a'), os.path.abspath('b')]\nfrom shop import N as M", "echo 'N = 22' >a/shop.py").restored(),
    import!("path-that-was-not-there", "echo 'N = 1' >shop.py", "sys.path.insert(0, os.path.abspath('new'))\nfrom shop import N as M", "mkdir new; echo 'N = 22' >new/shop.py").restored(),
    import!("relative-path", "mkdir lib; echo 'N = 1' >lib/shop.py", "sys.path.insert(0, 'lib')\nfrom shop import N as M", "echo 'N = 22' >lib/shop.py").restored(),
    import!("compiled-only", "echo 'N = 1' >s.py; \"$PYTHON\" -c \"import py_compile; py_compile.compile('s.py', 'shop.pyc')\"", "from shop import N as M",
        "echo 'N = 22' >s.py; \"$PYTHON\" -c \"import py_compile; py_compile.compile('s.py', 'shop.pyc')\""),
    optional!("optional", "try: from local_settings import N as M\nexcept ImportError: M = 'none'", "echo 'N = 22' >local_settings.py").restored(),
    optional!("optional-package", "try: from local import N as M\nexcept ImportError: M = 'none'", "mkdir local; echo 'N = 22' >local/__init__.py").restored(),
    optional!("optional-by-find-spec", "import importlib.util\nM = importlib.util.find_spec('local_settings') is not None", "touch local_settings.py").restored(),
    optional!("optional-namespace", "import importlib.util\nM = importlib.util.find_spec('plugins') is not None", "mkdir plugins"),
    optional!("optional-submodule", "try: import xml.local; M = 1\nexcept ImportError: M = os.path.exists('flag')", "touch flag"),
    import!("plugins-listed", "mkdir plugins; touch plugins/__init__.py plugins/a.py",
        "import importlib\nM = [importlib.import_module('plugins.' + n[:-3]).__name__ for n in sorted(os.listdir('plugins')) if n.endswith('.py')]", "touch plugins/b.py").restored(),
    import!("plugins-by-pkgutil", "mkdir plugins; touch plugins/__init__.py plugins/a.py", "import pkgutil, plugins\nM = sorted(m.name for m in pkgutil.iter_modules(plugins.__path__))", "touch plugins/b.py").restored(),
    import!("plugins-walked", "mkdir plugins; touch plugins/__init__.py plugins/a.py", "import pkgutil, plugins\nM = sorted(m.name for m in pkgutil.walk_packages(plugins.__path__, 'plugins.'))", "mkdir plugins/b; touch plugins/b/__init__.py"),
    import!("package-data", "mkdir p; touch p/__init__.py; echo 1 >p/d", "import pkgutil\nM = pkgutil.get_data('p', 'd')", "echo 22 >p/d").restored(),
    import!("package-resource", "mkdir p; touch p/__init__.py; echo 1 >p/d", "import importlib.resources as r\nM = r.files('p').joinpath('d').read_text()", "echo 22 >p/d").restored(),
    import!("package-resource-listed", "mkdir p; touch p/__init__.py; echo 1 >p/d", "import importlib.resources as r\nM = sorted(f.name for f in r.files('p').iterdir() if f.name[0] != '_')", "echo 22 >p/e"),
    import!("path-extended", "mkdir -p p a/p; echo '__path__ = __import__(\"pkgutil\").extend_path(__path__, __name__)' | tee p/__init__.py >a/p/__init__.py",
        "sys.path.append(os.path.abspath('a'))\ntry: from p.m import N as M\nexcept ImportError: M = 'none'", "echo 'N = 22' >a/p/m.py"),
    import!("zip-import", "echo 'N = 1' >zipped.py; \"$PYTHON\" -m zipfile -c z.zip zipped.py; rm zipped.py", "sys.path.insert(0, os.path.abspath('z.zip'))\nfrom zipped import N as M",
        "echo 'N = 22' >zipped.py; \"$PYTHON\" -m zipfile -c z.zip zipped.py; rm zipped.py"),
    import!("zip-that-was-not-there", "echo 'N = 1' >zipped.py", "sys.path.insert(0, os.path.abspath('z.zip'))\nfrom zipped import N as M",
        "echo 'N = 22' >x.py; cp x.py zipped.py; \"$PYTHON\" -m zipfile -c z.zip zipped.py; echo 'N = 1' >zipped.py"),
    import!("pth-file", "mkdir s one two; echo 'N = 1' >one/shop.py; echo 'N = 22' >two/shop.py; echo ../one >s/a.pth", "import site\nsite.addsitedir(os.path.abspath('s'))\nfrom shop import N as M", "echo ../two >s/a.pth"),
    import!("pth-file-new", "mkdir s x", "import site\nsite.addsitedir(os.path.abspath('s'))\nM = os.path.abspath('x') in sys.path", "echo ../x >s/a.pth"),
    import!("metadata", "mkdir shop-1.dist-info; printf 'Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n' >shop-1.dist-info/METADATA",
        "import importlib.metadata as m\nM = m.version('shop')", "sed -i 's/^Version.*/Version: 22/' shop-1.dist-info/METADATA").restored(),
    import!("metadata-missing", ":", "import importlib.metadata as m\ntry: M = m.version('shop')\nexcept m.PackageNotFoundError: M = 'none'",
        "mkdir shop-1.dist-info; printf 'Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n' >shop-1.dist-info/METADATA"),
    import!("egg-info", "mkdir shop.egg-info; printf 'Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n' >shop.egg-info/PKG-INFO",
        "import importlib.metadata as m\nM = m.version('shop')", "sed -i 's/^Version.*/Version: 22/' shop.egg-info/PKG-INFO"),
    import!("egg-info-missing", ":", "import importlib.metadata as m\ntry: M = m.version('shop')\nexcept m.PackageNotFoundError: M = 'none'",
        "mkdir shop.egg-info; printf 'Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n' >shop.egg-info/PKG-INFO"),
    import!("entry-points", "mkdir shop-1.dist-info; printf 'Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n' >shop-1.dist-info/METADATA",
        "import importlib.metadata as m\nM = [e.name for d in m.distributions(path=['.']) for e in d.entry_points]", "printf '[plugins]\\na = b:c\\n' >shop-1.dist-info/entry_points.txt"),
    import!("current-release", "mkdir -p r/1 r/2; echo 'N = 1' >r/1/shop.py; echo 'N = 22' >r/2/shop.py; ln -s r/1 current", "sys.path.insert(0, os.path.abspath('current'))\nfrom shop import N as M", "ln -sfn r/2 current").restored(),
    row("resolved-link", "import pathlib, sys\nsys.path.insert(0, str(pathlib.Path('current').resolve()))\nimport shop", "shop.N")
        .files("mkdir -p releases/1 releases/2; echo 'N = 1' >releases/1/shop.py; echo 'N = 2' >releases/2/shop.py; ln -s releases/1 current").after("ln -sfn releases/2 current"),
    row("realpath-of-a-release", "import os, sys\nsys.path.insert(0, os.path.realpath('current/lib'))\nimport shop", "shop.N")
        .files("mkdir -p r/1/lib r/2/lib; echo 'N = 1' >r/1/lib/shop.py; echo 'N = 2' >r/2/lib/shop.py; ln -s r/1 current").after("ln -sfn r/2 current"),
    row("linked-package", "import sys\nsys.path.insert(0, '.')\nimport p.m", "p.m.N")
        .files("mkdir p1 p2; touch p1/__init__.py p2/__init__.py; echo 'N = 1' >p1/m.py; echo 'N = 22' >p2/m.py; ln -s p1 p").after("ln -sfn p2 p").restored(),
    row("imported-when-asked", "import sys\nsys.path.insert(0, '.')", "__import__('shop').N").files("echo 'N = 1' >shop.py").after("echo 'N = 22' >shop.py"),
    row("looked-for-when-asked", "import sys\nsys.path.insert(0, '.')", "__import__('importlib.util').util.find_spec('shop') is not None").after("touch shop.py"),
];
