//! The table of rules: each has a name of its own, a severity, the section that says it, and a sentence.
//! An error breaks a "must" of PEP 3333 or HTTP, or ends without a whole answer; a warning breaks a
//! "should", or does harm with some gateways; a note is allowed and worth knowing.

/// How severe it is to break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is wrong.
    Error,
    /// It does harm with some gateways or clients.
    Warning,
    /// It is allowed, and worth knowing.
    Note,
}

impl Severity {
    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// What `--ignore` calls it.
    pub name: &'static str,
    /// How severe it is to break it.
    pub severity: Severity,
    /// Where it is written.
    pub section: &'static str,
    /// What it says.
    pub sentence: &'static str,
}

/// A rule that is broken, and what was seen of it.
pub type Seen = (&'static Rule, String);

impl Rule {
    /// The similar request that did not fail, in words.
    #[must_use]
    pub fn contrast(&self) -> &'static str {
        if *self == PATH_NOT_UTF_8 {
            "but not with another path"
        } else {
            "but not with the full environ"
        }
    }
}

/// The rule of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Rule> {
    TABLE.iter().copied().find(|rule| rule.name == name)
}

macro_rules! rules {
    ($($constant:ident $name:literal $severity:ident $section:ident $sentence:literal)*) => {
        $(
            #[doc = $sentence]
            pub const $constant: Rule = Rule {
                name: $name,
                severity: Severity::$severity,
                section: section::$section,
                sentence: $sentence,
            };
        )*

        /// All of them.
        pub static TABLE: &[&Rule] = &[$(&$constant),*];
    };
}

/// Where rules are written.
mod section {
    pub(super) const APPLICATION: &str = "PEP 3333 \"The Application/Framework Side\"";
    pub(super) const DETAILS: &str = "PEP 3333 \"Specification Details\"";
    pub(super) const STRINGS: &str = "PEP 3333 \"A Note On String Types\"";
    pub(super) const ENVIRON: &str = "PEP 3333 \"environ Variables\"";
    pub(super) const STREAMS: &str = "PEP 3333 \"Input and Error Streams\"";
    pub(super) const START: &str = "PEP 3333 \"The start_response() Callable\"";
    pub(super) const LENGTH: &str = "PEP 3333 \"Handling the Content-Length Header\"";
    pub(super) const BUFFERING: &str = "PEP 3333 \"Buffering and Streaming\"";
    pub(super) const WRITE: &str = "PEP 3333 \"The write() Callable\"";
    pub(super) const UNICODE: &str = "PEP 3333 \"Unicode Issues\"";
    pub(super) const ERRORS: &str = "PEP 3333 \"Error Handling\"";
    pub(super) const FEATURES: &str = "PEP 3333 \"Other HTTP Features\"";
    pub(super) const THREADS: &str = "PEP 3333 \"Thread Support\"";
    pub(super) const FILES: &str = "PEP 3333 \"Optional Platform-Specific File Handling\"";
    pub(super) const CGI_STATUS: &str = "RFC 3875 section 6.3.3";
    pub(super) const CGI_BODY: &str = "RFC 3875 section 4.2";
    pub(super) const CGI_OUTPUT: &str = "RFC 3875 section 6.1";
    pub(super) const HTTP_NAMES: &str = "RFC 9110 section 5.1";
    pub(super) const HTTP_ORDER: &str = "RFC 9110 section 5.3";
    pub(super) const HTTP_VALUES: &str = "RFC 9110 section 5.5";
    pub(super) const HTTP_DATES: &str = "RFC 9110 section 5.6.7";
    pub(super) const HTTP_TYPE: &str = "RFC 9110 section 8.3";
    pub(super) const HTTP_LENGTH: &str = "RFC 9110 section 8.6";
    pub(super) const HTTP_ETAG: &str = "RFC 9110 section 8.8.3";
    pub(super) const HTTP_GET_HEAD: &str = "RFC 9110 section 9.1";
    pub(super) const HTTP_HEAD: &str = "RFC 9110 section 9.3.2";
    pub(super) const HTTP_CONDITIONS: &str = "RFC 9110 section 13.1.2";
    pub(super) const HTTP_RANGE: &str = "RFC 9110 section 14.4";
    pub(super) const HTTP_STATUS: &str = "RFC 9110 section 15";
    pub(super) const HTTP_INTERIM: &str = "RFC 9110 section 15.2";
    pub(super) const HTTP_EMPTY: &str = "RFC 9110 section 6.4.1";
    pub(super) const HTTP_PARTIAL: &str = "RFC 9110 section 15.3.7";
    pub(super) const HTTP_LOCATION: &str = "RFC 9110 section 15.4";
    pub(super) const HTTP_NOT_MODIFIED: &str = "RFC 9110 section 15.4.5";
    pub(super) const HTTP_UNAUTHORIZED: &str = "RFC 9110 section 15.5.2";
    pub(super) const HTTP_NOT_ALLOWED: &str = "RFC 9110 section 15.5.6";
    pub(super) const HTTP_UNSATISFIED: &str = "RFC 9110 section 15.5.17";
    pub(super) const HTTP_500: &str = "RFC 9110 section 15.6.1";
    pub(super) const COOKIES: &str = "RFC 6265 section 3";
    pub(super) const PROCESS: &str =
        "not in PEP 3333: the application leaves the process as it found it";
    pub(super) const GATEWAY: &str = "PEP 3333 \"The Server/Gateway Side\"";
}

rules! {
    NOT_CALLABLE "not-callable" Error APPLICATION
        "The application is an object that can be called."
    WRONG_ARGUMENTS "wrong-arguments" Error DETAILS
        "The application takes two arguments by position, the environ and start_response."
    ITERABLE_REUSED "iterable-reused" Error APPLICATION
        "The application can be called more than once: no call returns the iterator of an earlier one."
    RAISES "raises" Error ERRORS
        "The application catches its own errors and answers with a message: no exception reaches the gateway."
    RAISES_LATE "raises-late" Error ERRORS
        "No exception is raised after the headers were sent: the client would get a truncated answer."
    EXITS "exits" Error ERRORS
        "The application returns: it does not call sys.exit()."
    ENDS_PROCESS "ends-process" Error PROCESS
        "The application does not end the process that calls it (os._exit, a crash, a signal)."
    HANGS "hangs" Error BUFFERING
        "The answer ends before the timeout."
    RETURNS_NONE "returns-none" Error DETAILS
        "The application returns an iterable, not None."
    RETURNS_STR "returns-str" Error DETAILS
        "The application returns an iterable of bytes, not a str."
    RETURNS_BYTES "returns-bytes" Error DETAILS
        "The application returns a list (or another iterable) of bytes objects, such as `[content]`, \
         not a bytes object itself."
    NOT_ITERABLE "not-iterable" Error DETAILS
        "What the application returns can be iterated."
    ITEM_NOT_BYTES "item-not-bytes" Error DETAILS
        "Each item of the iterable is bytes."
    ITEM_OF_SUBCLASS "item-of-subclass" Note STRINGS
        "The items are bytes and not a subclass, which some gateways refuse."
    WRONG_LEN "wrong-len" Error DETAILS
        "len() of the iterable is its number of items: gateways compute Content-Length from it."
    TINY_BLOCKS "tiny-blocks" Note BUFFERING
        "Blocks of a few bytes are slow, as each is sent on its own."
    ENDLESS "endless" Note BUFFERING
        "The answer ends: an endless one keeps the gateway busy until the client disconnects."
    CLOSE_RAISES "close-raises" Error DETAILS
        "close() of the iterable raises no exception."

    START_RESPONSE_MISSING "start-response-missing" Error START
        "The application calls start_response."
    START_RESPONSE_LATE "start-response-late" Error DETAILS
        "start_response is called before the iterable yields its first content."
    START_RESPONSE_AFTER_EMPTY "start-response-after-empty" Note DETAILS
        "start_response is called before anything is yielded, even an empty block: some gateways send \
         the headers with the first block."
    START_RESPONSE_TWICE "start-response-twice" Error START
        "start_response is called a second time only with exc_info."
    START_RESPONSE_ARGUMENTS "start-response-arguments" Error START
        "start_response is called with positional arguments: the status, the headers and, optionally, \
         exc_info."
    EXC_INFO_WRONG "exc-info-wrong" Error START
        "exc_info is what sys.exc_info() returns while an exception is handled."
    EXC_INFO_SWALLOWED "exc-info-swallowed" Warning ERRORS
        "If start_response raises exc_info again, because the headers were already sent, the \
         application does not catch that exception."

    STATUS_NOT_STR "status-not-str" Error START
        "The status is a str."
    STATUS_MALFORMED "status-malformed" Error START
        "The status is three digits, a space and a reason, without control characters."
    STATUS_NOT_LATIN_1 "status-not-latin-1" Error UNICODE
        "All characters of the status are in Latin-1."
    STATUS_WITHOUT_REASON "status-without-reason" Note START
        "The status has a reason after its three digits."
    STATUS_UNKNOWN "status-unknown" Error HTTP_STATUS
        "The status is a number from 100 to 599."
    STATUS_INTERIM "status-interim" Error HTTP_INTERIM
        "The status is final, that is, 200 or higher: 1xx is an interim response."

    HEADERS_NOT_LIST "headers-not-list" Error START
        "The headers are a list, not another sequence or a subclass."
    HEADER_NOT_TUPLE "header-not-tuple" Error START
        "Each header is a tuple of a name and a value."
    HEADER_NOT_STR "header-not-str" Error START
        "A header's name and value are of the type str."
    HEADER_NAME_MALFORMED "header-name-malformed" Error HTTP_NAMES
        "A header's name is a token: letters, digits and `-`, without a colon."
    HEADER_VALUE_CONTROL "header-value-control" Error START
        "A header's value has no control character, such as a line break."
    HEADER_NOT_LATIN_1 "header-not-latin-1" Error UNICODE
        "All characters of a header are in Latin-1."
    HEADER_VALUE_PADDED "header-value-padded" Note HTTP_VALUES
        "The value of a header does not begin or end with white space."
    HEADER_HOP_BY_HOP "header-hop-by-hop" Error FEATURES
        "Only the server sends hop-by-hop headers, such as Connection and Transfer-Encoding."
    HEADER_STATUS "header-status" Error CGI_STATUS
        "No header is called Status: a CGI gateway uses that name for the status."
    HEADER_REPEATED "header-repeated" Warning HTTP_ORDER
        "A header that may occur only once, such as Content-Type, is not repeated."
    HEADERS_CHANGED "headers-changed" Warning START
        "The list of headers is not changed after start_response: only some gateways would send the change."

    CONTENT_LENGTH_MALFORMED "content-length-malformed" Error HTTP_LENGTH
        "Content-Length is a number of bytes."
    CONTENT_LENGTH_REPEATED "content-length-repeated" Error HTTP_LENGTH
        "Content-Length occurs once."
    CONTENT_TOO_LONG "content-too-long" Error LENGTH
        "No more content is sent than Content-Length says."
    CONTENT_TOO_SHORT "content-too-short" Error LENGTH
        "No less content is sent than Content-Length says."
    CONTENT_TYPE_MISSING "content-type-missing" Warning HTTP_TYPE
        "An answer with content has a Content-Type."
    CONTENT_FORBIDDEN "content-forbidden" Error HTTP_EMPTY
        "Answers with 204, 205 and 304 have no content."
    CONTENT_LENGTH_FORBIDDEN "content-length-forbidden" Error HTTP_LENGTH
        "An answer with 204 has no Content-Length."
    CONTENT_TYPE_OF_NOTHING "content-type-of-nothing" Note HTTP_TYPE
        "An answer whose status allows no content needs no Content-Type."
    HEAD_WITH_CONTENT "head-with-content" Note HTTP_HEAD
        "An answer to HEAD has no content: gateways drop it, so making it is wasted work."
    HEAD_DIFFERS "head-differs" Warning HTTP_HEAD
        "HEAD is answered with the same status and headers as GET."
    HEAD_REFUSED "head-refused" Warning HTTP_GET_HEAD
        "A URL that answers GET also answers HEAD."

    NOT_MODIFIED_UNASKED "not-modified-unasked" Error HTTP_NOT_MODIFIED
        "The status 304 is sent only in answer to conditional requests."
    ETAG_IGNORED "etag-ignored" Note HTTP_CONDITIONS
        "A request whose If-None-Match holds the current ETag is answered with 304."
    ETAG_MALFORMED "etag-malformed" Warning HTTP_ETAG
        "An ETag is in double quotes."
    PARTIAL_UNASKED "partial-unasked" Error HTTP_PARTIAL
        "The status 206 is sent only in answer to requests with Range."
    CONTENT_RANGE_MISSING "content-range-missing" Error HTTP_PARTIAL
        "An answer with the status 206 has a Content-Range that says which part it holds."
    CONTENT_RANGE_WRONG "content-range-wrong" Error HTTP_RANGE
        "Content-Range has the form `bytes FIRST-LAST/LENGTH`, and exactly the bytes from FIRST to LAST follow."
    UNSATISFIED_WITHOUT_RANGE "unsatisfied-without-range" Warning HTTP_UNSATISFIED
        "An answer with 416 gives the full length in Content-Range."
    LOCATION_MISSING "location-missing" Warning HTTP_LOCATION
        "A redirect has a Location header."
    ALLOW_MISSING "allow-missing" Warning HTTP_NOT_ALLOWED
        "An answer with the status 405 lists the allowed methods in Allow."
    AUTHENTICATE_MISSING "authenticate-missing" Warning HTTP_UNAUTHORIZED
        "An answer with the status 401 has a WWW-Authenticate header."
    DATE_MALFORMED "date-malformed" Warning HTTP_DATES
        "Date and Last-Modified have the form `Sun, 06 Nov 1994 08:49:37 GMT`."
    SET_COOKIE_FOLDED "set-cookie-folded" Warning COOKIES
        "Each cookie has a Set-Cookie header of its own."
    SERVER_ERROR "server-error" Warning HTTP_500
        "The application does not answer 500 to a valid request."

    WRITE_USED "write-used" Note WRITE
        "write() is for old applications: new ones return an iterable."
    WRITE_NOT_BYTES "write-not-bytes" Error WRITE
        "write() is called with bytes."
    WRITE_ARGUMENTS "write-arguments" Error WRITE
        "write() is called with one positional argument."
    WRITE_IN_ITERABLE "write-in-iterable" Error WRITE
        "write() is not called from within the iterable."
    WRITE_LATE "write-late" Error WRITE
        "write() is not called once the answer has ended."

    READS_PAST_END "reads-past-end" Note STREAMS
        "The application does not read more bytes from wsgi.input than CONTENT_LENGTH says."
    READLINE_SIZE "readline-size" Note STREAMS
        "readline() is called without a size, because gateways need not support one."
    READ_ARGUMENTS "read-arguments" Error STREAMS
        "The methods of wsgi.input are called without arguments or with one number, by position, as in \
         the Python documentation."
    READS_LATE "reads-late" Error STREAMS
        "wsgi.input is not read once the answer has ended."
    INPUT_CLOSED "input-closed" Error STREAMS
        "The application does not close wsgi.input."
    ERRORS_CLOSED "errors-closed" Error STREAMS
        "The application does not close wsgi.errors."
    ERRORS_NOT_STR "errors-not-str" Error STREAMS
        "What is written to wsgi.errors is str."
    STREAM_ATTRIBUTE "stream-attribute" Error STREAMS
        "Only the methods of wsgi.input and wsgi.errors that PEP 3333 lists are used."
    READS_STDIN "reads-stdin" Error CGI_BODY
        "The content of a request is read from wsgi.input, not from sys.stdin."

    NEEDS_OPTIONAL "needs-optional" Error ENVIRON
        "QUERY_STRING, CONTENT_TYPE, CONTENT_LENGTH and variables of CGI that PEP 3333 does not list may be absent."
    NEEDS_EMPTY "needs-empty" Note ENVIRON
        "SCRIPT_NAME and PATH_INFO may be absent where they would be empty."
    PATH_NOT_UTF_8 "path-not-utf-8" Warning UNICODE
        "PATH_INFO may hold any bytes, decoded as latin-1: a request whose path is not UTF-8 \
         must get an answer too, for example 400 or 404."
    FILE_WRAPPER_ARGUMENT "file-wrapper-argument" Error FILES
        "wsgi.file_wrapper is called with an object that has a read() method and, optionally, a block size."

    PRINTS_TO_STDOUT "prints-to-stdout" Warning CGI_OUTPUT
        "Nothing is written to standard output: CGI gateways send the answer there."
    PRINTS_TO_STDERR "prints-to-stderr" Note STREAMS
        "Log messages go to wsgi.errors: sys.stderr is lost with some servers."
    THREAD_LEFT "thread-left" Warning THREADS
        "No thread runs on after the answer: the process of a CGI request cannot end before the thread does."
    DAEMON_THREAD_LEFT "daemon-thread-left" Note THREADS
        "No daemon thread runs on after the answer: the process of a CGI request ends, and the thread with it."
    PROCESS_LEFT "process-left" Warning PROCESS
        "No child process is left behind: each has ended, and the application has waited for it."
    FORK_RETURNS "fork-returns" Error PROCESS
        "A process forked by the application must exit: it does not return to the gateway."
    DIRECTORY_CHANGED "directory-changed" Warning PROCESS
        "The working directory is the same after the answer as before."
    SIGNAL_CHANGED "signal-changed" Warning PROCESS
        "The application does not change signal handlers: they belong to the gateway."
    LOCALE_CHANGED "locale-changed" Warning PROCESS
        "The locale is the same after the answer as before."
    UMASK_CHANGED "umask-changed" Warning PROCESS
        "The umask is the same after the answer as before."
    ENVIRONMENT_CHANGED "environment-changed" Note PROCESS
        "os.environ is not changed: all requests of a process share it."
    STREAM_REPLACED "stream-replaced" Warning PROCESS
        "sys.stdin, sys.stdout and sys.stderr are the same after the answer as before."

    GATEWAY_DIFFERS "gateway-differs" Error GATEWAY
        "wsgi-cgi passes on the application's status, headers and content unchanged."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let mut names: Vec<_> = TABLE.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        for rule in TABLE {
            let is_kebab = |letter: char| letter.is_ascii_lowercase() || "-18".contains(letter);
            assert!(rule.name.chars().all(is_kebab), "{}", rule.name);
            assert!(rule.sentence.ends_with('.'), "{}", rule.name);
            assert_eq!(named(rule.name), Some(*rule));
        }
    }
}
