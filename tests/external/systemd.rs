//! The systemd units: systemd itself finds nothing in them, and what they run is what the command line knows.
//!
//! Where there is no `systemd-analyze` its test is ignored, except under CI, where it fails.

use std::fs;
use std::process::Command;

use libtest_mimic::{Completion, Failed, Trial};

use crate::debian;

const DOWNTIME: &str = env!("CARGO_BIN_EXE_downtime");
const INSTALLED: &str = "/usr/local/bin/downtime";
const UNITS: [(&str, &str); 2] = [
    ("downtime.service", include_str!("../../systemd/downtime.service")),
    ("downtime@.service", include_str!("../../systemd/downtime@.service")),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("systemd::systemd_finds_nothing_in_the_units", systemd_finds_nothing),
        Trial::test("systemd::each_flag_in_the_units_exists", each_flag_exists),
        Trial::test("systemd::the_units_differ_in_the_instance_alone", units_differ_in_the_instance),
    ]
}

fn systemd_finds_nothing() -> Result<Completion, Failed> {
    debian::with(&[("systemd-analyze", "systemd")], verify)
}

fn verify() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (name, unit) in UNITS {
        fs::write(folder.path().join(name), unit.replace(INSTALLED, DOWNTIME))?;
    }
    let mut verify = Command::new("systemd-analyze");
    verify
        .args(["verify", "--recursive-errors=no", "--man=no"])
        .args(UNITS.map(|(name, _)| folder.path().join(name)));
    let output = verify.output()?;
    let said = String::from_utf8([output.stdout, output.stderr].concat())?;
    if output.status.success() && said.is_empty() { Ok(()) } else { Err(said.into()) }
}

fn each_flag_exists() -> Result<(), Failed> {
    let mut found = 0;
    for (name, unit) in UNITS {
        for words in commands(unit) {
            let subcommand: Vec<_> =
                words.first().filter(|word| !word.starts_with('-')).into_iter().collect();
            let help = Command::new(DOWNTIME).args(&subcommand).arg("--help").output()?;
            let help = String::from_utf8(help.stdout)?;
            for flag in words.iter().filter(|word| word.starts_with('-')) {
                found += 1;
                if !help.split_whitespace().any(|word| word == *flag) {
                    return Err(format!("{name}: {words:?}: there is no {flag}").into());
                }
            }
        }
    }
    if found == 2 * 5 { Ok(()) } else { Err(format!("{found} flags are found").into()) }
}

/// The arguments of each call of the command.
fn commands(unit: &str) -> impl Iterator<Item = Vec<&str>> {
    let commands =
        unit.lines().filter_map(|line| line.strip_prefix("Exec")?.split_once('=')?.1.strip_prefix(INSTALLED));
    commands.map(|arguments| arguments.split_whitespace().collect())
}

fn units_differ_in_the_instance() -> Result<(), Failed> {
    let [(_, one), (_, instance)] = UNITS;
    let made = one
        .replace("in front of the site", "in front of the site %i")
        .replace("/etc/downtime/downtime.toml", "/etc/downtime/%i.toml")
        .replace("/run/downtime ", "/run/downtime-%i ")
        .replace("RuntimeDirectory=downtime", "RuntimeDirectory=downtime-%i");
    if made == instance { Ok(()) } else { Err(format!("downtime@.service is to be\n{made}").into()) }
}
