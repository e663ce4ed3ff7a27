//! The parameters of a query string, for display and for masking.

use form_urlencoded::parse;

/// Names and values as forms write them (`a=b+c&d=%26`); what is not UTF-8 is replaced.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

/// Decodes a name or a value of a form.
pub(super) fn decoded(text: &str) -> String {
    let spaces = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaces);
    decoded.decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_the_odd_ones_survive() {
        let pairs: Vec<_> = parameters("a=b+c&d=%26%C3%A9&&e&%zz=%&f=%F").collect();
        let expected = [
            ("a", "b c"),
            ("d", "&é"),
            ("e", ""),
            ("%zz", "%"),
            ("f", "%F"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
