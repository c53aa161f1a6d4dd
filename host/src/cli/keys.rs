//! `sluice keys`

use std::process::ExitCode;

use clap::Subcommand;
use sha2::{Digest, Sha256};

use super::print;
use crate::store;

/// Characters of a key that are public.
const PREFIX: usize = 8;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a key: it is printed once, with the line for the configuration.
    New {
        /// The credential's public name.
        #[arg(long, default_value = "key-1")]
        id: String,
        /// Print the entry for the store of this plugin, a key-auth with the option `store`.
        #[arg(long, value_name = "NAME", requires = "consumer")]
        plugin: Option<String>,
        /// Whose key it is.
        #[arg(long, value_name = "NAME", requires = "plugin")]
        consumer: Option<String>,
        /// The `prefix` of the store.
        #[arg(long, default_value = "sluice", requires = "plugin")]
        prefix: String,
    },
}

pub(super) fn keys(command: &Command) -> ExitCode {
    let Command::New {
        id,
        plugin,
        consumer,
        prefix,
    } = command;
    match Key::new() {
        Ok(key) => {
            print::err("the key, for the consumer; it is not kept anywhere:");
            print::out(&key.text);
            if let Some((plugin, consumer)) = plugin.as_ref().zip(consumer.as_ref()) {
                print::err("the command for redis-cli:");
                print::out(key.command(prefix, plugin, consumer, id));
            } else {
                print::err("the line for credentials = […] of the consumer:");
                print::out(key.credential(id));
            }
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

    /// What writes it into a store: a shell and `redis-cli` read it the same.
    fn command(&self, prefix: &str, plugin: &str, consumer: &str, id: &str) -> String {
        let name = store::redis_name(prefix, plugin, &self.sha256());
        let entry = serde_json::json!({ "consumer": consumer, "id": id });
        let entry = entry.to_string().replace('\'', "\\u0027");
        format!("SET '{name}' '{entry}'")
    }

    fn sha256(&self) -> String {
        let digest = Sha256::digest(self.text.as_bytes());
        digest.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// What the configuration says of it.
    pub(super) fn credential(&self, id: &str) -> String {
        let hex = self.sha256();
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

    #[test]
    fn an_entry_for_a_store_names_the_digest_and_never_the_key() {
        let key = Key {
            text: "k_9f2c41d0".to_owned(),
        };
        assert_eq!(
            key.command("sluice", "auth", "acme", "it's-1"),
            "SET 'sluice:{auth/d3ffc50c37b14f7714176b452de10ce6e9f130aa813ff2e0edbbe9f04d4e3ee7}::value' \
             '{\"consumer\":\"acme\",\"id\":\"it\\u0027s-1\"}'"
        );
    }
}
