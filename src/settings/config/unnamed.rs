//! Finds the application in a folder if none was given: a file with a usual name, or the application of the
//! Django project that `manage.py` belongs to. It reads files, and does not run Python.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The files to look for, in the order of the messages.
const USUAL: [&str; 4] = ["app.py", "wsgi.py", "application.py", "manage.py"];

/// The variable that names Django's settings in a `manage.py`.
const DJANGO: &str = "DJANGO_SETTINGS_MODULE";

/// The only application in a folder, as it would be typed for APP there.
///
/// # Errors
/// If there is none, or more than one candidate.
pub(crate) fn find_application(folder: &Path) -> Result<OsString> {
    let fits = |name: &&str| match *name {
        "manage.py" => read(&folder.join(name)).is_some_and(|text| text.contains(DJANGO)),
        name => folder.join(name).is_file(),
    };
    let found: Vec<&str> = USUAL.into_iter().filter(fits).collect();
    let shown = folder.display();
    match found[..] {
        ["manage.py"] => django(folder),
        [name] => Ok(name.into()),
        [] => bail!(
            "APP was not given, and `{shown}` has no app.py, wsgi.py, application.py or Django's \
             manage.py: add the application, as in `wsgi-cgi serve FILE`"
        ),
        [first, ..] => bail!(
            "APP was not given, and `{shown}` has more than one candidate ({}): choose one, as in \
             `wsgi-cgi serve {first}`",
            found.join(", ")
        ),
    }
}

/// The module with the WSGI application of a Django project: beside the settings that its `manage.py` names,
/// else the only one in a folder of the project.
fn django(folder: &Path) -> Result<OsString> {
    let text = read(&folder.join("manage.py")).unwrap_or_default();
    let mut package = settings_module(&text).unwrap_or_default();
    while let Some((above, _)) = package.rsplit_once('.') {
        if is_application(&folder.join(above.replace('.', "/"))) {
            return Ok(format!("{above}.wsgi").into());
        }
        package = above;
    }
    let entries = fs::read_dir(folder).with_context(|| format!("`{}`", folder.display()))?;
    let mut modules: Vec<String> = entries
        .flatten()
        .filter(|entry| is_application(&entry.path()))
        .filter_map(|entry| Some(format!("{}.wsgi", entry.file_name().to_str()?)))
        .collect();
    modules.sort_unstable();
    match &modules[..] {
        [module] => Ok(module.into()),
        [] => bail!(
            "APP was not given, and the Django project in `{}` has no wsgi.py: add the application, \
             as in `wsgi-cgi serve mysite.wsgi`",
            folder.display()
        ),
        [first, ..] => bail!(
            "APP was not given, and the Django project in `{}` has more than one application ({}): \
             choose one, as in `wsgi-cgi serve {first}`",
            folder.display(),
            modules.join(", ")
        ),
    }
}

fn is_application(folder: &Path) -> bool {
    folder.join("wsgi.py").is_file()
}

/// `mysite.settings` of `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")`.
fn settings_module(text: &str) -> Option<&str> {
    let after = text.split_once(DJANGO)?.1;
    // The quote that ends the variable's name.
    let after = after.get(1..)?;
    let start = after.find(['"', '\''])?;
    let quote = after[start..].chars().next()?;
    after[start + 1..].split(quote).next()
}

fn read(file: &Path) -> Option<String> {
    // Only regular files: opening a FIFO would block.
    if !file.is_file() {
        return None;
    }
    fs::read(file)
        .ok()
        .map(|text| String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Result<String> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(file, text).expect("written");
        }
        let app = find_application(folder.path())?;
        Ok(app.into_string().expect("UTF-8"))
    }

    fn manage(settings: &str) -> String {
        format!("os.environ.setdefault('{DJANGO}', \"{settings}\")\n")
    }

    #[test]
    fn one_file_with_a_usual_name_is_the_application() {
        for name in ["app.py", "wsgi.py", "application.py"] {
            let found = found(&[(name, ""), ("other.py", ""), ("manage.py", "Flask's")]);
            assert_eq!(found.expect("one"), name);
        }
    }

    #[test]
    fn a_django_project_has_the_application_beside_its_settings() {
        let other = ("other/wsgi.py", "");
        for (settings, file, module) in [
            ("mysite.settings", "mysite/wsgi.py", "mysite.wsgi"),
            ("config.settings.local", "config/wsgi.py", "config.wsgi"),
            ("a.b.settings", "a/b/wsgi.py", "a.b.wsgi"),
        ] {
            let files = [("manage.py", &*manage(settings)), (file, ""), other];
            assert_eq!(found(&files).expect("one"), module);
        }
        let elsewhere = [("manage.py", &*manage("settings")), other];
        assert_eq!(found(&elsewhere).expect("one"), "other.wsgi");
    }

    #[test]
    fn an_unclear_choice_is_an_error() {
        let said = |files: &[(&str, &str)]| found(files).expect_err("not clear").to_string();
        let nothing = said(&[("main.py", "")]);
        for name in USUAL {
            assert!(nothing.contains(name), "{nothing}");
        }
        let several = said(&[("app.py", ""), ("wsgi.py", "")]);
        assert!(several.contains("(app.py, wsgi.py)"), "{several}");
        let manage = manage("settings");
        let without = said(&[("manage.py", &manage)]);
        assert!(without.contains("has no wsgi.py"), "{without}");
        let sites = [
            ("manage.py", &*manage),
            ("a/wsgi.py", ""),
            ("b/wsgi.py", ""),
        ];
        let sites = said(&sites);
        assert!(sites.contains("(a.wsgi, b.wsgi)"), "{sites}");
    }
}
