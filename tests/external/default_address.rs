//! Commands find the gateway at the default address if the file no longer says where it is.
//!
//! The port is fixed, so the gateway and the commands run in a network of their own.

use std::process::Command;

use libtest_mimic::{Failed, Trial};
use rustix::process::geteuid;

use crate::debian::{self, RequiredProgram};
use crate::support::process::ConfigDirectory;

const PROGRAMS: [RequiredProgram; 2] = [("ip", "iproute2"), ("unshare", "util-linux")];

const CONFIG: &str =
    "[server]\nlisten = [\"127.0.0.1:0\"]\n[management]\n[[period]]\nstart = 2020-01-01T00:00:00Z\n";

/// Prints what `wait` and `status` print about a file that is not UTF-8, and about one that is removed, named and not; and about one
/// in another directory.
const RUN: &str = r#"
ip link set lo up
"$1" 2>log &
"$1" wait down --timeout 30s >ready 2>errors || exit
for change in 'printf "\377\376a" >downtime.toml' 'rm downtime.toml'; do
    eval "$change"
    "$1" -c "$2" wait down --timeout 30s
    "$1" -c "$2" status
done
"$1" wait down --timeout 30s
"$1" status
"$1" status --serving
mkdir elsewhere
cd elsewhere
"$1" status 2>&1
kill $!
"#;

pub(crate) fn trials() -> Vec<Trial> {
    let name = "default_address::a_gateway_is_found_although_its_file_is_garbled_or_removed";
    vec![Trial::ignorable_test(name, || debian::with(&PROGRAMS, find_gateway))]
}

fn find_gateway() -> Result<(), Failed> {
    let parent = ConfigDirectory::with("");
    let directory = parent.join("the site");
    std::fs::create_dir(&directory)?;
    std::fs::write(directory.join("downtime.toml"), CONFIG)?;
    let mut unshare = Command::new("timeout");
    unshare.args(["--signal=KILL", "60", "unshare", "--net", "--pid", "--fork", "--kill-child"]);
    if !geteuid().is_root() {
        unshare.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    unshare.env("PATH", format!("{path}:/usr/sbin:/sbin")).current_dir(&directory);
    unshare
        .args(["sh", "-c", RUN, "commands", env!("CARGO_BIN_EXE_downtime")])
        .arg(directory.join("downtime.toml"));
    let printed = debian::run(&mut unshare)?;
    for (text, count) in [
        ("\ndown since 2020-01-01 00:00:00 +00:00, with no known end", 3),
        ("state     down since 2020-01-01 00:00:00 +00:00, with no known end", 3),
        ("source    the gateway at 127.0.0.1:9503: snapshot 1 since ", 3),
        ("downtime.toml does not exist or cannot be read; the gateway keeps its configuration\n", 2),
        ("\nthe gateway at 127.0.0.1:9503 serves\n", 1),
        ("error: no configuration file found: tried ./downtime.toml and /etc/downtime/downtime.toml\n", 1),
        ("help: the gateway at 127.0.0.1:9503 serves another file: to ask it, write `-c '/", 1),
    ] {
        assert_eq!(format!("\n{printed}").matches(text).count(), count, "{text}: {printed}");
    }
    Ok(())
}
