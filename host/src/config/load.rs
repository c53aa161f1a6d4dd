//! The way from files to a configuration.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::key::{push, push_index, quote};
use super::merge::merge;
use super::model::Config;
use super::placeholder::{Placeholder, resolve_all, resolve_one};
use super::places::Places;
use super::problem::{Place, Problem};
use super::read;
use super::reader::{Context, Problems};
use super::source::{self, Files, LARGEST_TOML, LARGEST_VALUE, MOST_FILES, Source};
use super::tree::{self, Entry, Spot, Value};

/// A configuration that means something.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Where it says it.
    pub places: Places,
    /// Every file that was read, and the folders in which new ones would count: what a reload watches.
    pub files: Vec<PathBuf>,
}

/// A configuration with problems.
#[derive(Debug)]
pub struct Rejected {
    /// All of them, in the order of the files. Never empty.
    pub problems: Vec<Problem>,
    /// Every file that was read or looked for: mending one of them is worth another try.
    pub files: Vec<PathBuf>,
}

/// Loads a TOML file with what it includes, or every `*.toml` of a folder.
pub fn load(path: &Path) -> Result<Loaded, Rejected> {
    let mut loader = Loader::default();
    if path.is_dir() {
        loader.folder(path);
    } else {
        loader.file(path, None);
    }
    loader.finish()
}

/// Loads a text as if it were the file `name` in `folder`.
pub fn load_text(name: &str, text: &str, folder: &Path) -> Result<Loaded, Rejected> {
    let mut loader = Loader::default();
    loader.text(Path::new(name), text, folder, Includes::Allowed);
    loader.finish()
}

/// Whether a file may include others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Includes {
    Allowed,
    Refused,
}

#[derive(Default)]
struct Loader {
    files: Files,
    problems: Problems,
    documents: Vec<Vec<Entry>>,
    seen: HashSet<PathBuf>,
    broken: bool,
}

impl Loader {
    fn folder(&mut self, path: &Path) {
        self.files.watch(path);
        let shown = path.display();
        match source::folder(path) {
            Ok(found) if found.is_empty() => {
                self.nowhere(format!("the folder {shown} has no file *.toml"));
            }
            Ok(found) => {
                for file in found {
                    self.file(&file, None);
                }
            }
            Err(message) => self.nowhere(format!("the folder {shown} {message}")),
        }
    }

    /// Reads a file, once; `included` is where another one names it.
    fn file(&mut self, path: &Path, included: Option<(Spot, &str)>) {
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(identity) {
            return;
        }
        let text = match included {
            Some(_) => self.files.text(path, LARGEST_TOML),
            None => self.files.named_text(path, LARGEST_TOML),
        };
        let text = match text {
            Ok(text) => text,
            Err(message) => {
                let message = format!("{} {message}", path.display());
                self.broken = true;
                match included {
                    Some((spot, key)) => self.at(spot, key, message),
                    None => self.nowhere(message),
                }
                return;
            }
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let includes = match included {
            Some(_) => Includes::Refused,
            None => Includes::Allowed,
        };
        self.text(path, &text, &folder, includes);
    }

    fn text(&mut self, path: &Path, text: &str, folder: &Path, includes: Includes) {
        let file = self.files.sources.len();
        self.files.sources.push(Source {
            path: path.to_owned(),
            folder: folder.to_owned(),
        });
        let mut document = match tree::parse(file, text) {
            Ok(document) => document,
            Err(errors) => {
                self.broken = true;
                for (spot, message) in errors {
                    self.at(spot, "", format!("not TOML: {message}"));
                }
                return;
            }
        };
        let include = document
            .iter()
            .position(|entry| entry.key == "include")
            .map(|index| document.remove(index));
        self.documents.push(document);
        match include {
            Some(entry) if includes == Includes::Refused => {
                let message = "a file that is included includes no others";
                self.at(entry.spot, "include", message.to_owned());
            }
            Some(entry) => self.include(file, entry),
            None => {}
        }
    }

    fn include(&mut self, file: usize, entry: Entry) {
        let wrong_type = || "wrong type".to_owned();
        let Value::Array(patterns) = entry.node.value else {
            self.include_fault(entry.spot, "include", wrong_type(), None);
            return;
        };
        for (index, node) in patterns.into_iter().enumerate() {
            let mut key = "include".to_owned();
            push_index(&mut key, index);
            let Value::Text(text) = node.value else {
                self.include_fault(node.spot, &key, wrong_type(), None);
                continue;
            };
            let files = &mut self.files;
            let mut find = |placeholder: Placeholder<'_>| look_up(files, node.spot, placeholder);
            let pattern = resolve_one(&text.written, &mut find);
            let base = self.files.resolve(file, "");
            let found = pattern.and_then(|resolved| {
                let pattern = resolved.as_deref().unwrap_or(&text.written);
                source::include(&base, pattern)
            });
            match found {
                Ok((found, folder)) => {
                    self.files.watch(&folder);
                    for path in found {
                        self.included(&path, node.spot, &key);
                    }
                }
                Err(message) => {
                    let found = Some(quote(&text.written));
                    self.include_fault(node.spot, &key, message, found);
                }
            }
        }
    }

    fn included(&mut self, path: &Path, spot: Spot, key: &str) {
        if self.files.sources.len() < MOST_FILES {
            self.file(path, Some((spot, key)));
        } else {
            self.at(spot, key, format!("more than {MOST_FILES} files"));
        }
    }

    fn nowhere(&mut self, message: String) {
        self.broken = true;
        self.problems.push(Problem::new("", message));
    }

    fn at(&mut self, spot: Spot, key: &str, message: String) {
        let place = self.place(spot);
        self.problems.push(Problem {
            place,
            ..Problem::new(key, message)
        });
    }

    /// A fault of what `include` says.
    fn include_fault(&mut self, spot: Spot, key: &str, message: String, found: Option<String>) {
        let place = self.place(spot);
        self.problems.push(Problem {
            place,
            found,
            expected: Some("an array of file names such as [\"routes/*.toml\"]".to_owned()),
            ..Problem::new(key, message)
        });
    }

    fn place(&self, spot: Spot) -> Option<Place> {
        Some(Place {
            file: self.files.sources.get(spot.file)?.path.clone(),
            line: spot.line,
            column: spot.column,
        })
    }

    fn finish(mut self) -> Result<Loaded, Rejected> {
        if self.broken {
            return Err(self.rejected());
        }
        let (mut root, twice) = merge(std::mem::take(&mut self.documents));
        for twice in twice {
            let first = self.place(twice.first);
            let first = first.map_or(String::new(), |place| format!(": first at {place}"));
            self.at(twice.second, &twice.key, format!("defined twice{first}"));
        }
        let paths = self.files.sources.iter().map(|s| s.path.clone()).collect();
        let mut places = Places::new(paths);
        index(&mut places, &root, &mut String::new());
        let (files, problems) = (&mut self.files, &mut self.problems);
        resolve_all(
            &mut root,
            &mut |spot, placeholder| look_up(files, spot, placeholder),
            &mut |key, written, message| {
                let mut problem = places.problem(key, message);
                problem.found = Some(quote(written));
                problems.push(problem);
            },
        );
        let context = Context::new(self.files, self.problems, places);
        let config = read::config(&context, &root);
        let (files, problems, places) = context.into_parts();
        if !problems.is_empty() {
            return Err(rejected(files, problems));
        }
        Ok(Loaded {
            config,
            places,
            files: files.into_watched(),
        })
    }

    fn rejected(self) -> Rejected {
        rejected(self.files, self.problems)
    }
}

fn rejected(files: Files, problems: Problems) -> Rejected {
    Rejected {
        problems: problems.sorted(&files.sources),
        files: files.into_watched(),
    }
}

fn look_up(files: &mut Files, at: Spot, placeholder: Placeholder<'_>) -> Result<String, String> {
    match placeholder {
        Placeholder::Env(name) => std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => {
                format!("the environment variable {name} is not set")
            }
            std::env::VarError::NotUnicode(_) => {
                format!("the environment variable {name} is not UTF-8")
            }
        }),
        Placeholder::File(name) => {
            let path = files.resolve(at.file, name);
            let mut text = files
                .text(&path, LARGEST_VALUE)
                .map_err(|message| format!("{} {message}", path.display()))?;
            if text.ends_with('\n') {
                text.pop();
                if text.ends_with('\r') {
                    text.pop();
                }
            }
            Ok(text)
        }
    }
}

/// Notes the place of every key.
fn index(places: &mut Places, entries: &[Entry], key: &mut String) {
    for entry in entries {
        let length = key.len();
        push(key, &entry.key);
        places.insert(key, entry.spot);
        index_below(places, &entry.node.value, key);
        key.truncate(length);
    }
}

fn index_below(places: &mut Places, value: &Value, key: &mut String) {
    match value {
        Value::Table(entries) => index(places, entries, key),
        Value::Array(nodes) => {
            for (number, node) in nodes.iter().enumerate() {
                let length = key.len();
                push_index(key, number);
                places.insert(key, node.spot);
                index_below(places, &node.value, key);
                key.truncate(length);
            }
        }
        _ => {}
    }
}
