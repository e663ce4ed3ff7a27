//! A time in the formats that logs use.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time in UTC, taken from its HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub struct Clock {
    http: String,
    milliseconds: u32,
    month: usize,
}

const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

impl Clock {
    /// The given time.
    #[must_use]
    pub fn of(now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let http = httpdate::fmt_http_date(now);
        let month = MONTHS.find(&http[8..11]).unwrap_or_default() / 3 + 1;
        Self {
            http,
            milliseconds: since.subsec_millis(),
            month,
        }
    }

    /// `06/Nov/1994:08:49:37 +0000`
    #[must_use]
    pub fn as_apache(&self) -> String {
        let http = &self.http;
        format!(
            "{}/{}/{}:{} +0000",
            &http[5..7],
            &http[8..11],
            &http[12..16],
            &http[17..25]
        )
    }

    /// `1994-11-06T08:49:37.000Z`
    #[must_use]
    pub fn as_iso(&self) -> String {
        let http = &self.http;
        format!(
            "{}-{:02}-{}T{}.{:03}Z",
            &http[12..16],
            self.month,
            &http[5..7],
            &http[17..25],
            self.milliseconds
        )
    }
}
