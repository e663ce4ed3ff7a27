//! Images of applications that use packages from PyPI.

mod hooks;
