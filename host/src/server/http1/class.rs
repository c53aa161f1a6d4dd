//! Which bytes may stand where in a message head.

const TOKEN: u8 = 1;
const TARGET: u8 = 2;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let token = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        // `"`, `^`, `` ` ``, `{`, `|` and `}` belong in no URI, but real clients send them.
        let target = byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'<' | b'>');
        if token {
            table[i] |= TOKEN;
        }
        if target {
            table[i] |= TARGET;
        }
        i += 1;
    }
    table
}

/// How many bytes at the beginning belong to a token (RFC 9110, 5.6.2).
pub(super) fn token_len(bytes: &[u8]) -> usize {
    run(bytes, TOKEN)
}

/// How many bytes at the beginning may stand in a request target.
pub(super) fn target_len(bytes: &[u8]) -> usize {
    run(bytes, TARGET)
}

fn run(bytes: &[u8], class: u8) -> usize {
    bytes
        .iter()
        .position(|b| CLASSES[usize::from(*b)] & class == 0)
        .unwrap_or(bytes.len())
}

/// Every byte 1.
const ONES: u64 = u64::from_le_bytes([1; 8]);
/// The highest bit of every byte.
const HIGHS: u64 = ONES << 7;

/// How many bytes at the beginning are field text: all but controls, HTAB excepted (RFC 9110, 5.5).
pub(super) fn text_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += printable_len(bytes.get(at..).unwrap_or_default());
        if bytes.get(at) != Some(&b'\t') {
            return at;
        }
        at += 1;
    }
}

/// How many bytes at the beginning are neither below 0x20 nor DEL; eight at a time.
fn printable_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    let mut rest = bytes;
    while let Some((block, tail)) = rest.split_first_chunk::<8>() {
        let x = u64::from_le_bytes(*block);
        let not_del = x ^ (ONES * 0x7f);
        // A borrow makes bytes above a hit look like hits too: the lowest one is exact.
        let below = x.wrapping_sub(ONES * 0x20) & !x;
        let del = not_del.wrapping_sub(ONES) & !not_del;
        let hits = (below | del) & HIGHS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = tail;
    }
    at + rest
        .iter()
        .position(u8::is_ascii_control)
        .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_has_its_class_at_every_place() {
        for byte in 0..=255_u8 {
            let text = byte == b'\t' || !byte.is_ascii_control();
            for place in 0..20 {
                let mut line = [b'a'; 20];
                line[place] = byte;
                assert_eq!(text_len(&line), if text { 20 } else { place }, "{byte:#x}");
            }
        }
        assert_eq!(token_len(b"X-A_b.c: d"), 7);
        assert_eq!(target_len(b"/a?b={\"c\"}`|^ HTTP/1.1"), 13);
        for refused in [b"\0", b" ", b"#", b"\\", b"\x7f", b"\x80", b"<", b"\t"] {
            assert_eq!(target_len(refused), 0);
        }
    }

    proptest! {
        #[test]
        fn text_ends_at_the_first_control(bytes: Vec<u8>) {
            let naive = bytes.iter().position(|b| *b != b'\t' && b.is_ascii_control());
            prop_assert_eq!(text_len(&bytes), naive.unwrap_or(bytes.len()));
        }
    }
}
