//! Files that mean the same are equal.

use proptest::prelude::*;

use super::super::diff;
use super::valid;

/// Parts that can stand in any order.
const PARTS: [&str; 7] = [
    "[listeners.a]\naddress = \"127.0.0.1:80\"\n",
    "[listeners.b]\naddress = \"127.0.0.1:81\"\ntrusted_proxies = [\"::1\", \"10.0.0.0/8\"]\n",
    "[upstreams.u]\ntargets = [\"u:1\"]\ntimeouts = { connect = \"1m\", idle = \"60s\" }\n",
    "[plugins.p]\nsource = \"builtin:p\"\nconfig = { a = 1, b = [1, 2] }\n",
    "[[routes]]\nname = \"r\"\nupstreams = [\"u\"]\n[routes.match]\nhost = \"A.b\"\nmethods = [\"GET\", \"PUT\"]\n",
    "[consumers.c]\nattributes = { a = \"1\", b = \"2\" }\n",
    "[runtime]\nworkers = 2\nhistory = 5\n",
];

proptest! {
    #[test]
    fn the_order_of_tables_means_nothing(parts in Just(PARTS.to_vec()).prop_shuffle()) {
        prop_assert_eq!(valid(&parts.concat()).config, valid(&PARTS.concat()).config);
    }
}

#[test]
fn the_form_of_a_file_means_nothing() {
    let other = r#"
        # the same in other words
        plugins.p = { config = { b = [ 1, 2, ], a = 0x1 }, source = 'builtin:p', on_error = "deny" }
        consumers.c.attributes.b = """2"""
        consumers.c.attributes.a = "1"
        routes = [ { upstreams = ["u"], match = { methods = ["PUT", "GET"], host = "a.B.", path = "/*" }, name = "r" } ]
        [runtime]
        workers = +2
        [upstreams.u]
        timeouts.connect = "60000ms"
        targets = ["U:1"]
        [listeners]
        b = { trusted_proxies = ["10.9.9.9/8", "::1/128"], address = "127.0.0.1:81" }
        a.address = "127.0.0.1:80"
    "#;
    let (one, other) = (valid(&PARTS.concat()).config, valid(other).config);
    assert_eq!(one, other);
    assert!(diff(&one, &other).is_empty());
}

#[test]
fn the_order_of_routes_is_kept_but_is_no_difference() {
    let route = |name: &str| {
        format!("[[routes]]\nname = \"{name}\"\nupstreams = [\"u\"]\nmatch.path = \"/{name}\"\n")
    };
    let (before, after) = (
        PARTS.concat() + &route("x") + &route("y"),
        PARTS.concat() + &route("y") + &route("x"),
    );
    let (before, after) = (valid(&before).config, valid(&after).config);
    assert_ne!(before, after);
    assert!(diff(&before, &after).is_empty());
}
