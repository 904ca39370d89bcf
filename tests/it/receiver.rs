//! A receiver of webhooks, which checks each signature by a computation of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Messages, Sender, channel};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::DEADLINE;
use crate::support::http::Client;

/// The secret of the tests.
pub(crate) const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n";

/// The answer to a message.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status, with more fields, each with its line end.
    Status(u16, String),
    /// None; the connection stays open.
    Silence,
    /// None; the connection is closed.
    Close,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    /// Returns the value of a field.
    pub(crate) fn field(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = values.next().unwrap_or_else(|| panic!("no {name} in {}", self.head));
        assert_eq!(values.next(), None, "{name} occurs twice");
        value
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Returns the type and the state.
    pub(crate) fn kind(&self) -> (String, String) {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&json["type"]), text(&json["data"]["state"]))
    }

    /// Returns true if a signature is that of this secret.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.trim().strip_prefix("whsec_").expect("a secret")).expect("Base64");
        let signed =
            format!("{}.{}.{}", self.field("webhook-id"), self.field("webhook-timestamp"), self.body);
        let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, signed.as_bytes())));
        self.field("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// A server on loopback.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    messages: Messages<Received>,
}

impl Receiver {
    /// Answers each message with 204.
    pub(crate) fn start() -> Self {
        Self::answering(|_| Answer::Status(204, String::new()))
    }

    /// Answers each message as this function says, which gets the number of messages before it.
    pub(crate) fn answering(answer: impl Fn(usize) -> Answer + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a port"), answer)
    }

    pub(crate) fn on(listener: TcpListener, answer: impl Fn(usize) -> Answer + Send + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
                silent.extend(take(stream, &answer(number), &sender));
            }
        });
        Self { address, messages }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/in/my-path", self.address)
    }

    /// Waits for the next message, and checks its signature.
    pub(crate) fn next(&self) -> Received {
        let received = self.next_unchecked();
        assert!(received.is_signed_with(SECRET), "{received:?}");
        received
    }

    /// Waits for the next message.
    pub(crate) fn next_unchecked(&self) -> Received {
        self.messages.recv_timeout(DEADLINE).expect("a message")
    }

    /// Returns true if there is no further message so far.
    pub(crate) fn is_idle(&self) -> bool {
        self.messages.try_recv().is_err()
    }
}

/// Takes one message. Returns the connection if it must stay open.
fn take(stream: TcpStream, answer: &Answer, messages: &Sender<Received>) -> Option<Client> {
    let mut client = Client::on(stream);
    let received = read(&mut client)?;
    // The test may be over.
    let _ = messages.send(received);
    match answer {
        Answer::Status(status, fields) => {
            client.send(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{fields}\r\n"));
            None
        }
        Answer::Silence => Some(client),
        Answer::Close => None,
    }
}

/// Reads a message with its body; `None` if the connection ends before.
pub(crate) fn read<S: std::io::Read + std::io::Write>(client: &mut Client<S>) -> Option<Received> {
    let head = client.head().ok()?;
    let mut received = Received { head, body: String::new() };
    let length = received.field("content-length").parse().expect("a length");
    received.body = String::from_utf8(client.take(length).ok()?).expect("UTF-8");
    Some(received)
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

/// The test cases 1, 2 and 6 of RFC 4231.
#[test]
fn the_check_of_signatures_agrees_with_the_rfc() {
    let long = [0xaa; 131];
    for (key, message, expected) in [
        (&[0x0b; 20][..], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &long,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ] {
        assert_eq!(downtime::hex::encode(&hmac_sha256(key, message.as_bytes())), expected);
    }
}
