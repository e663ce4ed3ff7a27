//! The time of a log entry in the form of ISO 8601: local time with milliseconds and the offset from UTC. Entries of
//! the error log begin with it if standard error is a file. If it is a pipe, the web server that reads it adds the
//! time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use exchange::MetaVariables;
use rustix::fs::{FileType, fstat};
use tz::{LocalTimeType, TimeZone};

/// Length of a time, in bytes.
pub const LENGTH: usize = "2025-01-31T12:34:56.789+01:00".len();

/// Offset from UTC, in seconds east. Read once, before the application can change the process's time zone.
static OFFSET: AtomicI32 = AtomicI32::new(UNKNOWN);
const UNKNOWN: i32 = i32::MIN;

/// The zone that the server names, as `TZ` has it: by now the environment may be the application's.
static ZONE: OnceLock<String> = OnceLock::new();

static IS_WANTED: AtomicBool = AtomicBool::new(false);

/// Times are of the zone that these variables of the server's name, if they name one.
pub fn set_time_zone(meta: &MetaVariables) {
    let zone = meta.get("TZ").unwrap_or_default();
    _ = ZONE.set(String::from_utf8_lossy(zone).into_owned());
}

/// From now on each entry of the error log begins with the time, if standard error is a file.
pub fn begin() {
    let is_file =
        |about: rustix::fs::Stat| FileType::from_raw_mode(about.st_mode) == FileType::RegularFile;
    if fstat(rustix::stdio::stderr()).is_ok_and(is_file) {
        always();
    }
}

/// From now on each entry of the error log begins with the time.
pub fn always() {
    learn_zone();
    IS_WANTED.store(true, Ordering::Release);
}

/// Finds the offset of local time from UTC, which a signal handler may not do. The C library would go by the zone
/// that an application, or the maker of an image, has set, and adds 90 kB to a program that is linked statically.
pub fn learn_zone() {
    if OFFSET.load(Ordering::Acquire) != UNKNOWN {
        return;
    }
    let zone = ZONE.get_or_init(|| std::env::var("TZ").unwrap_or_default());
    let zone = if zone.is_empty() {
        TimeZone::local()
    } else {
        TimeZone::from_posix_tz(zone)
    };
    let now = now() / 1000;
    let offset = zone.map_or(0, |zone| {
        zone.find_local_time_type(now)
            .map_or(0, LocalTimeType::ut_offset)
    });
    OFFSET.store(offset, Ordering::Release);
}

/// What an entry of the error log begins with: the time in brackets, or nothing. Safe in a signal handler.
#[must_use]
pub fn entry_prefix() -> Bracketed {
    let mut text = [0; LENGTH + 3];
    if !IS_WANTED.load(Ordering::Acquire) {
        return Bracketed { text, length: 0 };
    }
    text[0] = b'[';
    text[1..=LENGTH].copy_from_slice(&at(now()));
    text[LENGTH + 1..].copy_from_slice(b"] ");
    Bracketed {
        text,
        length: LENGTH + 3,
    }
}

/// The time in brackets at the start of an entry; empty if entries have none.
#[derive(Clone, Copy, Debug)]
pub struct Bracketed {
    text: [u8; LENGTH + 3],
    length: usize,
}

impl Bracketed {
    /// The bytes to write.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

/// The text of a time given in milliseconds since 1970. Only arithmetic: safe in a signal handler.
#[must_use]
pub fn at(milliseconds: i64) -> [u8; LENGTH] {
    let offset = match OFFSET.load(Ordering::Acquire) {
        UNKNOWN => 0,
        offset => i64::from(offset),
    };
    let seconds = milliseconds.div_euclid(1000) + offset;
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let minutes = offset.abs() / 60;
    let mut text = *b"0000-00-00T00:00:00.000+00:00";
    for (place, digits, value) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, second / 3600),
        (14, 2, second / 60 % 60),
        (17, 2, second % 60),
        (20, 3, milliseconds.rem_euclid(1000)),
        (24, 2, minutes / 60),
        (27, 2, minutes % 60),
    ] {
        put(&mut text[place..place + digits], value);
    }
    if offset < 0 {
        text[23] = b'-';
    }
    text
}

fn put(digits: &mut [u8], mut value: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value.rem_euclid(10)).unwrap_or(0);
        value /= 10;
    }
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar. All periods of 400 years
/// have the same length, and in a year that begins in March the leap day is the last day
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(milliseconds: i64) -> String {
        String::from_utf8(at(milliseconds).to_vec()).expect("ASCII")
    }

    /// One test only, because the time zone belongs to the whole process.
    #[test]
    fn a_time_is_local_with_its_offset_from_utc() {
        for (offset, moment, expected) in [
            (UNKNOWN, 0, "1970-01-01T00:00:00.000+00:00"),
            (0, 784_111_777_042, "1994-11-06T08:49:37.042+00:00"),
            (0, 951_782_399_999, "2000-02-28T23:59:59.999+00:00"),
            (3600, 951_782_399_999, "2000-02-29T00:59:59.999+01:00"),
            (0, 1_709_164_800_000, "2024-02-29T00:00:00.000+00:00"),
            (-12_600, 1_704_067_200_000, "2023-12-31T20:30:00.000-03:30"),
            (20_700, 1_735_689_599_000, "2025-01-01T05:44:59.000+05:45"),
            (0, -1, "1969-12-31T23:59:59.999+00:00"),
        ] {
            OFFSET.store(offset, Ordering::Release);
            assert_eq!(text(moment), expected);
        }
    }
}
