//! What a process may use here, as the kernel has it (getrlimit(2)). What a host counts by other means is not
//! seen from inside.

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;

/// A limit: what it is of, its unit, by which its number is divided, and what a Python with a small
/// application takes at the least.
const LIMITS: [(Resource, &str, &str, u64, u64); 7] = [
    (Resource::As, "address space", "MB", 1 << 20, 64),
    (Resource::Data, "data", "MB", 1 << 20, 32),
    (Resource::Stack, "stack", "kB", 1 << 10, 256),
    (Resource::Nofile, "open files", "", 1, 16),
    (Resource::Cpu, "CPU time", "s", 1, 2),
    (Resource::Fsize, "size of a file", "MB", 1 << 20, 0),
    (Resource::Nproc, "processes of this user", "", 1, 3),
];

/// Looks at them. Where there was a good answer, they are no smaller than that took.
pub(super) fn look(is_answered: bool, findings: &mut Vec<Finding>) {
    let mut usual = Vec::new();
    for (resource, name, unit, divisor, least) in LIMITS {
        let Some(limit) = getrlimit(resource).current else {
            continue;
        };
        let shown = format!(
            "{name} {}{}{unit}",
            limit / divisor,
            if unit.is_empty() { "" } else { " " }
        );
        if limit / divisor < least && !is_answered {
            let said = format!(
                "a process may have too little: {shown}, where Python needs {least} {unit}"
            );
            let said = said.trim_end().to_owned();
            findings.push(
                Finding::wrong("limits", said).mended_by("ask the host for more (ulimit -a)"),
            );
        } else {
            usual.push(shown);
        }
    }
    let said = if usual.is_empty() {
        "none is set".to_owned()
    } else {
        usual.join(", ")
    };
    findings.push(Finding::good("limits", said));
}
