//! What commands get, in which order they run, and what becomes of those that fail.

use std::fs;
use std::process::{Command, Stdio};

use super::{DOWN, directory, script};
use crate::support::awaited::until_file;
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess, downtime, downtime_by};

const HOOKS: &str = "[hooks]\non_down = [\"./tell\", \"went down\"]\non_up = [\"./tell\", \"is up\"]\non_rejected = [\"./tell\", \"rejected\"]\n";

fn read(directory: &ConfigDirectory, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap_or_default()
}

#[test]
fn a_command_gets_its_arguments_and_the_facts_and_none_runs_at_the_start() {
    let directory = directory(&format!("{HOOKS}{DOWN}"));
    script(&directory, "tell", "{ echo \"$#:$1\"; env | grep ^DOWNTIME_ | sort; } >>told");
    let gateway = GatewayProcess::on(directory);
    gateway.apply(HOOKS);
    gateway.log().wait_for("ran on_up of [hooks]");
    gateway.apply(&format!("{HOOKS}{DOWN}end = 2999-01-01T00:00:00Z\n"));
    gateway.log().wait_for("ran on_down of [hooks]");
    let told = read(&gateway.directory, "told");
    let told: Vec<_> = told.lines().filter(|line| !line.starts_with("DOWNTIME_TIME=2")).collect();
    let file = format!("DOWNTIME_FILE={}", gateway.directory.join("downtime.toml").display());
    let expected = [
        "1:is up",
        "DOWNTIME_ERROR=",
        "DOWNTIME_EVENT=up",
        &file,
        "DOWNTIME_GENERATION=2",
        "DOWNTIME_MESSAGE=",
        "DOWNTIME_PERIOD=",
        "DOWNTIME_START=",
        "DOWNTIME_STATE=up",
        "DOWNTIME_UNTIL=",
        "1:went down",
        "DOWNTIME_ERROR=",
        "DOWNTIME_EVENT=down",
        &file,
        "DOWNTIME_GENERATION=3",
        "DOWNTIME_MESSAGE=We move.",
        "DOWNTIME_PERIOD=db",
        "DOWNTIME_START=2020-01-01T00:00:00Z",
        "DOWNTIME_STATE=down",
        "DOWNTIME_UNTIL=2999-01-01T00:00:00Z",
    ];
    assert_eq!(told, expected);
}

#[test]
fn commands_run_if_the_file_is_named_without_a_directory() {
    let directory = directory(&format!("[hooks]\non_down = [\"true\"]\non_up = [\"./tell\"]\n{DOWN}"));
    script(&directory, "tell", "pwd >told");
    let mut command = downtime(&directory);
    command.args(["-c", "downtime.toml"]);
    let gateway = GatewayProcess::run(directory, command);
    let commands =
        "run `downtime -c downtime.toml start`; to bring it back up, run `downtime -c downtime.toml end`";
    assert!(gateway.log().text().contains(commands), "{}", gateway.log().text());
    gateway.apply("[hooks]\non_down = [\"true\"]\non_up = [\"./tell\"]\n");
    gateway.log().wait_for("ran on_up of [hooks]");
    let directory = gateway.directory.path().canonicalize().expect("a directory");
    assert_eq!(read(&gateway.directory, "told").trim_end(), directory.to_str().expect("UTF-8"));
    gateway.apply(&format!("[hooks]\non_down = [\"true\"]\n{DOWN}"));
    gateway.log().wait_for("ran on_down of [hooks]");
}

/// Programs that use `select(2)`, or close all descriptors that they could have, expect the usual limit.
#[test]
fn a_command_gets_the_limit_of_open_files_that_the_gateway_was_started_with() {
    let directory = directory(HOOKS);
    // The gateway sets it as soon as the program has started.
    script(&directory, "tell", "until [ \"$(ulimit -Sn)\" = 256 ]; do :; done");
    let command = downtime_by("sh", &["-c", "ulimit -Sn 256 && exec \"$0\""], &directory);
    let gateway = GatewayProcess::run(directory, command);
    gateway.apply(&format!("{HOOKS}{DOWN}"));
    gateway.log().wait_for("ran on_down of [hooks]");
}

#[test]
fn commands_run_one_after_the_other_in_order_and_requests_do_not_wait() {
    let directory = directory(HOOKS);
    // Each command waits until the test writes to the pipe.
    script(&directory, "tell", "echo \"$1\" >>told; read -r word <pipe; echo \"end of $1\" >>told");
    let pipe = directory.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("a pipe");
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("{HOOKS}{DOWN}"));
    until_file(&gateway.directory.join("told"), |told| told == "went down\n");
    assert_eq!(gateway.get("/", &[]).status, 503);
    gateway.apply(HOOKS);
    assert_eq!(gateway.get("/", &[]).status, 200);
    assert_eq!(read(&gateway.directory, "told"), "went down\n");
    for command in ["on_down", "on_up"] {
        fs::write(&pipe, "go\n").expect("a reader");
        gateway.log().wait_for(&format!("ran {command} of [hooks]"));
    }
    assert_eq!(read(&gateway.directory, "told"), "went down\nend of went down\nis up\nend of is up\n");
}

#[test]
fn a_command_that_fails_is_one_line_of_the_log_and_is_counted() {
    let management = "[management]\nlisten = \"unix:management.sock\"\n";
    let hooks = format!("{management}[hooks]\non_down = [\"./none\"]\non_up = [\"./tell\"]\n");
    let directory = directory(&hooks);
    script(&directory, "tell", "echo first; printf 'no \\033[31mroute\\n' >&2; exit 7");
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("{hooks}{DOWN}"));
    let program = gateway.directory.join("./none");
    gateway.log().wait_for(&format!("on_down of [hooks] cannot be run: {}: No such file", program.display()));
    gateway.apply(&hooks);
    let line = gateway.log().wait_for("on_up of [hooks] failed with exit code 7; its last line: no ");
    assert!(line.contains(" WARN ") && !line.contains('\u{1b}'), "{line:?}");
    assert_eq!((gateway.get("/", &[]).status, gateway.log().count("of [hooks]")), (200, 2));
    let mut operator = Client::connect_unix(&gateway.directory.join("management.sock"));
    let metrics = operator.request("GET", "/metrics", &["Host: localhost"]);
    for line in ["downtime_hooks_failed_total 2", "downtime_hooks_succeeded_total 0"] {
        assert!(metrics.text().lines().any(|other| other == line), "{}", metrics.text());
    }
}

/// Returns a command that starts the gateway after a script of a shell.
fn from_shell(directory: &ConfigDirectory, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{script}; exec \"$0\"")]).arg(env!("CARGO_BIN_EXE_downtime"));
    command.current_dir(directory.path()).env_remove("DOWNTIME_CONFIG");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The system discards exit codes of the children of a process that ignores SIGCHLD.
#[test]
fn the_exit_code_of_a_command_is_known_even_if_the_parent_of_the_gateway_ignores_the_end_of_children() {
    let hooks = "[hooks]\non_down = [\"./tell\"]\n";
    let directory = directory(hooks);
    script(&directory, "tell", "exit 7");
    let gateway = from_shell(&directory, "trap '' CHLD");
    let gateway = GatewayProcess::run(directory, gateway);
    gateway.apply(&format!("{hooks}{DOWN}"));
    gateway.log().wait_for("on_down of [hooks] failed with exit code 7");
}

/// A socket that systemd has passed is descriptor 3 of the gateway, and a secret is in its environment.
#[test]
fn a_command_inherits_neither_sockets_nor_secrets() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = format!("[server]\nlisten = [\"{address}\"]\n");
    let hooks = format!("{server}[hooks]\non_down = [\"./tell\"]\n");
    let directory = directory(&hooks);
    script(&directory, "tell", "ls -l /proc/$$/fd >descriptors; env >environment");
    let mut command = from_shell(&directory, "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1");
    command.stdin(std::os::fd::OwnedFd::from(listener));
    command.env("NOTIFY_SOCKET", directory.join("absent")).env("SECRET", "s3cret");
    let gateway = GatewayProcess::run(directory, command);
    assert_eq!(gateway.get("/", &[]).status, 200);
    gateway.apply(&format!("{hooks}{DOWN}"));
    gateway.log().wait_for("ran on_down of [hooks]");
    let descriptors = read(&gateway.directory, "descriptors");
    assert!(descriptors.contains("pipe:") && !descriptors.contains("socket:"), "{descriptors}");
    let environment = read(&gateway.directory, "environment");
    for name in ["SECRET", "LISTEN_", "NOTIFY_SOCKET"] {
        assert!(!environment.contains(name), "{environment}");
    }
}
