//! Asking the provider, and remembering what it said.

use sha2::{Digest, Sha256};
use sluice_plugin::http_client::{Call, CallError};
use sluice_plugin::kv::Store;
use sluice_plugin::prelude::*;

use crate::encode;
use crate::facts::Facts;
use crate::options::Options;

/// The provider, as this gateway knows it.
#[derive(Debug)]
pub(crate) struct Provider {
    /// `client_secret_basic` (RFC 6749, 2.3.1).
    authorization: String,
    /// Answers of another provider, or to another client, are other answers.
    salt: [u8; 32],
    store: Store,
}

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Told {
    Facts(Facts),
    /// Why there is no answer, for the operator.
    Nothing(String),
}

impl Provider {
    pub(crate) fn new(options: &Options, secret: &[u8]) -> Self {
        let mut pair = String::new();
        encode::form(options.client_id.as_bytes(), &mut pair);
        pair.push(':');
        encode::form(secret, &mut pair);
        let mut authorization = "Basic ".to_owned();
        encode::base64(pair.as_bytes(), &mut authorization);
        let known_as = [&*options.endpoint, "\0", &*options.client_id].concat();
        Self {
            authorization,
            salt: Sha256::digest(known_as).into(),
            store: Store::new(&options.store),
        }
    }

    /// What is known of a token. An error is the configuration's.
    pub(crate) fn ask(&self, options: &Options, token: &str) -> Result<Told, Error> {
        let key = self.key(token);
        match self.store.get(&key) {
            Ok(Some(kept)) => {
                // What cannot be read was written by another version: ask again.
                if let Ok(facts) = serde_json::from_slice(&kept) {
                    return Ok(Told::Facts(facts));
                }
            }
            Ok(None) => {}
            Err(error) => tolerate(error)?,
        }
        let mut body = "token_type_hint=access_token&token=".to_owned();
        encode::form(token.as_bytes(), &mut body);
        let call = Call::post(
            &*options.endpoint,
            "application/x-www-form-urlencoded",
            body,
        )
        .with_header("accept", "application/json")
        .with_header("authorization", &*self.authorization)
        .with_timeout(options.timeout);
        let answer = match call.send() {
            Ok(answer) => answer,
            Err(error @ (CallError::NotGranted | CallError::Invalid(_))) => {
                return Err(Error::new(["/endpoint: ", &error.to_string()].concat()));
            }
            Err(error) => return Ok(Told::Nothing(error.to_string())),
        };
        if answer.status != 200 {
            let status = answer.status.to_string();
            return Ok(Told::Nothing(["it answered ", &status].concat()));
        }
        let Some(facts) = Facts::of_provider(&answer.body) else {
            let message = "its answer is not that of an introspection (RFC 7662, 2.2)";
            return Ok(Told::Nothing(message.to_owned()));
        };
        let keep = facts.keep_ms(options, clock::unix_ms());
        if keep > 0 {
            let value = serde_json::to_vec(&facts)?;
            let ttl = std::time::Duration::from_millis(keep);
            self.store.set(&key, value, Some(ttl)).or_else(tolerate)?;
        }
        Ok(Told::Facts(facts))
    }

    /// Never the token itself: whoever reads the store must not be let in.
    fn key(&self, token: &str) -> String {
        let digest = Sha256::new().chain_update(self.salt).chain_update(token);
        encode::lower_hex(&digest.finalize())
    }
}

/// A store that does not answer costs a question to the provider, and no request.
fn tolerate(error: StoreError) -> Result<(), Error> {
    match error {
        StoreError::NotGranted => Err(Error::new("/store: no such store, or no grant for it")),
        StoreError::TooLarge => Ok(()),
        StoreError::Unavailable(why) => {
            log::write(
                log::Level::Warn,
                "the store does not answer",
                &[("why", &why)],
            );
            Ok(())
        }
    }
}
