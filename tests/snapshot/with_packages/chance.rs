//! No two processes that are restored from one image draw the same from a library's chance.

use super::{restored, site};

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

#[test]
fn numpys_global_state() {
    differs("import numpy", "numpy.random.random()");
    differs(
        "import numpy\nnumpy.random.seed(1)\nnumpy.random.random()",
        "numpy.random.randint(1 << 60)",
    );
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
