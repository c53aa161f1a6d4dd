//! What callers are told.

use super::*;

const KONG: [&str; 7] = [
    "x-ratelimit-limit-minute",
    "x-ratelimit-remaining-minute",
    "x-ratelimit-limit-90",
    "x-ratelimit-remaining-90",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
];
const X: [&str; 3] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];

fn styled(style: &str) -> Harness<Quota> {
    plugin(json!({
        "limits": [
            { "name": "a", "amount": 5, "window": "1m" },
            { "name": "b", "amount": 2, "window": "90s" },
        ],
        "headers": style,
    }))
}

#[test]
fn headers_come_in_the_style_that_callers_know() {
    let kong = styled("kong");
    let first = answered(&kong, from("acme", &[]), &[]);
    assert_eq!(said(&first, &KONG).concat_all(), "5 4 2 1 2 1 90");
    let x = styled("x");
    let first = answered(&x, from("acme", &[]), &[]);
    assert_eq!(said(&first, &X).concat_all(), "2 1 90");
    assert_eq!(first.response.headers.len(), 3);

    for (style, expected) in [("kong", "5 3 2 0 2 0 90"), ("x", "2 0 90")] {
        let plugin = styled(style);
        for _ in 0..2 {
            assert!(passes(&plugin, from("acme", &[])));
        }
        let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
        let names = if style == "kong" { &KONG[..] } else { &X };
        let values: Vec<_> = names.iter().map(|name| text(&refused, name)).collect();
        assert_eq!(values.concat_all(), expected);
        assert_eq!(text(&refused, "retry-after"), Some("90"));
    }
}

trait Concat {
    fn concat_all(&self) -> String;
}

impl Concat for Vec<Option<&str>> {
    fn concat_all(&self) -> String {
        let values: Vec<_> = self.iter().map(|value| value.unwrap_or("-")).collect();
        values.join(" ")
    }
}

#[test]
fn of_limits_with_as_much_left_the_one_that_lasts_longer_is_shown() {
    for (first, second) in [("1m", "1h"), ("1h", "1m")] {
        let plugin = plugin(json!({
            "limits": [
                { "name": "a", "amount": 2, "window": first },
                { "name": "b", "amount": 2, "window": second },
            ],
            "headers": "x",
        }));
        let answered = answered(&plugin, from("acme", &[]), &[]);
        assert_eq!(said(&answered, &X).concat_all(), "2 1 3600");
        assert!(passes(&plugin, from("acme", &[])));
        // Both refuse; both must have room again.
        let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
        assert_eq!(text(&refused, "retry-after"), Some("3600"));
        assert_eq!(body(&refused)["violated-policies"], json!(["a", "b"]));
        let detail = body(&refused)["detail"].as_str().unwrap().to_owned();
        assert!(detail.ends_with("of 2 in 1h is reached."), "{detail}");
    }
}

#[test]
fn no_headers_means_none_at_all() {
    let plugin = styled("none");
    for _ in 0..2 {
        let answered = answered(&plugin, from("acme", &[]), &[]);
        assert!(answered.response.headers.is_empty());
        assert!(answered.kept.is_empty(), "nothing is kept for nobody");
    }
    let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
    let names: Vec<_> = refused.headers.iter().map(|field| &*field.name).collect();
    assert_eq!((refused.status, &names[..]), (429, &["content-type"][..]));
}

#[test]
fn whoever_says_that_less_is_left_is_believed() {
    let theirs = |left| {
        [
            ("x-ratelimit-limit", "9"),
            ("x-ratelimit-remaining", left),
            ("x-ratelimit-reset", "7"),
        ]
    };
    let plugin = styled("x");
    let less = answered(&plugin, from("acme", &[]), &theirs("0"));
    assert_eq!(said(&less, &X).concat_all(), "9 0 7");
    let more = answered(&plugin, from("acme", &[]), &theirs("8"));
    assert_eq!(said(&more, &X).concat_all(), "2 0 90");
    // The lists of the draft simply go on.
    let ietf = self::plugin(json!({ "limits": limit(1) }));
    let both = answered(
        &ietf,
        from("acme", &[]),
        &[("ratelimit", "\"other\";r=1;t=1")],
    );
    let lines = both.response.headers.get_all("ratelimit").iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
    assert_eq!(lines, ["\"other\";r=1;t=1", "\"hourly\";r=0;t=3600"]);
}

#[test]
fn a_refusal_has_the_status_and_the_words_of_the_operator() {
    let plugin = plugin(json!({
        "limits": limit(1), "status": 404, "message": "Say \"please\"",
    }));
    assert!(passes(&plugin, from("acme", &[])));
    let refused = reply(&plugin, &mut from("acme", &[])).unwrap();
    assert_eq!(refused.status, 404);
    let body = body(&refused);
    assert_eq!(body["title"], "Say \"please\"");
    assert_eq!(body["message"], body["title"]);
}
