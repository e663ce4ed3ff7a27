//! The same for packages from PyPI, which keep chance, files and state of their own.

use super::{Row, check_with, row};
use crate::harness::packages;

#[test]
fn packages_from_pypi() {
    let Some(venv) = packages::venv() else { return };
    check_with(
        &format!("--venv {}", venv.display()),
        false,
        &ROWS.iter().collect::<Vec<_>>(),
    );
}

pub(super) const ROWS: &[Row] = &[
    row("lxml", "from lxml import etree\nM = etree.parse('a.xml').getroot().text", "M")
        .files("echo '<a>1</a>' >a.xml").after("echo '<a>22</a>' >a.xml"),
    row("lxml-missing", "from lxml import etree\ntry: M = etree.parse('a.xml').getroot().text\nexcept OSError: M = 'none'", "M")
        .after("echo '<a>22</a>' >a.xml"),
    row("lxml-included", "from lxml import etree\nt = etree.parse('a.xml')\nt.xinclude()\nM = etree.tostring(t)", "M")
        .files("echo '<a xmlns:x=\"http://www.w3.org/2001/XInclude\"><x:include href=\"b.xml\"/></a>' >a.xml; echo '<b>1</b>' >b.xml")
        .after("echo '<b>22</b>' >b.xml"),
    row("lxml-schema", "from lxml import etree\nt = etree.XSLT(etree.parse('a.xsl'))\nM = str(t(etree.XML('<a/>')))", "M")
        .files("echo '<x:stylesheet version=\"1.0\" xmlns:x=\"http://www.w3.org/1999/XSL/Transform\"><x:template match=\"/\">1</x:template></x:stylesheet>' >a.xsl")
        .after("sed -i 's/>1</>22</' a.xsl"),
    row("jinja", "import jinja2\ne = jinja2.Environment(loader=jinja2.FileSystemLoader('t'))\nM = e.get_template('a').render()", "M")
        .files("mkdir t; echo 1 >t/a").after("echo 22 >t/a").restored(),
    row("jinja-overridden", "import jinja2\ne = jinja2.Environment(loader=jinja2.FileSystemLoader(['site', 't']))\nM = e.get_template('a').render()", "M")
        .files("mkdir t site; echo 1 >t/a").after("echo 22 >site/a").restored(),
    row("jinja-listed", "import jinja2\nM = jinja2.FileSystemLoader('t').list_templates()", "M").files("mkdir t; touch t/a").after("touch t/b"),
    row("numpy-generators", "import numpy\nnumpy.random.rand()", "[numpy.random.rand(), numpy.random.default_rng().random()]").differs().restored(),
    row("numpy-own-generator", "import numpy\ng = numpy.random.default_rng()\ng.random()", "[g.random()]").differs(),
    row("numpy-own-old-generator", "import numpy\ng = numpy.random.RandomState()\ng.rand()", "[g.rand()]").differs(),
    row("numpy-seeded", "import numpy\nnumpy.random.seed(7)", "float(numpy.random.rand())"),
    row("numpy-file", "import numpy\nM = numpy.fromfile('a', dtype='u1').tolist()", "M").files("printf 12 >a").after("printf 345 >a"),
    row("numpy-text", "import numpy\nM = numpy.loadtxt('a').tolist()", "M").files("echo 1 2 >a").after("echo 3 4 5 >a"),
    row("numpy-mapped", "import numpy\nM = numpy.memmap('a', dtype='u1', mode='r')", "M.tolist()").files("printf 12 >a").after("printf 345 >a"),
    row("pandas", "import pandas\nM = pandas.read_csv('a.csv').to_dict()", "M").files("printf 'a,b\\n1,2\\n' >a.csv").after("printf 'a,b\\n3,4\\n5,6\\n' >a.csv"),
    row("pillow", "from PIL import Image\nM = Image.open('a.ppm').getpixel((0, 0))", "M")
        .files("printf 'P3 1 1 255 1 2 3\\n' >a.ppm").after("printf 'P3 1 1 255 10 20 30\\n' >a.ppm"),
    row("cryptography", "from cryptography.fernet import Fernet\nFernet.generate_key()", "[Fernet.generate_key()]").differs(),
    row("cryptography-key", "from cryptography.hazmat.primitives.asymmetric import ec\nec.generate_private_key(ec.SECP256R1())",
        "[ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value]")
        .differs(),
    row("flask", "import flask\napp = flask.Flask('shop')\n@app.route('/')\ndef hello(): return 'hello'", "app.test_client().get('/').data").restored(),
    row("flask-template", "import flask\napp = flask.Flask('shop', root_path=__import__('os').getcwd())\nwith app.app_context(): M = flask.render_template('a.html')", "M")
        .files("mkdir templates; echo 1 >templates/a.html").after("echo 22 >templates/a.html"),
    row("flask-config", "import flask, os\napp = flask.Flask('shop', root_path=os.getcwd())\nM = app.config.from_pyfile('c.cfg', silent=True), app.config.get('N')", "M")
        .after("echo 'N = 1' >c.cfg"),
    row("flask-instance", "import flask, os\napp = flask.Flask('shop', root_path=os.getcwd(), instance_path=os.path.abspath('instance.d'))\nM = os.path.exists(app.instance_path)", "M")
        .after("mkdir instance.d"),
    row("werkzeug", "from werkzeug.security import generate_password_hash as g, gen_salt\ng('a', method='pbkdf2:sha256:1')",
        "[g('a', method='pbkdf2:sha256:1'), gen_salt(20)]")
        .differs().restored(),
    row("django-token", "from django.utils.crypto import get_random_string as g\ng(20)", "[g(20)]").differs(),
    row("django-template", "import django\nfrom django.conf import settings\nsettings.configure(TEMPLATES=[dict(BACKEND='django.template.backends.django.DjangoTemplates', DIRS=['site', 't'])])\n\
         django.setup()\nfrom django.template.loader import get_template\nM = get_template('a.html').render()", "M")
        .files("mkdir site t; echo 1 >t/a.html").after("echo 22 >site/a.html"),
    row("sqlalchemy-in-memory", "import sqlalchemy as s\nd = s.create_engine('sqlite://')\nc = d.connect()\nc.execute(s.text('select random()')).fetchone()",
        "[c.execute(s.text('select hex(randomblob(16))')).fetchone()]")
        .differs(),
    row("itsdangerous", "import itsdangerous\ns = itsdangerous.URLSafeSerializer('key')", "s.dumps([1])").restored(),
    row("setuptools-metadata", "import sys\nsys.path.insert(0, '.')\nimport importlib.metadata as m\nM = sorted(d.metadata['Name'] for d in m.distributions(path=['.']))", "M")
        .files("mkdir a-1.dist-info; printf 'Metadata-Version: 2.1\\nName: a\\nVersion: 1\\n' >a-1.dist-info/METADATA")
        .after("mkdir b-1.dist-info; printf 'Metadata-Version: 2.1\\nName: b\\nVersion: 1\\n' >b-1.dist-info/METADATA"),
];
