//! Webhooks as the reference implementation of Standard Webhooks in JavaScript reads them.
//!
//! It comes from npm. Without npm or Node.js the test is ignored; under CI it fails.

use std::io::Write as _;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};

use crate::receiver::{Receiver, SECRET};
use crate::support::process::{ConfigDirectory, downtime};
use crate::{debian, npm};

const PACKAGE: &str = "standardwebhooks";
const VERSION: &str = "1.1.1";

/// Reads a message as JSON from stdin, verifies it, and prints its type. With another body, it must not be valid.
const VERIFY: &str = r#"
const { Webhook } = require(process.argv[1]);
const { secret, headers, body } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const webhook = new Webhook(secret);
let forged = true;
try { webhook.verify(body + " ", headers); } catch { forged = false; }
process.stdout.write(forged ? "forged" : webhook.verify(body, headers).type);
"#;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test("webhooks::the_reference_implementation_verifies_a_message", || {
        let mut result = Ok(Completion::Completed);
        let ran = debian::with(&[("npm", "npm"), ("node", "nodejs")], || {
            match npm::package(PACKAGE, VERSION) {
                Ok(package) => verify(&package)?,
                Err(reason) => result = debian::ignore(reason),
            }
            Ok(())
        })?;
        if matches!(ran, Completion::Completed) { result } else { Ok(ran) }
    })]
}

fn verify(package: &std::path::Path) -> Result<(), Failed> {
    let receiver = Receiver::start();
    let config = format!("[[webhook]]\nurl = \"{}\"\nsecret_file = \"hook.key\"\n", receiver.url());
    let directory = ConfigDirectory::with(&config);
    directory.write("hook.key", SECRET);
    assert!(downtime(&directory).args(["webhook", "test"]).status()?.success());
    let message = receiver.next();
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), message.field(name).into())).collect();
    let input = serde_json::json!({ "secret": SECRET.trim(), "headers": headers, "body": message.body });
    let mut node = Command::new("node")
        .args(["-e", VERIFY])
        .arg(package)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    node.stdin.take().expect("piped").write_all(input.to_string().as_bytes())?;
    let output = node.wait_with_output()?;
    assert_eq!(String::from_utf8(output.stdout)?, "test");
    Ok(())
}
