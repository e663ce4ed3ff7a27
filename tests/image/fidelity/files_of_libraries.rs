//! Files that libraries read for an application while it loads: time zones, certificates, messages,
//! settings, archives, databases.

use super::{Row, row};

#[test]
fn files_that_libraries_read() {
    super::check(ROWS);
}

/// A certificate of nobody.
macro_rules! certificate {
    () => {
        "-----BEGIN CERTIFICATE-----\n\
         MIIBbjCCARWgAwIBAgIUOxHPkVrTEMa7iab0XvmuAyI5PgQwCgYIKoZIzj0EAwIw\n\
         DDEKMAgGA1UEAwwBYTAgFw0yNjExMjUyMzU4NDNaGA8yMTI2MTEwMTIzNTg0M1ow\n\
         DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPKRxp4AwA4x\n\
         C2buC005w9usuOBn42a0yr6u/VcpFyp/mhHjMUPF9GMR9JOGl8Of2JMrXbeE6bpj\n\
         oALB8L41Ky6jUzBRMB0GA1UdDgQWBBSLf+/2wxR92fd0Z1JOEXPTDwlfcjAfBgNV\n\
         HSMEGDAWgBSLf+/2wxR92fd0Z1JOEXPTDwlfcjAPBgNVHRMBAf8EBTADAQH/MAoG\n\
         CCqGSM49BAMCA0cAMEQCIEI+oHvP+3abXqUI1xHy90dIlhhWwRmiqQMBvYGZ5uU5\n\
         AiBCuerGnv47HDOtpF0jzhjb2QlXFU5p69cp5rz3wXKe5g==\n-----END CERTIFICATE-----\n"
    };
}

/// What OpenSSL has of a file with a certificate, before there is nothing in it.
macro_rules! certificates {
    ($id:literal, $load:literal) => {
        row(
            $id,
            concat!(
                "import os, ssl\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n\
             try:\n    ",
                $load,
                "\n    M = c.cert_store_stats()['x509']\nexcept (ssl.SSLError, OSError): M = 'none'"
            ),
            "M",
        )
        .files(concat!(
            "mkdir ca; cat >ca.pem <<'END'\n",
            certificate!(),
            "END"
        ))
        .after(": >ca.pem")
    };
}

/// What a library makes of a file that a shell's command writes, and another writes anew.
macro_rules! of_file {
    ($id:literal, $files:literal, $load:literal, $change:literal) => {
        row($id, $load, "M").files($files).after($change)
    };
}

/// A catalogue of messages with one translation.
macro_rules! catalogue {
    ($word:literal) => {
        concat!("mkdir -p l/de/LC_MESSAGES; \"$PYTHON\" -c \"import struct; k = b'', b'yes'; v = b'Content-Type: text/plain; \
             charset=utf-8', b'", $word, "'; o = 28 + 32; t = b''; e = []\nfor s in k + v: e += [len(s), o + len(t)]; t += s + bytes(1)\n\
             open('l/de/LC_MESSAGES/x.mo', 'wb').write(struct.pack('<7I8I', 0x950412de, 0, 2, 28, 44, 0, 0, *e) + t)\"")
    };
}

pub(super) const ROWS: &[Row] = &[
    certificates!("certificates", "c.load_verify_locations(cafile='ca.pem')"),
    certificates!("certificates-by-default", "c = ssl.create_default_context(cafile='ca.pem')"),
    certificates!("certificates-of-a-variable", "os.environ['SSL_CERT_FILE'] = os.path.abspath('ca.pem'); c.set_default_verify_paths()"),
    certificates!("certificates-read-by-python", "cadata = open('ca.pem').read(); cadata and c.load_verify_locations(cadata=cadata)").restored(),
    row("certificate-chain-missing", "import ssl\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\ntry: c.load_cert_chain('own.pem')\n\
         except FileNotFoundError: M = 'none'\nexcept ssl.SSLError: M = 'broken'", "M").after("echo >own.pem"),
    row("certificate-decoded", "import _ssl\ntry: M = _ssl._test_decode_cert('ca.pem')['notAfter']\nexcept Exception: M = 'none'", "M")
        .files(concat!("cat >ca.pem <<'END'\n", certificate!(), "END")).after(": >ca.pem"),
    of_file!("certificate-folder", "mkdir ca", "import os, ssl\nM = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(capath='ca'), os.listdir('ca')",
        "touch ca/12345678.0"),
    of_file!("zoneinfo", "mkdir -p z; cp /usr/share/zoneinfo/Asia/Tokyo z/Own",
        "import datetime, os, zoneinfo\nzoneinfo.reset_tzpath([os.path.abspath('z')])\nM = zoneinfo.ZoneInfo('Own').utcoffset(datetime.datetime(2020, 1, 1))",
        "cp /usr/share/zoneinfo/Europe/Moscow z/Own"),
    of_file!("zoneinfo-available", "mkdir -p z; cp /usr/share/zoneinfo/Asia/Tokyo z/Own",
        "import os, zoneinfo\nzoneinfo.reset_tzpath([os.path.abspath('z')])\nM = 'Other' in zoneinfo.available_timezones()",
        "cp /usr/share/zoneinfo/Asia/Tokyo z/Other"),
    of_file!("zone-read-by-c", "cp /usr/share/zoneinfo/Asia/Tokyo zone",
        "import os, time\nos.environ['TZ'] = ':' + os.path.abspath('zone')\ntime.tzset()\nM = time.localtime(0).tm_hour",
        "cp /usr/share/zoneinfo/Europe/Moscow zone"),
    of_file!("locale-missing", ":", "import locale, os\nos.environ['LOCPATH'] = os.path.abspath('loc.d')\ntry: M = locale.setlocale(locale.LC_CTYPE, 'xx_XX')\n\
         except locale.Error: M = os.path.exists('loc.d')", "mkdir -p loc.d/xx_XX"),
    row("gettext", "import gettext\nM = gettext.translation('x', 'l', ['de']).gettext('yes')", "M").files(catalogue!("ja")).after(catalogue!("jawohl")),
    row("gettext-missing", "import gettext\nM = gettext.translation('x', 'l', ['de'], fallback=True).gettext('yes')", "M").after(catalogue!("ja")),
    of_file!("linecache", "echo 'one = 1' >n.txt", "import linecache\nM = linecache.getline('n.txt', 1)", "echo 'two = 22' >n.txt"),
    of_file!("tokenize", "echo '1' >n.txt", "import tokenize\nwith tokenize.open('n.txt') as f: M = f.read()", "echo '22' >n.txt"),
    of_file!("exec-of-a-file", "echo 'M = 1' >conf.py", "exec(compile(open('conf.py').read(), 'conf.py', 'exec'))", "echo 'M = 22' >conf.py").restored(),
    of_file!("runpy", "echo 'N = 1' >conf.py", "import runpy\nM = runpy.run_path('conf.py')['N']", "echo 'N = 22' >conf.py").restored(),
    of_file!("configparser", "echo '[a]\nb=1' >c.ini", "import configparser\nc = configparser.ConfigParser()\nc.read('c.ini')\nM = c['a']['b']", "echo '[a]\nb=22' >c.ini").restored(),
    of_file!("json", "echo '{\"a\": 1}' >c.json", "import json\nwith open('c.json') as f: M = json.load(f)", "echo '{\"a\": 22}' >c.json").restored(),
    of_file!("csv", "echo 'a,1' >c.csv", "import csv\nwith open('c.csv', newline='') as f: M = list(csv.reader(f))", "echo 'a,22' >c.csv").restored(),
    of_file!("pickle", "\"$PYTHON\" -c \"import pickle; pickle.dump(1, open('p', 'wb'))\"", "import pickle\nwith open('p', 'rb') as f: M = pickle.load(f)",
        "\"$PYTHON\" -c \"import pickle; pickle.dump('other', open('p', 'wb'))\"").restored(),
    of_file!("property-list", "\"$PYTHON\" -c \"import plistlib; plistlib.dump(dict(a=1), open('p', 'wb'))\"", "import plistlib\nwith open('p', 'rb') as f: M = plistlib.load(f)",
        "\"$PYTHON\" -c \"import plistlib; plistlib.dump(dict(a=22), open('p', 'wb'))\""),
    of_file!("mime-types", "echo 'a/one x1' >types", "import mimetypes\nM = mimetypes.MimeTypes(['types']).guess_type('f.x1')", "echo 'b/another x1' >types"),
    of_file!("netrc", "echo 'machine a login b password c' >n; chmod 600 n", "import netrc\nM = netrc.netrc('n').authenticators('a')[0]", "echo 'machine a login bb password c' >n"),
    of_file!("xml-of-the-library", "echo '<a>1</a>' >a.xml", "import xml.etree.ElementTree as e\nM = e.parse('a.xml').getroot().text", "echo '<a>22</a>' >a.xml").restored(),
    of_file!("xml-dom", "echo '<a>1</a>' >a.xml", "from xml.dom import minidom\nM = minidom.parse('a.xml').toxml()", "echo '<a>22</a>' >a.xml"),
    of_file!("xml-sax", "echo '<a b=\"1\"/>' >a.xml", "import xml.sax\nM = []\nclass H(xml.sax.ContentHandler):\n    \
         def startElement(self, name, attributes): M.append(attributes['b'])\nxml.sax.parse('a.xml', H())", "echo '<a b=\"22\"/>' >a.xml"),
    of_file!("gzip", "echo 1 | gzip >a.gz", "import gzip\nwith gzip.open('a.gz') as f: M = f.read()", "echo 22 | gzip >a.gz").restored(),
    of_file!("zip", "echo 1 >a; \"$PYTHON\" -m zipfile -c a.zip a", "import zipfile\nwith zipfile.ZipFile('a.zip') as z: M = z.read('a')",
        "echo 22 >a; \"$PYTHON\" -m zipfile -c a.zip a").restored(),
    of_file!("is-a-zip", "echo 1 >a.zip", "import zipfile\nM = zipfile.is_zipfile('a.zip')", "echo 22 >a; \"$PYTHON\" -m zipfile -c a.zip a"),
    of_file!("tar", "echo 1 >a; tar cf a.tar a", "import tarfile\nwith tarfile.open('a.tar') as t: M = t.extractfile('a').read()", "echo 22 >a; tar cf a.tar a"),
    of_file!("dbm", "\"$PYTHON\" -c \"import dbm.dumb; dbm.dumb.open('d')[b'k'] = b'1'\"", "import dbm.dumb\nwith dbm.dumb.open('d', 'r') as d: M = d[b'k']",
        "\"$PYTHON\" -c \"import dbm.dumb; dbm.dumb.open('d')[b'k'] = b'another'\""),
    of_file!("html-template", "echo 'Hello $x' >t.html", "import string\nT = string.Template(open('t.html').read())\nM = T.substitute(x=1)", "echo 'Bye $x' >t.html").restored(),
    of_file!("hash-of-a-file", "echo 1 >app.css", "import hashlib\nM = hashlib.sha256(open('app.css', 'rb').read()).hexdigest()[:8]", "echo 22 >app.css").restored(),
    of_file!("logging-config", "printf '[loggers]\\nkeys=root\\n[handlers]\\nkeys=\\n[formatters]\\nkeys=\\n[logger_root]\\nlevel=DEBUG\\nhandlers=\\n' >l.ini",
        "import logging.config\nlogging.config.fileConfig('l.ini')\nM = logging.getLogger().level", "sed -i s/DEBUG/ERROR/ l.ini"),
    of_file!("robots", "echo 1 >robots.txt", "import urllib.request, os\nM = urllib.request.urlopen('file://' + os.path.abspath('robots.txt')).read()", "echo 22 >robots.txt"),
    of_file!("source-of-a-function", "echo 'def f(): return 1' >lib.py", "import sys\nsys.path.insert(0, '.')\nimport inspect, lib\nM = inspect.getsource(lib.f)",
        "echo 'def f(): return 222' >lib.py").restored(),
    of_file!("users", ":", "import pwd\nM = (pwd.getpwuid(0).pw_name, __import__('os').path.exists('users'))", "touch users"),
    of_file!("program-found", "mkdir bin", "import shutil\nM = shutil.which('mytool', path='bin')", "echo >bin/mytool; chmod +x bin/mytool"),
];
