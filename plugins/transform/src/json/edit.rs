//! One rule on one body.
//!
//! An object may have several members of one name, and readers differ in which
//! of them they take. So a pointer means all of them: what a rule changes, no
//! reader sees unchanged.

use std::ops::Range;

use super::check::Fault;
use super::pointer::{Pointer, index};
use super::walk::{Item, Walk, items, quote, says};

/// How much longer one edit may make a body, in bytes: a body with a hundred
/// thousand members of one name must not become a flood.
const MAX_GROWTH: usize = 1 << 20;

/// What to do at a pointer. Values are JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit<'a> {
    /// The member or element goes.
    Remove,
    /// The member gets this name in its place; what had that name goes.
    Rename(&'a str),
    /// Another value, where there is one.
    Replace(&'a [u8]),
    /// A value, where there is none. What it would stand in must be there.
    Add(&'a [u8]),
    /// More elements of an array; a value that is none becomes its first element.
    Append(&'a [&'a [u8]]),
}

/// The body after the edit; none where it has nothing to do. `body` was checked.
pub(crate) fn edit(body: &[u8], at: &Pointer, edit: Edit<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let mut draft = Draft {
        body,
        out: Vec::new(),
        copied: 0,
        too_large: false,
    };
    if let Some((last, path)) = at.steps().split_last() {
        each_holder(body, path, |start| draft.change(start, last, edit));
    }
    draft.finish()
}

/// An array or object that is open, on the way to what is looked for.
struct Level {
    object: bool,
    /// Of the element that comes next.
    index: usize,
}

/// Visits where every array or object at `path` begins, from front to back.
fn each_holder(
    body: &[u8],
    path: &[String],
    mut visit: impl FnMut(usize) -> Option<()>,
) -> Option<()> {
    let mut walk = Walk::new(body, 0);
    walk.space();
    let mut levels: Vec<Level> = Vec::new();
    let mut matched = true;
    loop {
        // At a value: into it, past it, or it is one of those that are wanted.
        match walk.peek()? {
            open @ (b'{' | b'[') if matched && levels.len() < path.len() => {
                walk.at += 1;
                levels.push(Level {
                    object: open == b'{',
                    index: 0,
                });
            }
            b'{' | b'[' if matched => {
                visit(walk.at)?;
                walk.value()?;
            }
            _ => {
                walk.value()?;
            }
        }
        // Up to the next value that is not an end.
        loop {
            let wanted = path.get(levels.len().checked_sub(1)?)?;
            let level = levels.last_mut()?;
            walk.space();
            match walk.peek()? {
                b'}' | b']' => {
                    walk.at += 1;
                    levels.pop();
                }
                b',' => {
                    walk.at += 1;
                    level.index += 1;
                }
                _ if level.object => {
                    matched = says(body.get(walk.name()?), wanted);
                    break;
                }
                _ => {
                    matched = index(wanted) == Some(level.index);
                    break;
                }
            }
        }
    }
}

/// What becomes of an item.
enum Fate<'a> {
    Keep,
    Drop,
    Rename(&'a [u8]),
}

/// The body as far as it is edited.
struct Draft<'b> {
    body: &'b [u8],
    out: Vec<u8>,
    /// Everything before it is in `out`, or gone.
    copied: usize,
    too_large: bool,
}

impl Draft<'_> {
    /// Edits what `last` names in the array or object at `start`; none where
    /// the body has become too large.
    fn change(&mut self, start: usize, last: &str, edit: Edit<'_>) -> Option<()> {
        let body = self.body;
        let object = body.get(start) == Some(&b'{');
        let wanted = if object { None } else { index(last) };
        let is = |at: usize, item: &Item| match &item.name {
            Some(name) => says(body.get(name.clone()), last),
            None => wanted == Some(at),
        };
        match edit {
            Edit::Remove => self.sweep(start, |at, item| match is(at, item) {
                true => Fate::Drop,
                false => Fate::Keep,
            }),
            Edit::Rename(to) => {
                if !object || !items(body, start).any(|item| is(0, &item)) {
                    return Some(());
                }
                let name = quoted(to);
                self.sweep(start, |at, item| match &item.name {
                    _ if is(at, item) => Fate::Rename(&name),
                    Some(name) if says(body.get(name.clone()), to) => Fate::Drop,
                    _ => Fate::Keep,
                })
            }
            Edit::Replace(value) => {
                let mut all = items(body, start).enumerate();
                all.try_for_each(|(at, item)| match is(at, &item) {
                    true => self.splice(item.value, &[value]),
                    false => Some(()),
                })
            }
            Edit::Add(value) => self.insert(start, last, is, &[value], |_, _| Some(())),
            Edit::Append(values) => {
                let values = values.join(&b","[..]);
                let array = [b"[", &*values, b"]"];
                let new: &[&[u8]] = match object || last != "-" {
                    true => &array,
                    false => &[&values],
                };
                self.insert(start, last, is, new, |draft, value| {
                    draft.extend(value, &values)
                })
            }
        }
    }

    /// Drops and renames items, with the commas that this takes.
    fn sweep<'f>(&mut self, start: usize, fate: impl Fn(usize, &Item) -> Fate<'f>) -> Option<()> {
        let body = self.body;
        let (mut before, mut kept) = (start + 1, false);
        for (at, item) in items(body, start).enumerate() {
            let fate = fate(at, &item);
            if let Fate::Drop = fate {
                self.splice(before..item.value.end, &[])?;
            } else if !kept {
                // The first that stays has no comma before it any more.
                let comma = body
                    .get(before..item.start())?
                    .iter()
                    .position(|b| *b == b',');
                if let Some(comma) = comma {
                    self.splice(before..before + comma + 1, &[])?;
                }
                kept = true;
            }
            before = item.value.end;
            if let (Fate::Rename(name), Some(old)) = (fate, item.name) {
                self.splice(old, &[name])?;
            }
        }
        Some(())
    }

    /// Puts an item behind the last one, unless there is one: then `present`
    /// gets its value.
    fn insert(
        &mut self,
        start: usize,
        last: &str,
        is: impl Fn(usize, &Item) -> bool,
        new: &[&[u8]],
        present: impl Fn(&mut Self, Range<usize>) -> Option<()>,
    ) -> Option<()> {
        let body = self.body;
        let (mut end, mut count, mut found) = (start + 1, 0, false);
        for (at, item) in items(body, start).enumerate() {
            (end, count) = (item.value.end, at + 1);
            if is(at, &item) {
                found = true;
                present(self, item.value)?;
            }
        }
        let comma: &[u8] = if count > 0 { b"," } else { b"" };
        if found {
            Some(())
        } else if body.get(start) == Some(&b'{') {
            let name = quoted(last);
            self.splice(end..end, &[&[comma, &name, b":"], new].concat())
        } else if last == "-" || index(last) == Some(count) {
            self.splice(end..end, &[&[comma], new].concat())
        } else {
            Some(())
        }
    }

    /// More elements for the value, which becomes an array where it is none.
    fn extend(&mut self, value: Range<usize>, more: &[u8]) -> Option<()> {
        if self.body.get(value.start) != Some(&b'[') {
            self.splice(value.start..value.start, &[b"["])?;
            return self.splice(value.end..value.end, &[b",", more, b"]"]);
        }
        let last = items(self.body, value.start).last();
        let end = last.as_ref().map_or(value.start + 1, |item| item.value.end);
        let comma: &[u8] = if last.is_some() { b"," } else { b"" };
        self.splice(end..end, &[comma, more])
    }

    /// Other bytes in the place of these, which are behind all that were changed.
    fn splice(&mut self, range: Range<usize>, parts: &[&[u8]]) -> Option<()> {
        if self.copied == 0 {
            self.out.reserve(self.body.len());
        }
        self.out
            .extend_from_slice(self.body.get(self.copied..range.start)?);
        parts
            .iter()
            .for_each(|part| self.out.extend_from_slice(part));
        self.copied = range.end;
        self.too_large = self.out.len() > self.copied + MAX_GROWTH;
        (!self.too_large).then_some(())
    }

    fn finish(mut self) -> Result<Option<Vec<u8>>, Fault> {
        if self.too_large {
            return Err(Fault::TooLarge);
        }
        // Nothing is changed in front of the first bracket.
        if self.copied == 0 {
            return Ok(None);
        }
        let rest = self.body.get(self.copied..).unwrap_or_default();
        self.out.extend_from_slice(rest);
        Ok(Some(self.out))
    }
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = vec![b'"'];
    quote(text, &mut out);
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests;
