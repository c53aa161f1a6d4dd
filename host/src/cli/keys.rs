//! `sluice keys`

use std::process::ExitCode;

use clap::Subcommand;
use sha2::{Digest, Sha256};

use super::print;

/// Characters of a key that are public.
const PREFIX: usize = 8;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a key: it is printed once, with the line for the configuration.
    New {
        /// The credential's public name.
        #[arg(long, default_value = "key-1")]
        id: String,
    },
}

pub(super) fn keys(command: &Command) -> ExitCode {
    let Command::New { id } = command;
    match Key::new() {
        Ok(key) => {
            print::err("the key, for the consumer; it is not kept anywhere:");
            print::out(&key.text);
            print::err("the line for credentials = […] of the consumer:");
            print::out(key.credential(id));
            ExitCode::SUCCESS
        }
        Err(why) => {
            print::err(format_args!("cannot make a key: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// A key that nobody has seen yet.
pub(super) struct Key {
    pub(super) text: String,
}

impl Key {
    /// 192 random bits as 32 letters and digits after a mark that secret scanners can look for.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        const DIGITS: &[u8; 64] =
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random)?;
        let digit = |byte: &u8| {
            DIGITS
                .get(usize::from(byte & 63))
                .copied()
                .map_or('0', char::from)
        };
        Ok(Self {
            text: format!("slk_{}", random.iter().map(digit).collect::<String>()),
        })
    }

    /// What the configuration says of it.
    pub(super) fn credential(&self, id: &str) -> String {
        let digest = Sha256::digest(self.text.as_bytes());
        let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        let prefix = self.text.get(..PREFIX).unwrap_or(&self.text);
        let id = serde_json::Value::from(id);
        format!("{{ id = {id}, prefix = \"{prefix}\", sha256 = \"{hex}\" }}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_and_never_the_same() {
        let (one, two) = (Key::new().unwrap(), Key::new().unwrap());
        assert_eq!(one.text.len(), 36);
        assert_ne!(one.text, two.text);
        assert!(!one.credential("a").contains(&one.text));
    }
}
