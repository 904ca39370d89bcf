//! `downtime webhook test`.

use std::io::Write as _;
use std::net::TcpListener;

use super::{DOWN, directory, webhook};
use crate::receiver::{Answer, Receiver, read};
use crate::support::closed_port::ClosedPort;
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, downtime};
use crate::working_directory::{CommandOutput, output};

fn test(directory: &ConfigDirectory, arguments: &[&str]) -> CommandOutput {
    let mut command = downtime(directory);
    output(command.args(["webhook", "test"]).args(arguments)).into()
}

#[test]
fn it_prints_the_status_code_and_nothing_else() {
    for (status, code) in [(200, 0), (204, 0), (302, 1), (404, 1), (500, 1)] {
        let receiver = Receiver::answering(move |_| Answer::Status(status, "X-Secret: my-answer\r\n".into()));
        let directory = directory(&format!("{}{DOWN}", webhook(&receiver, "events = [\"up\"]")));
        let sent = test(&directory, &[]);
        assert_eq!((sent.code, sent.stdout, sent.stderr.as_str()), (code, format!("{status}\n"), ""));
        let message = receiver.next();
        assert_eq!(message.kind(), ("test".into(), "down".into()));
        assert!(receiver.is_idle());
    }
}

#[test]
fn it_tests_each_webhook_or_the_one_with_this_number_or_url() {
    let receivers = [Receiver::start(), Receiver::answering(|_| Answer::Status(500, String::new()))];
    let directory = directory(&receivers.iter().map(|receiver| webhook(receiver, "")).collect::<String>());
    for (argument, stdout, code, is_told) in [
        (None, "204\n500\n", 1, [true, true]),
        (Some("1".to_owned()), "204\n", 0, [true, false]),
        (Some("2".to_owned()), "500\n", 1, [false, true]),
        (Some(receivers[0].url()), "204\n", 0, [true, false]),
    ] {
        let arguments: Vec<_> = argument.iter().map(String::as_str).collect();
        let sent = test(&directory, &arguments);
        assert_eq!((sent.code, sent.stdout.as_str()), (code, stdout), "{argument:?}: {sent:?}");
        for (receiver, is_told) in receivers.iter().zip(is_told) {
            assert_eq!(receiver.is_idle(), !is_told, "{argument:?}");
        }
    }
}

#[test]
fn an_argument_that_names_no_webhook_is_refused() {
    let receiver = Receiver::start();
    let directory = directory(&webhook(&receiver, ""));
    for argument in ["0", "2", "http://127.0.0.1:1/", "chat"] {
        let refused = test(&directory, &[argument]);
        assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{argument}");
        assert!(refused.stderr.contains("the file has no such webhook"), "{refused:?}");
    }
    assert!(receiver.is_idle());
    directory.write("downtime.toml", "# none\n");
    assert!(test(&directory, &[]).stderr.contains("the file has no webhook"));
}

#[test]
fn a_receiver_that_cannot_be_reached_is_an_error_without_the_path_of_the_url() {
    let port = ClosedPort::bind();
    let origin = port.url();
    let url = format!("{origin}/my-path");
    let directory = directory(&format!("[[webhook]]\nurl = \"{url}\"\nsecret_file = \"hook.key\"\n"));
    let failed = test(&directory, &[]);
    assert_eq!((failed.code, failed.stdout.as_str()), (1, ""), "{failed:?}");
    assert!(failed.stderr.contains(&format!("webhook 1 ({origin}): cannot connect")), "{failed:?}");
    assert!(!failed.stderr.contains("my-path"), "{failed:?}");
}

/// Each would keep the gateway busy until the limit for an attempt, or for longer.
#[test]
fn a_receiver_that_sends_without_end_is_cut_off() {
    for (begin, repeated) in
        [("", "HTTP/1.1 100 Continue\r\n\r\n"), ("HTTP/1.1 204 No Content\r\n", "X-Field: value\r\n")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let mut client = Client::on(stream);
            read(&mut client).expect("a message");
            client.send(begin);
            // Until the other end closes the connection.
            while client.stream.write_all(repeated.repeat(1000).as_bytes()).is_ok() {}
        });
        let directory = directory(&format!("[[webhook]]\nurl = \"{url}\"\nsecret_file = \"hook.key\"\n"));
        let failed = test(&directory, &[]);
        server.join().expect("the end of the connection");
        assert_eq!((failed.code, failed.stdout.as_str()), (1, ""), "{failed:?}");
        assert!(failed.stderr.contains("the connection failed"), "{failed:?}");
    }
}
