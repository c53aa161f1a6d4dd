//! The cookie that a user is known by, and cookies in general (RFC 6265).

use sha2::{Digest, Sha256};

/// Of a token, in hexadecimal digits: 128 random bits.
const TOKEN: usize = 32;
/// Of its proof: the first 64 bits of SHA-256.
const PROOF: usize = 16;
/// Cookies of our name that are looked at. More have been sent by nobody who is honest.
const MAX_TRIED: usize = 4;

/// Makes the cookie of one name and salt, and knows it again.
///
/// Its value is `TOKEN.PROOF`, and the proof comes from the salt: what was made
/// up, or for another salt, does not count.
#[derive(Debug)]
pub(crate) struct Cookies {
    name: String,
    salted: Sha256,
}

impl Cookies {
    pub(crate) fn new(name: &str, salt: &str) -> Self {
        Self {
            name: name.to_owned(),
            salted: Sha256::new().chain_update(salt).chain_update([0]),
        }
    }

    /// The token of the first cookie of the name that proves itself.
    pub(crate) fn find<'c>(&self, lines: &'c [Vec<u8>]) -> Option<&'c [u8]> {
        let ours = values(lines, &self.name).take(MAX_TRIED);
        ours.filter_map(|value| self.proven(value)).next()
    }

    fn proven<'c>(&self, value: &'c [u8]) -> Option<&'c [u8]> {
        let (token, rest) = value.split_at_checked(TOKEN)?;
        let proof = rest.strip_prefix(b".")?;
        let expected = self.proof(token);
        // Without a way out: the time tells nothing about the first byte that differs.
        let differs = |all, (a, b): (&u8, &u8)| all | (a ^ b);
        let same = proof.len() == PROOF && proof.iter().zip(&expected).fold(0, differs) == 0;
        same.then_some(token)
    }

    fn proof(&self, token: &[u8]) -> Vec<u8> {
        let digest = self.salted.clone().chain_update(token).finalize();
        hex(digest.iter().copied().take(PROOF / 2))
    }

    /// The value of `set-cookie` for a token.
    pub(crate) fn set_cookie(&self, token: &[u8], secure: bool) -> Vec<u8> {
        let secure: &[u8] = if secure { b"; Secure" } else { b"" };
        [
            self.name.as_bytes(),
            b"=",
            token,
            b".",
            &self.proof(token),
            b"; Path=/; HttpOnly; SameSite=Lax",
            secure,
        ]
        .concat()
    }
}

/// A new token of random numbers.
pub(crate) fn token(random: [u64; 2]) -> Vec<u8> {
    hex(random.into_iter().flat_map(u64::to_be_bytes))
}

/// The values of all cookies of a name, in the order in which they were sent.
pub(crate) fn values<'c>(lines: &'c [Vec<u8>], name: &str) -> impl Iterator<Item = &'c [u8]> {
    let pairs = lines.iter().flat_map(|line| line.split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(value)
    })
}

fn hex(bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS.get(usize::from(n & 15)).copied().unwrap_or(b'0');
    bytes.flat_map(|b| [digit(b >> 4), digit(b)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(cookies: &Cookies, token: &[u8]) -> Vec<u8> {
        let line = cookies.set_cookie(token, false);
        let value = line.split(|b| *b == b';').next().unwrap();
        value.to_vec()
    }

    #[test]
    fn a_cookie_is_known_again_among_others() {
        let cookies = Cookies::new("c", "salt");
        let token = token([1, u64::MAX]);
        assert_eq!(token, b"0000000000000001ffffffffffffffff");
        let ours = value(&cookies, &token);
        let line = [b"cc=1; c=forged;  ", &ours[..], b" ; d=2"].concat();
        let lines = [b"x=y".to_vec(), line];
        assert_eq!(cookies.find(&lines), Some(&token[..]));
    }

    #[test]
    fn a_cookie_of_another_salt_is_none() {
        let (ours, theirs) = (Cookies::new("c", "a"), Cookies::new("c", "b"));
        let token = token([7, 7]);
        let line = value(&theirs, &token);
        assert!(theirs.find(std::slice::from_ref(&line)).is_some());
        assert_eq!(ours.find(&[line]), None);
    }

    #[test]
    fn only_so_many_forged_ones_are_tried() {
        let cookies = Cookies::new("c", "salt");
        let ours = value(&cookies, &token([1, 2]));
        let lines = |forged: usize| {
            let mut lines = vec![b"c=1".to_vec(); forged];
            lines.push(ours.clone());
            lines
        };
        assert!(cookies.find(&lines(MAX_TRIED - 1)).is_some());
        assert!(cookies.find(&lines(MAX_TRIED)).is_none());
    }

    proptest! {
        #[test]
        fn what_was_changed_is_not_ours(at in 0..TOKEN + 1 + PROOF, to: u8, a: u64, b: u64) {
            let cookies = Cookies::new("c", "salt");
            let mut line = value(&cookies, &token([a, b]));
            prop_assume!(line[2 + at] != to && to != b';');
            line[2 + at] = to;
            prop_assert!(cookies.find(&[line]).is_none());
        }

        #[test]
        fn whatever_is_sent_is_read(lines: Vec<Vec<u8>>, name: String) {
            let _ = Cookies::new(&name, "salt").find(&lines);
        }
    }
}
