//! Which versions of Python a specifier such as `>=3.9, <3.13` allows (Python Packaging: "Version specifiers").

/// Whether a version is allowed. What is not understood counts as allowed: nothing is reported then.
#[must_use]
pub fn allows(specifier: &str, version: &[u64]) -> bool {
    specifier
        .split(',')
        .all(|clause| is_met(clause.trim(), version).unwrap_or(true))
}

/// Whether a version meets one clause; `None` where that is not known.
fn is_met(clause: &str, version: &[u64]) -> Option<bool> {
    let start = clause.find(|letter: char| letter.is_ascii_digit())?;
    let (operator, wanted) = clause.split_at(start);
    let (wanted, is_prefix) = match wanted.strip_suffix(".*") {
        Some(prefix) => (prefix, true),
        None => (wanted, false),
    };
    let numbers = wanted.split('.').map(|number| number.parse().ok());
    let wanted: Vec<u64> = numbers.collect::<Option<_>>()?;
    // Numbers that are not there are zeros.
    let cut = |version: &[u64], length: usize| -> Vec<u64> {
        version
            .iter()
            .copied()
            .chain(std::iter::repeat(0))
            .take(length)
            .collect()
    };
    let length = version.len().max(wanted.len());
    let is_like = |prefix: &[u64]| cut(version, prefix.len()) == prefix;
    let order = cut(version, length).cmp(&cut(&wanted, length));
    Some(match (operator.trim(), is_prefix) {
        ("==", true) => is_like(&wanted),
        ("!=", true) => !is_like(&wanted),
        ("==" | "===", false) => order.is_eq(),
        ("!=", false) => order.is_ne(),
        (">=", false) => order.is_ge(),
        ("<=", false) => order.is_le(),
        (">", false) => order.is_gt(),
        ("<", false) => order.is_lt(),
        ("~=", false) if wanted.len() > 1 => order.is_ge() && is_like(&wanted[..wanted.len() - 1]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_decides() {
        for (specifier, is_allowed) in [
            (">=3.9", true),
            (">= 3.11.2", true),
            (">=3.12", false),
            (">=3.9,<3.11", false),
            (">=2.7, !=3.0.*, !=3.1.*", true),
            ("!=3.11.*", false),
            ("==3.11.*", true),
            ("==3.11", false),
            ("==3.11.2", true),
            ("~=3.9", true),
            ("~=3.11.1", true),
            ("~=3.10.1", false),
            ("<4", true),
            ("<=3.11.2.0", true),
            (">3.11.2", false),
            ("", true),
            (">=3.14.0b1", true),
            ("about 3.14", true),
        ] {
            assert_eq!(allows(specifier, &[3, 11, 2]), is_allowed, "{specifier}");
        }
    }
}
