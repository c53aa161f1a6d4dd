//! What the question to the provider is written in.

/// One value of a form (WHATWG URL, 5.2).
pub(crate) fn form(text: &[u8], out: &mut String) {
    for byte in text {
        match byte {
            b' ' => out.push('+'),
            b if b.is_ascii_alphanumeric() || b"-._*".contains(b) => out.push(char::from(*b)),
            _ => {
                out.push('%');
                hex(*byte, b"0123456789ABCDEF", out);
            }
        }
    }
}

/// Base64 with padding (RFC 4648, 4).
pub(crate) fn base64(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place)) & 63;
            out.push(match DIGITS.get(digit as usize) {
                Some(digit) if place <= group.len() => char::from(*digit),
                _ => '=',
            });
        }
    }
}

/// Two digits a byte.
pub(crate) fn lower_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex(*byte, b"0123456789abcdef", &mut out);
    }
    out
}

fn hex(byte: u8, digits: &[u8; 16], out: &mut String) {
    for nibble in [byte >> 4, byte & 15] {
        out.extend(digits.get(usize::from(nibble)).map(|d| char::from(*d)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_as_the_standards_say() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("\u{fb}\u{ff}~", "w7vDv34="),
        ] {
            let mut out = String::new();
            base64(text.as_bytes(), &mut out);
            assert_eq!(out, encoded);
        }
        let mut out = String::new();
        form("a-._*~ +&=%:é".as_bytes(), &mut out);
        assert_eq!(out, "a-._*%7E+%2B%26%3D%25%3A%C3%A9");
        assert_eq!(lower_hex(&[0, 0x1f, 0xff]), "001fff");
    }
}
