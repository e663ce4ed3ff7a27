//! Libraries that are imported before the image is made and used after it is restored: the answer is
//! the cold program's.

use super::{cold, restored, site};

#[track_caller]
fn alike(loading: &str, expression: &str, expected: &str) {
    let Some(site) = site(loading, expression) else {
        return;
    };
    let answer = cold(&site).run();
    assert_eq!(answer.header("X-Restored"), ["no"]);
    assert_eq!(answer.text(), expected, "cold: {expression}");
    site.make();
    for _ in 0..2 {
        assert_eq!(restored(&site), expected, "restored: {expression}");
    }
}

#[test]
fn numpy() {
    alike(
        "import numpy\nkept = numpy.arange(1_000_000, dtype=float)",
        "(float((kept * 2).sum()), numpy.linalg.det(numpy.eye(200)).item(), \
          float((numpy.ones((300, 300)) @ numpy.ones((300, 300)))[0, 0]), \
          numpy.fft.fft(numpy.ones(8)).real.tolist()[0])",
        "(999999000000.0, 1.0, 300.0, 8.0)",
    );
}

#[test]
fn pandas() {
    alike(
        "import io, pandas\nkept = pandas.DataFrame({'name': ['b', 'a', 'b'], 'number': [1, 2, 3]})",
        "(kept.groupby('name').number.sum().to_dict(), \
          pandas.read_csv(io.StringIO('day,x\\n2024-02-28,1\\n2024-02-29,2\\n'), parse_dates=['day'])\
          .day.dt.day_name().tolist(), \
          str(pandas.Timestamp('2024-07-01', tz='Europe/Berlin').tz_convert('UTC')))",
        "({'a': 2, 'b': 4}, ['Wednesday', 'Thursday'], '2024-06-30 22:00:00+00:00')",
    );
}

#[test]
fn lxml() {
    alike(
        "from lxml import etree, html\n\
         sheet = etree.XSLT(etree.XML('<xsl:stylesheet version=\"1.0\" \
         xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\"><xsl:template match=\"/\">\
         <out><xsl:value-of select=\"count(//b)\"/></out></xsl:template></xsl:stylesheet>'))\n\
         kept = etree.XML('<a><b>1</b><b>2</b></a>')\n\
         def fails(text):\n    \
         try: etree.fromstring(text)\n    except etree.XMLSyntaxError as error: return error.lineno",
        "(kept.xpath('sum(//b)'), str(sheet(kept)).splitlines()[-1], \
          html.fromstring('<p>one<p>two').xpath('//p/text()'), fails('<a>\\n<b></a>'))",
        "(3.0, '<out>2</out>', ['one', 'two'], 2)",
    );
}

#[test]
fn pillow() {
    alike(
        "import io\nfrom PIL import Image, ImageDraw, ImageFont\n\
         kept = Image.new('RGB', (64, 48), 'red')\n\
         def stored(kind):\n    buffer = io.BytesIO()\n    kept.save(buffer, kind)\n    \
         image = Image.open(io.BytesIO(buffer.getvalue()))\n    \
         return image.format, image.size, image.convert('RGB').getpixel((1, 1))[0] > 250\n\
         def drawn():\n    image = kept.resize((200, 100))\n    \
         ImageDraw.Draw(image).text((5, 5), 'text', font=ImageFont.load_default(20))\n    \
         return len(image.getcolors(100000)) > 1",
        "([stored(kind) for kind in ('PNG', 'JPEG', 'WEBP', 'GIF')], drawn())",
        "([('PNG', (64, 48), True), ('JPEG', (64, 48), True), ('WEBP', (64, 48), True), \
         ('GIF', (64, 48), True)], True)",
    );
}

#[test]
fn cryptography() {
    alike(
        "import hashlib, ssl\n\
         from cryptography.hazmat.primitives import hashes, serialization\n\
         from cryptography.hazmat.primitives.asymmetric import ed25519, rsa, padding\n\
         from cryptography.fernet import Fernet\n\
         vault = Fernet(b'A' * 43 + b'=')\n\
         kept = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))\n\
         context = ssl.create_default_context()\n\
         def signed():\n    key = rsa.generate_private_key(65537, 2048)\n    \
         signature = key.sign(b'x', padding.PKCS1v15(), hashes.SHA256())\n    \
         return key.public_key().verify(signature, b'x', padding.PKCS1v15(), hashes.SHA256())",
        "(kept.sign(b'x').hex()[:8], vault.decrypt(vault.encrypt(b'secret')), signed(), \
          hashlib.scrypt(b'x', salt=b'y', n=16, r=1, p=1).hex()[:8], \
          context.check_hostname, len(context.get_ciphers()) > 5)",
        "('f7f495f3', b'secret', None, 'cd5fd651', True, True)",
    );
}

/// Both ends of a handshake in memory, with contexts that loading made.
#[test]
fn a_tls_context() {
    alike(
        "import datetime, ssl, tempfile\nfrom cryptography import x509\n\
         from cryptography.hazmat.primitives import hashes, serialization\n\
         from cryptography.hazmat.primitives.asymmetric import ec\n\
         key = ec.generate_private_key(ec.SECP256R1())\n\
         name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'example.org')])\n\
         now = datetime.datetime.now(datetime.timezone.utc)\n\
         day = datetime.timedelta(days=1)\n\
         certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name)\n    \
         .public_key(key.public_key()).serial_number(1)\n    \
         .not_valid_before(now - day).not_valid_after(now + day)\n    \
         .add_extension(x509.SubjectAlternativeName([x509.DNSName('example.org')]), False)\n    \
         .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))\n\
         secret = key.private_bytes(serialization.Encoding.PEM,\n    \
         serialization.PrivateFormat.PKCS8, serialization.NoEncryption())\n\
         server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
         with tempfile.NamedTemporaryFile() as file:\n    \
         file.write(secret + certificate)\n    file.flush()\n    server.load_cert_chain(file.name)\n\
         client = ssl.create_default_context(cadata=certificate.decode())\n\
         def talked():\n    to, back = ssl.MemoryBIO(), ssl.MemoryBIO()\n    \
         ends = [client.wrap_bio(back, to, server_hostname='example.org'),\n            \
         server.wrap_bio(to, back, server_side=True)]\n    \
         for end in ends * 3:\n        \
         try: end.do_handshake()\n        except ssl.SSLWantReadError: pass\n    \
         ends[0].write(b'hello')\n    return ends[1].read(), ends[0].version()",
        "talked()",
        "(b'hello', 'TLSv1.3')",
    );
}
