//! Functions that an application has called around its image.

use super::{Site, eventually};

#[test]
fn hooks_of_fork() {
    let site = Site::new(
        "import os\nseen = []\nos.register_at_fork(before=lambda: seen.append('before'), \
         after_in_child=lambda: seen.append('child'))\n\
         def application(environ, start_response):\n    start_response('200 OK', [])\n    \
         return [' '.join(seen).encode()]\n",
    );
    site.make();
    assert_eq!(site.restored(), "before child");
}

#[test]
fn the_application_has_no_child_that_it_did_not_start() {
    let site = Site::new(
        "import os\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    \
         try: return [repr(os.wait()).encode()]\n    except ChildProcessError: return [b'none']\n",
    );
    assert_eq!(site.cold("there is no image yet"), "none");
    eventually("an image", || !site.kept("image").is_empty());
    assert_eq!(site.restored(), "none");
}
