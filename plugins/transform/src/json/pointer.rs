//! JSON Pointer (RFC 6901).

/// Steps of one pointer.
const MAX_STEPS: usize = 64;

/// A place in a body, below its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    /// At least one.
    steps: Vec<String>,
}

impl Pointer {
    /// Reads `/user/name`; `~1` is a slash and `~0` a tilde. The error is for
    /// the operator.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(if text.is_empty() {
                "expected a place below the body's root, such as `/name`".to_owned()
            } else {
                [
                    "expected a JSON Pointer (RFC 6901): did you mean `/",
                    text,
                    "`?",
                ]
                .concat()
            });
        };
        let mut steps = Vec::new();
        for step in rest.split('/') {
            steps.push(
                unescape(step).ok_or("`~` stands only in `~0` (a tilde) and `~1` (a slash)")?,
            );
        }
        if steps.len() > MAX_STEPS {
            return Err("a pointer has at most 64 steps".to_owned());
        }
        Ok(Self { steps })
    }

    /// The steps, the last of which names a member or an element.
    pub(crate) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The field of a form that it names; none of a pointer that goes deeper.
    pub(crate) fn field(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [field] => Some(field),
            _ => None,
        }
    }
}

fn unescape(step: &str) -> Option<String> {
    let mut out = String::with_capacity(step.len());
    let mut rest = step.chars();
    while let Some(c) = rest.next() {
        out.push(match c {
            '~' => match rest.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

/// Whether a step may mean an element of an array.
pub(crate) fn is_index(step: &str) -> bool {
    step == "-" || index(step).is_some()
}

/// The index that a step says: digits without a leading zero.
pub(crate) fn index(step: &str) -> Option<usize> {
    let digits = step.bytes().all(|b| b.is_ascii_digit());
    if !digits || step.len() > 1 && step.starts_with('0') {
        return None;
    }
    step.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_unescaped() {
        let pointer = Pointer::parse("/a~1b/~01//é").unwrap();
        assert_eq!(pointer.steps(), ["a/b", "~1", "", "é"]);
        assert_eq!(pointer.field(), None);
        assert_eq!(Pointer::parse("/a").unwrap().field(), Some("a"));
        assert_eq!(Pointer::parse("/").unwrap().field(), Some(""));
    }

    #[test]
    fn what_is_no_pointer_is_refused_with_what_was_meant() {
        for (text, message) in [
            ("", "below the body's root"),
            ("user/name", "did you mean `/user/name`?"),
            ("/a~2", "`~0`"),
            ("/a~", "`~0`"),
            (&"/a".repeat(65), "at most 64"),
        ] {
            let error = Pointer::parse(text).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn an_index_is_written_in_one_way() {
        assert_eq!(index("0"), Some(0));
        assert_eq!(index("10"), Some(10));
        for step in ["", "-", "01", "+1", "1.0", "99999999999999999999999"] {
            assert_eq!(index(step), None, "{step}");
        }
    }
}
