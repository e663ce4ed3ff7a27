//! No two processes that are restored from one image draw the same from a library's chance.

use super::{cold, restored, site};

#[track_caller]
fn differs(loading: &str, expression: &str) {
    let Some(site) = site(loading, expression) else {
        return;
    };
    site.make();
    let answers: Vec<String> = (0..3).map(|_| restored(&site)).collect();
    assert_ne!(answers[0], answers[1], "{expression}");
    assert_ne!(answers[0], answers[2], "{expression}");
    assert_ne!(answers[1], answers[2], "{expression}");
}

/// A seed that loading chose gives what it gives in a fresh process.
#[track_caller]
fn is_the_same(loading: &str, expression: &str) {
    let Some(site) = site(loading, expression) else {
        return;
    };
    let fresh = cold(&site).run();
    site.make();
    assert_eq!(restored(&site), fresh.text(), "{loading}");
    assert_eq!(restored(&site), fresh.text(), "{loading}");
}

#[test]
fn numpys_global_state() {
    differs("import numpy", "numpy.random.random()");
    for seeded in [
        "numpy.random.seed(1)\nnumpy.random.seed()",
        "kept = numpy.random.get_state()\nnumpy.random.seed(1)\nnumpy.random.set_state(kept)",
    ] {
        differs(
            &format!("import numpy\n{seeded}"),
            "numpy.random.randint(1 << 60)",
        );
    }
    is_the_same(
        "import numpy\nnumpy.random.seed(1)",
        "numpy.random.random()",
    );
}

#[test]
fn numpys_generators_that_loading_made() {
    for made in [
        "default_rng()",
        "default_rng(numpy.random.SeedSequence().spawn(2)[1])",
        "Generator(numpy.random.Philox())",
        "RandomState()",
    ] {
        differs(
            &format!("import numpy\nkept = numpy.random.{made}\nkept.normal()"),
            "kept.normal()",
        );
    }
    differs(
        "import numpy\nkept = numpy.random.SeedSequence()",
        "kept.spawn(1)[0].generate_state(4).tolist()",
    );
    for made in [
        "default_rng(5)",
        "RandomState(5)",
        "RandomState(numpy.random.MT19937(5))",
    ] {
        is_the_same(
            &format!("import numpy\nkept = numpy.random.{made}\nkept.normal()"),
            "kept.normal()",
        );
    }
}

#[test]
fn numpys_generators_that_a_request_makes() {
    differs("import numpy", "numpy.random.default_rng().random()");
}

#[test]
fn what_is_shuffled_by_pandas() {
    differs(
        "import pandas\nkept = pandas.Series(range(100_000))",
        "kept.sample(5).tolist()",
    );
}

#[test]
fn keys_and_tokens() {
    differs(
        "import ssl\nfrom cryptography.fernet import Fernet\nssl.RAND_bytes(8)\nFernet.generate_key()",
        "Fernet.generate_key()",
    );
    differs(
        "import ssl, secrets\nfrom cryptography.hazmat.primitives.asymmetric import ec\n\
         ec.generate_private_key(ec.SECP256R1())",
        "ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value",
    );
    // The library for `ssl` and that for `cryptography` are two, each with its own state.
    differs(
        "import ssl\nssl.RAND_bytes(8)\ncontext = ssl.create_default_context()",
        "ssl.RAND_bytes(16)",
    );
    differs("import secrets, uuid\nuuid.uuid4()", "secrets.token_hex()");
}
