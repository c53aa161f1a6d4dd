//! What a Redis server answers (RESP2).

use std::pin::Pin;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status or a string; of bytes that are no text, what can be shown.
    Text(String),
    /// A number.
    Number(i64),
    /// Nothing is there.
    Nothing,
    /// Several answers.
    List(Vec<Reply>),
    /// A refusal, which begins with its code.
    Error(String),
}

impl Reply {
    /// Reads one; none when the connection ends, or speaks something else.
    pub(super) fn read<'a>(
        from: &'a mut (impl AsyncBufRead + Unpin + Send),
    ) -> Pin<Box<dyn Future<Output = Option<Self>> + Send + 'a>> {
        Box::pin(async {
            let mut line = String::new();
            from.read_line(&mut line).await.ok()?;
            let line = line.strip_suffix("\r\n")?;
            let (kind, rest) = line.split_at_checked(1)?;
            match kind {
                "+" => Some(Self::Text(rest.to_owned())),
                "-" => Some(Self::Error(rest.to_owned())),
                ":" => Some(Self::Number(rest.parse().ok()?)),
                "$" | "*" if rest == "-1" => Some(Self::Nothing),
                "$" => {
                    let mut bytes = vec![0; rest.parse::<usize>().ok()? + 2];
                    from.read_exact(&mut bytes).await.ok()?;
                    let bytes = bytes.strip_suffix(b"\r\n")?;
                    Some(Self::Text(String::from_utf8_lossy(bytes).into_owned()))
                }
                "*" => {
                    let mut list = Vec::new();
                    for _ in 0..rest.parse::<usize>().ok()? {
                        list.push(Self::read(from).await?);
                    }
                    Some(Self::List(list))
                }
                _ => None,
            }
        })
    }

    /// The number.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("not a number: {other:?}"),
        }
    }

    /// The texts of a list.
    ///
    /// # Panics
    /// When it is something else.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let Self::List(list) = self else {
            panic!("not a list: {self:?}");
        };
        let text = |reply: &Self| match reply {
            Self::Text(text) => text.clone(),
            other => panic!("not a text: {other:?}"),
        };
        list.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> Option<Reply> {
        Reply::read(&mut bytes).await
    }

    #[tokio::test]
    async fn each_kind_of_answer_is_read() {
        assert_eq!(read(b"+PONG\r\n").await, Some(Reply::Text("PONG".into())));
        assert_eq!(read(b":-2\r\n").await, Some(Reply::Number(-2)));
        assert_eq!(read(b"$-1\r\n").await, Some(Reply::Nothing));
        let error = read(b"-NOAUTH no\r\n").await;
        assert_eq!(error, Some(Reply::Error("NOAUTH no".into())));
        let list = read(b"*2\r\n$4\r\na\r\nb\r\n$0\r\n\r\n").await;
        assert_eq!(
            list.map(|list| list.texts()),
            Some(vec!["a\r\nb".into(), String::new()])
        );
    }

    #[tokio::test]
    async fn what_breaks_off_is_no_answer() {
        for bytes in [&b""[..], b"+PO", b"$4\r\nab", b"*2\r\n:1\r\n", b"?\r\n"] {
            assert_eq!(read(bytes).await, None, "{bytes:?}");
        }
    }
}
