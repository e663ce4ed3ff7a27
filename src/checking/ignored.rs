//! `--ignore`: rules by their names, separated by commas or given one by one.

use crate::rules::{self, Rule};

/// The rules that are left out.
#[derive(Clone, Debug, Default)]
pub struct Ignored(Vec<&'static Rule>);

impl Ignored {
    /// What was typed.
    ///
    /// # Errors
    /// For an unknown name, in one line.
    pub fn parse<T: AsRef<str>>(typed: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let mut ignored = Self::default();
        for words in typed {
            for name in words.as_ref().split(',').map(str::trim) {
                if name.is_empty() {
                    continue;
                }
                let Some(rule) = rules::named(name) else {
                    return Err(unknown(name));
                };
                ignored.0.push(rule);
            }
        }
        Ok(ignored)
    }

    /// Whether it is left out.
    #[must_use]
    pub fn has(&self, rule: &Rule) -> bool {
        self.0.contains(&rule)
    }
}

/// The error for an unknown name, with the rule that may be meant.
fn unknown(name: &str) -> String {
    let words = |text: &str| text.split('-').map(str::to_owned).collect::<Vec<_>>();
    let typed = words(name);
    let is_like = |one: &str, other: &str| {
        let common = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
        let common = common.count();
        common > 2 && common + 2 >= one.len().max(other.len())
    };
    let shared = |rule: &&&Rule| {
        let has = |word: &String| typed.iter().any(|one| is_like(one, word));
        let known = words(rule.name);
        (
            known.iter().filter(|word| has(word)).count(),
            std::cmp::Reverse(known.len()),
        )
    };
    let near = rules::TABLE.iter().max_by_key(shared);
    let near = near.filter(|rule| shared(rule).0 > 0);
    let meant = near.map_or(String::new(), |rule| format!(" (perhaps `{}`)", rule.name));
    format!("`{name}` is not a rule{meant}: `wsgi-cgi check --rules` lists the rules")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_one_by_one_or_with_commas() {
        let ignored = Ignored::parse(["raises,write-used", "hangs"]).expect("rules");
        assert!(ignored.has(&rules::HANGS) && ignored.has(&rules::RAISES));
        assert!(!ignored.has(&rules::EXITS));
        let error = Ignored::parse(["write-usde"]).expect_err("no rule");
        assert!(
            error.starts_with("`write-usde` is not a rule (perhaps `write-"),
            "{error}"
        );
    }
}
