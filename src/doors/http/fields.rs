//! Header fields (RFC 9112, section 5), with httparse for the grammar of a line: a token, a colon
//! right after it, a value without controls. What httparse would let pass beyond that (a lone LF)
//! was refused before, line by line.

use super::Refusal;
use super::grammar::trim;

/// The fields of one request in the order they came, values without white space around them.
///
/// There is no field with an underscore in its name: CGI writes `-` as `_`, so that it could pose
/// as another (RFC 3875, section 4.1.18). nginx and Apache drop them as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    list: Vec<(Vec<u8>, Vec<u8>)>,
    has_underscore_names: bool,
}

impl Fields {
    /// Reads a section of `count` lines at most, the empty line at its end included.
    pub(super) fn parse(section: &[u8], count: usize) -> Result<Self, Refusal> {
        let mut headers = vec![httparse::EMPTY_HEADER; count];
        match httparse::parse_headers(section, &mut headers) {
            Ok(httparse::Status::Complete((length, headers))) if length == section.len() => {
                let is_left_out = |header: &&httparse::Header<'_>| header.name.contains('_');
                Ok(Self {
                    list: headers
                        .iter()
                        .filter(|header| !is_left_out(header))
                        .map(|header| {
                            (header.name.as_bytes().to_vec(), trim(header.value).to_vec())
                        })
                        .collect(),
                    has_underscore_names: headers.iter().any(|header| is_left_out(&header)),
                })
            }
            // RFC 9112, section 5.1: white space before the colon must be answered with 400.
            Err(httparse::Error::HeaderName) => Err(Refusal::bad(
                "a header line does not begin with a name and a colon",
            )),
            // RFC 9110, section 5.5.
            Err(httparse::Error::HeaderValue) => Err(Refusal::bad("a field value is malformed")),
            _ => Err(Refusal::bad("the header fields are malformed")),
        }
    }

    /// The values of every field of that name, whatever its case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The elements of a list-based field, its lines joined, empty elements ignored (RFC 9110,
    /// section 5.6.1).
    pub(super) fn elements(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(trim)
            .filter(|element| !element.is_empty())
    }

    /// The value of a field that may occur once; twice is refused with `doubled`, as an
    /// application and whatever stands before it could take different ones (RFC 9110, section 5.3).
    pub(super) fn only(&self, name: &str, doubled: &'static str) -> Result<Option<&[u8]>, Refusal> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Refusal::bad(doubled)),
        }
    }

    /// Whether there was one with an underscore in its name.
    #[must_use]
    pub fn has_underscore_names(&self) -> bool {
        self.has_underscore_names
    }

    /// All names and values in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.list
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }
}
