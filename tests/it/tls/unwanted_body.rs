//! A body that nobody reads, from a client that takes nothing of the response before it has sent all of it.

use std::fs::File;

use super::{Identity, connect, directory};
use crate::support::process::GatewayProcess;

/// More than the sockets of both ends hold.
const LENGTH: usize = 24 << 20;

#[test]
fn a_client_that_takes_nothing_before_it_has_sent_its_body_gets_the_whole_response() {
    let directory = directory(&[&Identity::new(&["site.example"])], "[site]\nroot = \"public\"\n");
    std::fs::create_dir(directory.join("public")).expect("a directory");
    File::create(directory.join("public/long")).and_then(|file| file.set_len(LENGTH as u64)).expect("a file");
    let gateway = GatewayProcess::on(directory);
    let mut client = connect(&gateway);
    client.send(format!("GET /long HTTP/1.1\r\nHost: site.example\r\nContent-Length: {LENGTH}\r\n\r\n"));
    client.send(vec![b'x'; LENGTH]);
    assert_eq!(client.response("GET").body.len(), LENGTH);
}
