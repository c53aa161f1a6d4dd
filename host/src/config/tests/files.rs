//! Several files, placeholders, certificates.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::{Loaded, Rejected, load, load_text};
use super::{LISTENER, lines};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn loaded(path: &Path) -> Loaded {
    load(path).unwrap_or_else(|rejected| panic!("{}", lines(&rejected.problems)))
}

fn rejected(path: &Path) -> Rejected {
    load(path).map(|loaded| loaded.config).unwrap_err()
}

/// The problems with the folder's own name taken away.
fn shown(rejected: &Rejected, folder: &TempDir) -> String {
    let prefix = format!("{}/", folder.path().display());
    lines(&rejected.problems).replace(&prefix, "")
}

fn names(files: &[PathBuf], folder: &TempDir) -> Vec<String> {
    let relative = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_owned();
    let names = files
        .iter()
        .map(|path| relative(path).display().to_string());
    names.collect()
}

const U: &str = "upstreams.u.targets = [\"u:1\"]\n";

fn route(name: &str) -> String {
    format!("[[routes]]\nname = \"{name}\"\nupstreams = [\"u\"]\n")
}

#[test]
fn a_file_includes_others_relative_to_itself_and_all_are_watched() {
    let main = format!(
        "include = [\"routes/*.toml\", \"more.toml\"]\n{LISTENER}{U}{}",
        route("m")
    );
    let more = "plugins.p.source = \"p.wasm\"";
    let plugin = "plugins.q.source = \"q.wasm\"";
    let folder = folder(&[
        ("sluice.toml", &main),
        ("more.toml", more),
        ("routes/b.toml", &route("b")),
        ("routes/a.toml", &format!("{plugin}\n{}", route("a"))),
        ("routes/.hidden.toml", "broken"),
        ("routes/a.txt", "broken"),
    ]);
    let loaded = loaded(&folder.path().join("sluice.toml"));
    let routes: Vec<&str> = loaded.config.routes.iter().map(|r| &*r.name).collect();
    assert_eq!(routes, ["m", "a", "b"]);
    let source = format!("{:?}", loaded.config.plugins["q"].source);
    assert!(source.contains("routes/q.wasm"), "{source}");
    let place = loaded.places.problem("routes[2].name", "x").place.unwrap();
    assert_eq!((place.line, place.column), (2, 1));
    assert!(place.file.ends_with("routes/b.toml"));
    let watched = [
        "",
        "more.toml",
        "routes",
        "routes/a.toml",
        "routes/b.toml",
        "sluice.toml",
    ];
    assert_eq!(names(&loaded.files, &folder), watched);
}

#[test]
fn a_folder_is_all_its_files_and_names_are_defined_once() {
    let a = format!("{LISTENER}{U}{}", route("r"));
    let b = format!("{U}admin.address = \"127.0.0.1:0\"\n{}", route("r"));
    let folder = folder(&[
        ("a.toml", &a),
        ("b.toml", &b),
        ("c.toml", "[admin]\naddress = \"127.0.0.1:0\"\n"),
        (".d.toml", "broken"),
    ]);
    let expected = "b.toml:1:11: upstreams.u: defined twice: first at a.toml:2:11\n\
        b.toml:4:1: routes[1].name: the name is taken: first at a.toml:4:1: found \"r\"\n\
        c.toml:1:2: admin: defined twice: first at b.toml:2:1";
    let found = rejected(folder.path());
    assert_eq!(shown(&found, &folder), expected);
    assert_eq!(
        names(&found.files, &folder),
        ["", "a.toml", "b.toml", "c.toml"]
    );
}

#[test]
fn an_included_file_includes_no_others_and_must_be_there() {
    let main = format!("include = [\"a.toml\", \"none.toml\"]\n{LISTENER}");
    let folder = folder(&[("sluice.toml", &main), ("a.toml", "include = [\"b.toml\"]")]);
    let found = rejected(&folder.path().join("sluice.toml"));
    let expected = "sluice.toml:1:22: include[1]: none.toml cannot be read: No such file or directory (os error 2)\n\
        a.toml:1:1: include: a file that is included includes no others";
    assert_eq!(shown(&found, &folder), expected);
    assert!(names(&found.files, &folder).contains(&"none.toml".to_owned()));
}

#[test]
fn syntax_errors_of_all_files_are_said_at_once() {
    let folder = folder(&[("a.toml", "a = tru\n[b"), ("b.toml", "x")]);
    let found = shown(&rejected(folder.path()), &folder);
    let places: Vec<_> = found
        .lines()
        .map(|l| l.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        ["a.toml:1:5", "a.toml:2:3", "b.toml:1:2"],
        "{found}"
    );
}

#[test]
fn what_is_not_there_is_named() {
    let folder = folder(&[]);
    let found = rejected(&folder.path().join("none.toml"));
    assert_eq!(
        shown(&found, &folder),
        "none.toml cannot be read: No such file or directory (os error 2)"
    );
    assert_eq!(names(&found.files, &folder), ["none.toml"]);
    let found = rejected(folder.path());
    assert!(lines(&found.problems).ends_with(" has no file *.toml"));
    assert_eq!(names(&found.files, &folder), [""]);
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let text = format!(
        "{LISTENER}[plugins.p]\nsource = \"builtin:p\"\n\
        config = {{ key = \"<${{file:secret}}>\", name = \"${{env:CARGO_PKG_NAME}}\" }}\n"
    );
    let folder = folder(&[("secret", "hunter2\r\n")]);
    let loaded = load_text("sluice.toml", &text, folder.path()).unwrap();
    assert!(!format!("{:?}", loaded.config).contains("hunter2"));
    let plugin = &loaded.config.plugins["p"];
    assert_eq!(plugin.config["key"], "<hunter2>");
    assert_eq!(plugin.config["name"], env!("CARGO_PKG_NAME"));
    assert_eq!(plugin.shown_config["key"], "<${file:secret}>");
    assert_eq!(names(&loaded.files, &folder), ["secret"]);

    let text = format!(
        "{LISTENER}consumers.a.groups = [\"${{file:secret}},\"]\nadmin.address = \"${{file:secret}}\"\n\
        upstreams.u.targets = [\"${{file:secret}}\"]\nplugins.p.source = \"${{file:none}}\"\n\
        [[routes]]\nname = \"r\"\nupstreams = [\"${{file:secret}}\"]\n\
        match = {{ path = \"${{file:secret}}\", host = \"${{file:secret}}:1\", methods = [\"${{file:secret}}\"] }}\n"
    );
    let rejected = load_text("sluice.toml", &text, folder.path()).unwrap_err();
    let found = lines(&rejected.problems);
    assert_eq!(rejected.problems.len(), 8, "{found}");
    assert!(!found.contains("hunter2"), "{found}");
    assert!(found.contains("found \"${file:secret}\""), "{found}");
}

#[test]
fn certificates_are_read_and_a_pasted_key_is_not_shown() {
    let folder = folder(&[
        ("c.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("k.pem", "-----BEGIN PRIVATE KEY-----\n"),
        ("x.pem", "x"),
    ]);
    let tls = |certificate: &str, key: &str| {
        let text = format!(
            "{LISTENER}listeners.a.tls.certificates = [{{ certificate = \"{certificate}\", key = \"{key}\" }}]"
        );
        load_text("sluice.toml", &text, folder.path())
    };
    let loaded = tls("c.pem", "k.pem").unwrap();
    let tls_of = loaded.config.listeners["a"].tls.as_ref().unwrap();
    assert!(tls_of.certificate.starts_with(b"-----BEGIN CERT"));
    assert!(tls_of.key.0.starts_with(b"-----BEGIN PRIV"));
    assert!(!format!("{:?}", loaded.config).contains("PRIVATE"));
    assert_eq!(names(&loaded.files, &folder), ["c.pem", "k.pem"]);

    let rejected = tls("x.pem", "-----BEGIN\\nhunter2").unwrap_err();
    let expected = "sluice.toml:2:35: listeners.a.tls.certificates[0].certificate: the file has no PEM block: found \"x.pem\", expected a file with `-----BEGIN …`\n\
        sluice.toml:2:58: listeners.a.tls.certificates[0].key: not a file name, expected the name of a file";
    assert_eq!(lines(&rejected.problems), expected);
    let rejected = tls("c.pem", "none.pem").unwrap_err();
    assert_eq!(names(&rejected.files, &folder), ["c.pem", "none.pem"]);
    let expected = "sluice.toml:2:58: listeners.a.tls.certificates[0].key: the file is not a regular file: found \"/dev/null\", expected the name of a file";
    assert_eq!(
        lines(&tls("c.pem", "/dev/null").unwrap_err().problems),
        expected
    );
}
