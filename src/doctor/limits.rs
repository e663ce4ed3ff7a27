//! The resource limits of a process here (getrlimit(2)). Limits that a host enforces by other means cannot be
//! seen from inside.

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;

/// A limit: its name, its unit, the divisor that converts to the unit, and the least that Python with a small
/// application needs.
const LIMITS: [(Resource, &str, &str, u64, u64); 7] = [
    (Resource::As, "address space", "MB", 1 << 20, 64),
    (Resource::Data, "data", "MB", 1 << 20, 32),
    (Resource::Stack, "stack", "kB", 1 << 10, 256),
    (Resource::Nofile, "open files", "", 1, 16),
    (Resource::Cpu, "CPU time", "s", 1, 2),
    (Resource::Fsize, "size of a file", "MB", 1 << 20, 0),
    (Resource::Nproc, "processes of this user", "", 1, 3),
];

/// Looks at them. After a good answer none can be too small.
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
            let said = format!("limit too low: {shown}; Python needs at least {least} {unit}");
            let said = said.trim_end().to_owned();
            findings.push(Finding::wrong("limits", said).mended_by(
                "ask the hosting provider for a higher limit (`ulimit -a` lists \
                                all limits)",
            ));
        } else {
            usual.push(shown);
        }
    }
    let said = if usual.is_empty() {
        "no limits are set".to_owned()
    } else {
        usual.join(", ")
    };
    findings.push(Finding::good("limits", said));
}
