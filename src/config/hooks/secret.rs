//! The secrets of webhooks.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::invalid_value::InvalidValue;

/// The prefix of a secret in text form.
const PREFIX: &str = "whsec_";
/// The bytes that a secret may have (Standard Webhooks, "Signature scheme").
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// The most secrets of one file: the one in use, the next one, and some to spare.
const MAX_SECRETS: usize = 5;

/// A secret that messages are signed with: 24 to 64 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl WebhookSecret {
    /// Reads the lines of a file: a secret on each, at most five. White space around them does not count.
    ///
    /// # Errors
    /// There is none, or too many, or a line is not a secret. The message follows the name of the file, and has no part of it.
    pub fn from_file(content: &[u8]) -> Result<Vec<Self>, InvalidValue> {
        let text = str::from_utf8(content).unwrap_or("\u{fffd}");
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let secrets: Vec<_> = lines
            .map(|(number, line)| Self::parse(line.trim()).ok_or_else(|| malformed(number + 1)))
            .collect::<Result<_, _>>()?;
        match secrets.len() {
            0 => Err(InvalidValue::new("has no secret", new_secret())),
            1..=MAX_SECRETS => Ok(secrets),
            count => {
                let message = format!("has {count} secrets: at most {MAX_SECRETS} are allowed");
                Err(InvalidValue::new(message, "remove those that the receiver no longer checks"))
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        LENGTHS.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Returns the key of the signature.
    pub fn key(&self) -> &[u8] {
        &self.0
    }
}

fn malformed(line: usize) -> InvalidValue {
    let message =
        format!("has no secret at line {line}: `{PREFIX}` and 24 to 64 bytes in Base64 are expected");
    InvalidValue::new(message, format!("copy the secret of the receiver, or {}", new_secret()))
}

fn new_secret() -> String {
    format!("make a new one with `echo {PREFIX}$(openssl rand -base64 32)`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: usize) -> String {
        PREFIX.to_owned() + &STANDARD.encode(vec![7; bytes])
    }

    #[test]
    fn a_file_has_a_secret_on_each_line() {
        let one = secret(32);
        for (content, lengths) in [
            (format!("{one}\n"), &[32][..]),
            (one.clone(), &[32]),
            (format!("  {one}\r\n\n{}\n", secret(24)), &[32, 24]),
            (secret(64), &[64]),
            (format!("{one}\n").repeat(MAX_SECRETS), &[32; MAX_SECRETS]),
        ] {
            let secrets = WebhookSecret::from_file(content.as_bytes()).unwrap();
            let found: Vec<_> = secrets.iter().map(|secret| secret.key().len()).collect();
            assert_eq!(found, lengths, "{content}");
        }
    }

    #[test]
    fn what_is_not_a_secret_is_refused_and_not_shown() {
        let one = secret(32);
        let at = |line: usize| {
            format!("has no secret at line {line}: `whsec_` and 24 to 64 bytes in Base64 are expected")
        };
        for (content, message) in [
            (String::new(), "has no secret".to_owned()),
            ("\n \n".into(), "has no secret".into()),
            (one.replace("whsec_", ""), at(1)),
            (one.replace("whsec_", "WHSEC_"), at(1)),
            (format!("{one}\n{}", secret(23)), at(2)),
            (secret(65), at(1)),
            (one.replace('=', ""), at(1)),
            (format!("{one} # of the chat"), at(1)),
            (format!("{one}\n").repeat(6), "has 6 secrets: at most 5 are allowed".into()),
        ] {
            let error = WebhookSecret::from_file(content.as_bytes()).unwrap_err();
            assert_eq!(error.message, message, "{content}");
        }
        assert!(WebhookSecret::from_file(&[0xff, 0xfe]).is_err());
        assert_eq!(format!("{:?}", WebhookSecret::parse(&one)), "Some(WebhookSecret(…))");
    }
}
