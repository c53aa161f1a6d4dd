//! OPTIONS and TRACE requests that are asked of the gateway itself (RFC 9110, 7.6.2).

use http::header::{HeaderValue, MAX_FORWARDS};
use http::{Method, StatusCode};

use super::answer::{Answer, Source};
use crate::message::Headers;

/// Counts this hop, where the request says how many it may still take: none left makes the
/// gateway its last.
pub(super) fn count(method: &Method, headers: &mut Headers) -> Result<(), Answer> {
    let Some(said) = headers.get(MAX_FORWARDS) else {
        return Ok(());
    };
    let said = said.as_bytes();
    if said.is_empty() || !said.iter().all(u8::is_ascii_digit) {
        let detail = "Max-Forwards is not a decimal number";
        return Err(Answer::new(
            StatusCode::BAD_REQUEST,
            Source::Request,
            detail,
        ));
    }
    // What no number holds is lowered to what one does.
    let left = said.iter().fold(0_u32, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u32::from(digit.wrapping_sub(b'0')))
    });
    match left.checked_sub(1) {
        Some(left) => {
            headers.insert(MAX_FORWARDS, HeaderValue::from(left));
            Ok(())
        }
        None if *method == Method::OPTIONS => Err(options()),
        None => {
            let detail = "TRACE is not answered by this gateway";
            let status = StatusCode::NOT_IMPLEMENTED;
            Err(Answer::new(status, Source::Request, detail))
        }
    }
}

/// The gateway has nothing to say of itself.
pub(super) fn options() -> Answer {
    Answer::new(StatusCode::NO_CONTENT, Source::Request, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_counted_until_none_is_left() {
        let counted = |method, said: &str| {
            let mut headers = Headers::new();
            headers.insert(MAX_FORWARDS, said.parse().unwrap());
            match count(&method, &mut headers) {
                Ok(()) => Ok(headers["max-forwards"].to_str().unwrap().to_owned()),
                Err(answer) => Err(answer.status.as_u16()),
            }
        };
        assert_eq!(counted(Method::OPTIONS, "10"), Ok("9".into()));
        assert_eq!(counted(Method::TRACE, "1"), Ok("0".into()));
        assert_eq!(
            counted(Method::TRACE, "99999999999999999999"),
            Ok("4294967294".into())
        );
        assert_eq!(counted(Method::OPTIONS, "0"), Err(204));
        assert_eq!(counted(Method::TRACE, "00"), Err(501));
        for invalid in ["", "-1", "+1", "1, 2", "x"] {
            assert_eq!(counted(Method::OPTIONS, invalid), Err(400), "{invalid}");
        }
        assert!(count(&Method::TRACE, &mut Headers::new()).is_ok());
    }
}
