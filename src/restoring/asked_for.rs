//! Whether requests are to be answered from images: the option, the variable, the script's own word, in
//! this order. Asked before anything else, and so without the parser of options.

use std::ffi::OsString;
use std::path::Path;

use exchange::MetaVariables;
use settings::config::{ScriptOptions, is_on};

/// Whether it is so. What means nothing is said where the request is answered.
pub(crate) fn images(options: &[OsString], meta: &MetaVariables, script: Option<&Path>) -> bool {
    if options.iter().any(|option| option == "--image") {
        return true;
    }
    if let Some(value) = meta.get_redirected("WSGI_CGI_IMAGE") {
        return is_on(value) == Some(true);
    }
    let options = script.map(ScriptOptions::read);
    options.is_some_and(|options| options.is_ok_and(|options| options.image == Some(true)))
}
