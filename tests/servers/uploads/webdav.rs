//! WebDAV: files with WsgiDAV, calendars with Radicale; PUT, and methods with content of their own.

use std::fs;

use super::{Host, LARGE, MIB, Upload};

const SIZES: [usize; 4] = [0, 1, 65_536, MIB];

pub(super) fn wsgidav(host: Host) {
    let Some(upload) = Upload::start(host, "wsgidav_site", |_| {}) else {
        return;
    };
    for size in SIZES {
        let body = &LARGE[..size];
        let name = format!("{size}.bin");
        let response = upload.chunked("PUT", &format!("/{name}"), body);
        assert_eq!(response.status, 201, "{size}: {}", upload.log());
        response.bytes();
        let kept = fs::read(upload.kept.path().join(name)).expect("a file kept");
        assert!(kept == body, "{size} bytes became {}", kept.len());
    }
    let properties =
        b"<?xml version='1.0'?><propfind xmlns='DAV:'><prop><getcontentlength/></prop>\
                       </propfind>";
    let found = upload.both("PROPFIND", "/1.bin", properties, |it| {
        it.header("Depth", "0")
    });
    assert!(found.contains("getcontentlength>1<"), "{found}");
}

pub(super) fn radicale(host: Host) {
    let Some(upload) = Upload::start(host, "radicale_site", |_| {}) else {
        return;
    };
    let named = |request: crate::harness::http_client::Request| {
        request
            .header("Authorization", "Basic YWRhOng=")
            .header("Content-Type", "text/calendar; charset=utf-8")
    };
    for (size, status) in [(0, 201), (1, 400)] {
        let target = format!("/ada/{size}/");
        let response = upload.chunked("PUT", &target, &LARGE[..size]);
        assert_eq!(response.status, status, "{size}: {}", upload.log());
    }
    let response = upload.chunked("MKCALENDAR", "/ada/days/", b"");
    assert_eq!(response.status, 201, "{}", upload.log());
    for size in [65_536, MIB] {
        let target = format!("/ada/days/{size}.ics");
        let response = upload.chunked("PUT", &target, calendar(size));
        assert_eq!(response.status, 201, "{size}: {}", upload.log());
        let kept = upload
            .kept
            .path()
            .join("collections/collection-root")
            .join(&target[1..]);
        let kept = fs::read_to_string(kept).expect("a calendar kept");
        let filling = kept.matches('~').count();
        assert!(
            kept.contains(&format!("UID:{size}")) && filling > size * 9 / 10,
            "{filling}"
        );
    }
    let properties = b"<?xml version='1.0'?><propfind xmlns='DAV:'><prop><getetag/></prop>\
                       </propfind>";
    let found = upload.both("PROPFIND", "/ada/days/", properties, |it| {
        named(it).header("Depth", "1")
    });
    assert!(found.contains("65536.ics"), "{found}");
}

/// A calendar of exactly that size.
fn calendar(size: usize) -> &'static [u8] {
    let before = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:{size}\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:"
    );
    let after = "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let filling = "~".repeat(size - before.len() - after.len());
    format!("{before}{filling}{after}").into_bytes().leak()
}
