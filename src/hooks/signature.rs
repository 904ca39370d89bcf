//! Signatures of messages (Standard Webhooks, "Signature scheme").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::config::hooks::WebhookSecret;

/// Returns the value of `webhook-signature` for a message with this identifier, sent at this second: a signature for each secret.
pub(super) fn sign(secrets: &[WebhookSecret], id: &str, second: i64, body: &[u8]) -> String {
    let signed = [format!("{id}.{second}.").as_bytes(), body].concat();
    let signatures = secrets.iter().map(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.key());
        format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_message_is_signed_as_in_the_specification() {
        let secrets = WebhookSecret::from_file(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
