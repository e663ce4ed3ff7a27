//! `if __name__ == "__main__":`, which is false while a script is loaded as a module. The statements
//! below it are run if they answer the request; a development server is not started.

use std::collections::HashSet;
use std::path::Path;

use pyo3::exceptions::PySystemExit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyModule, PyString, PyTuple, PyType};

use super::forbidden_calls::{self, Guarded};
use super::handlers::{has_no_request, is_handler};

/// Names that answer a CGI request: the standard library's handlers, and the functions of web.py and
/// Mercurial that call them.
const ANSWERING: [&str; 5] = [
    "CGIHandler",
    "BaseCGIHandler",
    "IISCGIHandler",
    "cgirun",
    "wsgicgi",
];

/// `ast.PyCF_ONLY_AST`
const ONLY_AST: i32 = 0x400;

/// How many functions are looked into.
const MOST: usize = 200;

/// The statements of a script that its main guard keeps from running.
pub(in super::super) struct MainGuard<'py> {
    module: Bound<'py, PyAny>,
    tree: Bound<'py, PyAny>,
    file: Bound<'py, PyAny>,
}

impl<'py> MainGuard<'py> {
    /// The guarded statements of a loaded module, if there are any. If the code does not have both
    /// `__name__` and `"__main__"`, it is not parsed.
    pub(in super::super) fn of(
        module: &Bound<'py, PyAny>,
        code: &Bound<'py, PyAny>,
        file: &Path,
    ) -> PyResult<Option<Self>> {
        let py = module.py();
        if !code
            .getattr(intern!(py, "co_names"))?
            .contains("__name__")?
            || !has_main(&code.getattr(intern!(py, "co_consts"))?)?
        {
            return Ok(None);
        }
        let source = std::fs::read(file)?;
        let file = file.as_os_str().into_pyobject(py)?;
        let tree = compile(py, source, file.as_any(), ONLY_AST)?;
        let statements = PyList::empty(py);
        for statement in tree.getattr("body")?.try_iter()? {
            let statement = statement?;
            if statement.get_type().name()? == "If" {
                let words = Words::of(&statement.getattr("test")?)?;
                if words.names.contains("__name__") && words.texts.contains("__main__") {
                    statements.append(statement)?;
                }
            }
        }
        if statements.is_empty() {
            return Ok(None);
        }
        tree.setattr("body", statements)?;
        Ok(Some(Self {
            module: module.clone(),
            tree,
            file: file.into_any(),
        }))
    }

    /// Whether the statements, or functions that they call, call something that answers a CGI request.
    pub(in super::super) fn answers(&self) -> PyResult<bool> {
        let words = Words::of(&self.tree)?;
        if words.is_answering() {
            return Ok(true);
        }
        let globals = self.module.getattr("__dict__")?.cast_into::<PyDict>()?;
        let mut functions = Vec::new();
        for name in &words.names {
            if let Some(value) = globals.get_item(name)? {
                if is_handler(&value)? {
                    return Ok(true);
                }
                functions.extend(functions_of(&value, &words.attributes)?);
            }
        }
        let mut seen = HashSet::new();
        while let Some(function) = functions.pop() {
            let code = function.getattr("__code__")?;
            if seen.len() >= MOST || !seen.insert(code.as_ptr() as usize) {
                continue;
            }
            let mut names = HashSet::new();
            names_of(&code, &mut names)?;
            if ANSWERING.iter().any(|answering| names.contains(*answering)) {
                return Ok(true);
            }
            let globals = function.getattr("__globals__")?.cast_into::<PyDict>()?;
            for name in &names {
                if let Some(value) = globals.get_item(name)? {
                    if is_handler(&value)? {
                        return Ok(true);
                    }
                    functions.extend(functions_of(&value, &names)?);
                }
            }
        }
        Ok(false)
    }

    /// Whether a name occurs in the statements, or in a function of the script that they call.
    pub(in super::super) fn mentions(&self, word: &str) -> PyResult<bool> {
        let words = Words::of(&self.tree)?;
        if words.names.contains(word) || words.attributes.contains(word) {
            return Ok(true);
        }
        let globals = self.module.getattr("__dict__")?.cast_into::<PyDict>()?;
        for name in &words.names {
            if let Some(function) = globals.get_item(name)?
                && let Some(code) = function.getattr_opt("__code__")?
            {
                let mut names = HashSet::new();
                names_of(&code, &mut names)?;
                if names.contains(word) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Runs the statements, as Python does with a script.
    pub(in super::super) fn run(&self) -> PyResult<()> {
        forbidden_calls::main_guard_runs(Guarded::Needed);
        self.execute()
    }

    /// Runs the statements in a script that has an application: they may pass it to a handler. If they
    /// do something else, such as a test or a command line, an exit or a refusal there is ignored.
    pub(in super::super) fn try_to_run(&self) -> PyResult<()> {
        let py = self.module.py();
        let (name, main) = (intern!(py, "__name__"), intern!(py, "__main__"));
        let (before, modules) = (
            self.module.getattr(name)?,
            py.import("sys")?.getattr("modules")?,
        );
        let before_main = modules.get_item(main)?;
        forbidden_calls::main_guard_runs(Guarded::Tried);
        let ran = self.execute();
        let is_for_others = match &ran {
            Ok(()) => true,
            Err(error) => {
                error.is_instance_of::<PySystemExit>(py)
                    || has_no_request(py, error)
                    || forbidden_calls::has_refused()
            }
        };
        if is_for_others {
            forbidden_calls::forget();
            self.module.setattr(name, before)?;
            modules.set_item(main, before_main)?;
            return Ok(());
        }
        ran
    }

    fn execute(&self) -> PyResult<()> {
        let py = self.module.py();
        let code = compile(py, &self.tree, &self.file, 0)?;
        let main = intern!(py, "__main__");
        self.module.setattr(intern!(py, "__name__"), main)?;
        py.import("sys")?
            .getattr("modules")?
            .set_item(main, &self.module)?;
        py.import("builtins")?
            .call_method1("exec", (code, self.module.getattr("__dict__")?))?;
        Ok(())
    }
}

fn compile<'py>(
    py: Python<'py>,
    source: impl IntoPyObject<'py>,
    file: &Bound<'py, PyAny>,
    flags: i32,
) -> PyResult<Bound<'py, PyAny>> {
    let named = PyDict::new(py);
    named.set_item("flags", flags)?;
    named.set_item("dont_inherit", true)?;
    py.import("builtins")?
        .getattr("compile")?
        .call((source, file, "exec"), Some(&named))
}

/// Whether one of the constants, or one in a tuple, is `"__main__"`.
fn has_main(constants: &Bound<'_, PyAny>) -> PyResult<bool> {
    for constant in constants.try_iter()? {
        let constant = constant?;
        if let Ok(text) = constant.cast::<PyString>() {
            if text == "__main__" {
                return Ok(true);
            }
        } else if constant.is_instance_of::<PyTuple>() && has_main(&constant)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The names and strings in a part of a syntax tree.
#[derive(Default)]
struct Words {
    names: HashSet<String>,
    attributes: HashSet<String>,
    texts: HashSet<String>,
    /// Bottle's `run(server="cgi")`.
    has_cgi_server: bool,
}

impl Words {
    fn of(node: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut words = Self::default();
        let mut nodes = vec![node.clone()];
        while let Some(node) = nodes.pop() {
            if let Ok(list) = node.cast::<PyList>() {
                nodes.extend(list);
                continue;
            }
            let Some(fields) = node.getattr_opt("_fields")? else {
                continue;
            };
            match &*node.get_type().name()?.to_cow()? {
                "Name" => {
                    words.names.insert(node.getattr("id")?.extract()?);
                }
                "Attribute" => {
                    words.attributes.insert(node.getattr("attr")?.extract()?);
                }
                "alias" => {
                    let name: String = node.getattr("name")?.extract()?;
                    words.attributes.extend(name.split('.').map(str::to_owned));
                }
                "Constant" => {
                    if let Ok(text) = node.getattr("value")?.extract() {
                        words.texts.insert(text);
                    }
                }
                "keyword" => {
                    let name: Option<String> = node.getattr("arg")?.extract()?;
                    let text = node.getattr("value")?.getattr_opt("value")?;
                    words.has_cgi_server |= name.as_deref() == Some("server")
                        && text.is_some_and(|text| text.eq("cgi").unwrap_or(false));
                }
                _ => {}
            }
            for field in fields.try_iter()? {
                let field = field?.cast_into::<PyString>()?;
                nodes.extend(node.getattr_opt(field)?);
            }
        }
        Ok(words)
    }

    fn is_answering(&self) -> bool {
        let has = |word: &&str| self.names.contains(*word) || self.attributes.contains(*word);
        self.has_cgi_server || ANSWERING.iter().any(has)
    }
}

/// The names in a function's code and in that of the functions in it.
fn names_of(code: &Bound<'_, PyAny>, names: &mut HashSet<String>) -> PyResult<()> {
    names.extend(code.getattr("co_names")?.extract::<Vec<String>>()?);
    for constant in code.getattr("co_consts")?.try_iter()? {
        let constant = constant?;
        if constant.getattr_opt("co_consts")?.is_some() {
            names_of(&constant, names)?;
        }
    }
    Ok(())
}

/// The Python functions that calling a value may run: itself, or its methods with these names. No code
/// of the application runs meanwhile.
fn functions_of<'py>(
    value: &Bound<'py, PyAny>,
    attributes: &HashSet<String>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = value.py();
    let kind = value.get_type();
    let is_function =
        |value: &Bound<'_, PyAny>| -> PyResult<bool> { Ok(value.get_type().name()? == "function") };
    if is_function(value)? {
        return Ok(vec![value.clone()]);
    }
    let mut places = Vec::new();
    if value.is_instance_of::<PyModule>() {
        places.push(value.getattr(intern!(py, "__dict__"))?);
    } else {
        let classes = match value.cast::<PyType>() {
            Ok(class) => class.mro(),
            Err(_) => kind.mro(),
        };
        for class in classes {
            places.push(class.getattr(intern!(py, "__dict__"))?);
        }
    }
    let mut functions = Vec::new();
    for place in places {
        for name in attributes {
            if place.contains(name)? {
                let found = place.get_item(name)?;
                if is_function(&found)? {
                    functions.push(found);
                }
            }
        }
    }
    Ok(functions)
}
