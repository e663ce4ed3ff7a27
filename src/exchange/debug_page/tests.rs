//! What holds for every page, whatever is told in it.

use proptest::collection::vec;
use proptest::prelude::*;

use super::sheet::{FAULT_ROOM, REQUEST_ROOM};
use super::*;
use crate::{FAULTS, Frame, LOCALS, Link, Owner, Source};

/// Every piece of markup that a page may hold, but for the style.
const MARKUP: [&str; 22] = [
    "!doctype", "html", "head", "meta", "title", "style", "body", "header", "main", "footer",
    "section", "details", "summary", "table", "tr", "th", "td", "pre", "code", "kbd", "wbr",
    "mark",
];
const INLINE: [&str; 12] = [
    "p", "b", "i", "em", "span", "h1", "h2", "h3", "h4", "h5", "h6", "code",
];

fn odd() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[<>&\"'=/ a-z\\-!]{0,40}",
        Just("<script>alert(1)</script>".to_owned()),
        Just("</title></style></code><!--]]>".to_owned()),
        Just("\" onload=\"alert(1)".to_owned()),
        Just("\u{1b}[2J\u{202e}\u{0}\r\n\u{feff}".to_owned()),
        Just("`<b>``".to_owned()),
    ]
}

prop_compose! {
    fn source()(
        first in 0_usize..20,
        lines in vec(odd(), 0..6),
        columns in proptest::option::of((0_usize..30, 0_usize..30)),
    ) -> Source {
        Source { first, lines, columns: columns.map(|(start, end)| start..end) }
    }
}

prop_compose! {
    fn frame()(
        file in odd(),
        line in 0_usize..25,
        function in odd(),
        is_own in any::<bool>(),
        source in proptest::option::of(source()),
        locals in vec((odd(), odd()), 0..4),
        more_locals in 0_usize..3,
    ) -> Frame {
        let owner = if is_own { Owner::Own } else { Owner::Library };
        Frame { file, line, function, owner, source, locals, more_locals }
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    let single = (
        odd(),
        odd(),
        vec(odd(), 0..3),
        vec(frame(), 0..14),
        0_usize..3,
        any::<bool>(),
    )
        .prop_map(|(kind, message, notes, frames, left_out, has_more)| Fault {
            kind,
            message,
            notes,
            frames,
            left_out,
            has_more,
            ..Fault::default()
        });
    single.prop_recursive(6, 8, 2, |inner| {
        (
            inner.clone(),
            vec(inner.clone(), 0..2),
            inner,
            any::<bool>(),
        )
            .prop_map(|(fault, members, earlier, is_cause)| {
                let link = if is_cause { Link::Cause } else { Link::Context };
                Fault {
                    members,
                    earlier: Some((link, Box::new(earlier))),
                    ..fault
                }
            })
    })
}

fn variables() -> impl Strategy<Value = MetaVariables> {
    let bytes = || prop_oneof![vec(any::<u8>(), 0..20), odd().prop_map(String::into_bytes)];
    let name = prop_oneof![
        Just(b"QUERY_STRING".to_vec()),
        Just(b"PATH_INFO".to_vec()),
        Just(b"HTTP_HOST".to_vec()),
        Just(b"HTTP_X_<B>".to_vec()),
        bytes(),
    ];
    vec((name, bytes()), 0..10).prop_map(MetaVariables::from_pairs)
}

fn content(page: &DebugPage<'_>) -> String {
    let (head, content) = page.response();
    assert_eq!(head.headers.content_length(), Some(content.len() as u64));
    String::from_utf8(content).expect("UTF-8")
}

fn as_asked(meta: &MetaVariables, accept: &str) -> MetaVariables {
    let mut meta = meta.clone();
    meta.set("HTTP_ACCEPT", accept);
    meta
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_from_outside_becomes_markup_or_obeyed(
        fault in fault(), what in odd(), advice in odd(), meta in variables(),
    ) {
        for accept in ["text/html", "*/*"] {
            let meta = as_asked(&meta, accept);
            let page = content(&DebugPage {
                code: 500, id: "id", what: &what, advice: Some(&advice), fault: Some(&fault),
                meta: &meta,
            });
            let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
            prop_assert!(!page.contains(obeyed));
            if accept == "*/*" {
                continue;
            }
            let (start, rest) = page.split_once("<style>").expect("a style");
            let (_, end) = rest.split_once("</style>").expect("its end");
            for piece in start.split('<').chain(end.split('<')).skip(1) {
                let tag = piece.split(['>', ' ', '\n']).next().unwrap_or_default();
                let name = tag.trim_start_matches('/');
                prop_assert!(
                    name.is_empty() || MARKUP.contains(&name) || INLINE.contains(&name),
                    "<{piece}"
                );
                // No attribute but those that are written here.
                let inside = piece.split('>').next().unwrap_or_default();
                prop_assert!(!inside.contains("onload") && !inside.contains("style="));
            }
            for piece in end.split('&').skip(1) {
                let entity = piece.split(';').next().unwrap_or_default();
                prop_assert!(["amp", "lt", "gt", "quot", "#39"].contains(&entity), "&{piece}");
            }
        }
    }

    #[test]
    fn every_secret_of_the_request_is_masked(
        secret in "[a-zA-Z]{8,18}[0-9]", before in odd(), mut fault in fault(),
    ) {
        let meta = MetaVariables::from_pairs([
            (b"HTTP_COOKIE".to_vec(), format!("sid={secret}").into_bytes()),
        ]);
        fault.message = format!("{}{secret}", before.chars().take(100).collect::<String>());
        if let Some(frame) = fault.frames.first_mut() {
            frame.locals.push(("x".into(), format!("<{secret}>")));
        }
        for accept in ["text/html", "*/*"] {
            let meta = as_asked(&meta, accept);
            let page = content(&DebugPage {
                code: 500, id: "id", what: &fault.message, advice: None, fault: Some(&fault),
                meta: &meta,
            });
            prop_assert!(!page.contains(&secret));
        }
    }
}

#[test]
fn the_largest_page_is_bounded() {
    // Each character becomes six.
    let wide = "\"".repeat(20_000);
    let frame = Frame {
        file: wide.clone(),
        line: 6,
        function: wide.clone(),
        owner: Owner::Own,
        source: Some(Source {
            first: 1,
            lines: vec![wide.clone(); 11],
            columns: None,
        }),
        locals: vec![(wide.clone(), wide.clone()); LOCALS],
        more_locals: 9,
    };
    let mut fault = Fault::default();
    for _ in 0..FAULTS {
        fault = Fault {
            kind: wide.clone(),
            message: wide.clone(),
            notes: vec![wide.clone(); 10],
            frames: vec![frame.clone(); 30],
            left_out: 970,
            members: Vec::new(),
            has_more: true,
            earlier: Some((Link::Cause, Box::new(fault))),
        };
    }
    let pairs = (0..1000).map(|number| (format!("HTTP_X_{number}"), wide.clone()));
    let meta = MetaVariables::from_pairs(pairs.map(|(a, b)| (a.into_bytes(), b.into_bytes())));
    for accept in ["text/html", "*/*"] {
        let meta = as_asked(&meta, accept);
        let page = content(&DebugPage {
            code: 500,
            id: "id",
            what: &wide,
            advice: Some(&wide),
            fault: Some(&fault),
            meta: &meta,
        });
        // And the last thing that still fitted.
        let slack = 256 * 1024;
        assert!(
            page.len() < FAULT_ROOM + REQUEST_ROOM + slack,
            "{}",
            page.len()
        );
        assert!(
            page.contains("more are left out"),
            "the request has arrived"
        );
        assert!(page.contains("long enough") || page.contains("more calls"));
    }
}

#[test]
fn html_is_for_those_who_ask_for_it() {
    for (accept, html) in [
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            true,
        ),
        ("Text/HTML", true),
        ("text/html; q=0.1", true),
        ("application/xhtml+xml", true),
        ("text/html;q=0", false),
        ("text/html;q=0.000, */*", false),
        ("*/*", false),
        ("text/plain", false),
        ("application/json, text/plain, */*", false),
        ("", false),
    ] {
        assert_eq!(wants_html(accept.as_bytes()), html, "{accept}");
    }
}
