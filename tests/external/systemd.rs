//! The systemd units: `systemd-analyze` finds no fault in them, and the command line has each flag that they use.
//!
//! Without `systemd-analyze` its test is ignored; under CI it fails.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Completion, Failed, Trial};

use crate::debian;

const DOWNTIME: &str = env!("CARGO_BIN_EXE_downtime");
const INSTALLED: &str = "/usr/local/bin/downtime";
const DOCUMENT: &str = include_str!("../../docs/operating.md");
const UNITS: [(&str, &str); 5] = [
    ("downtime.service", include_str!("../../systemd/downtime.service")),
    ("downtime@.service", include_str!("../../systemd/downtime@.service")),
    ("downtime-admin.service", include_str!("../../systemd/downtime-admin.service")),
    ("downtime-admin.socket", include_str!("../../systemd/downtime-admin.socket")),
    ("downtime.socket", include_str!("../../systemd/downtime.socket")),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::ignorable_test("systemd::systemd_finds_no_fault_in_the_units", systemd_finds_no_fault),
        Trial::ignorable_test("systemd::the_exposure_is_as_documented", || {
            debian::with(&[("systemd-analyze", "systemd")], check_exposure)
        }),
        Trial::ignorable_test("systemd::sysusers_creates_the_user_of_the_units", sysusers_creates_the_user),
        Trial::test("systemd::each_flag_in_the_units_exists", each_flag_exists),
        Trial::test("systemd::the_units_differ_only_in_the_instance", units_differ_in_the_instance),
    ]
}

fn systemd_finds_no_fault() -> Result<Completion, Failed> {
    debian::with(&[("systemd-analyze", "systemd")], verify)
}

fn verify() -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    for (name, unit) in UNITS {
        fs::write(directory.path().join(name), unit.replace(INSTALLED, DOWNTIME))?;
    }
    let mut verify = Command::new("systemd-analyze");
    verify
        .args(["verify", "--recursive-errors=no", "--man=no"])
        .args(UNITS.map(|(name, _)| directory.path().join(name)));
    let output = verify.output()?;
    let messages = String::from_utf8([output.stdout, output.stderr].concat())?;
    if output.status.success() && messages.is_empty() { Ok(()) } else { Err(messages.into()) }
}

/// The rating is from 0 to 100 here.
fn check_exposure() -> Result<(), Failed> {
    let (_, drop_in) = DOCUMENT.split_once("```ini\n").ok_or("no drop-in")?;
    let (drop_in, _) = drop_in.split_once("```\n").ok_or("no end of the drop-in")?;
    let [(_, service), (_, instance), ..] = UNITS;
    let without_network = format!("{service}\n{drop_in}");
    let directory = tempfile::tempdir()?;
    for (name, unit, limit) in
        [("a.service", service, 14), ("b@.service", instance, 14), ("c.service", without_network.as_str(), 4)]
    {
        let path = directory.path().join(name);
        fs::write(&path, unit)?;
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(["security", "--offline=true", "--no-pager", &format!("--threshold={limit}")]);
        debian::run(analyze.arg(path))?;
    }
    Ok(())
}

fn sysusers_creates_the_user() -> Result<Completion, Failed> {
    debian::with(&[("systemd-sysusers", "systemd")], || {
        let root = tempfile::tempdir()?;
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/sysusers.d/downtime.conf");
        fs::create_dir(root.path().join("etc"))?;
        let mut create = Command::new("systemd-sysusers");
        let output = create
            .arg("--root")
            .arg(root.path())
            .arg("--inline")
            .args(lines(&fs::read_to_string(config)?))
            .output()?;
        let [users, groups] =
            ["passwd", "group"].map(|name| fs::read_to_string(root.path().join("etc").join(name)));
        let found = format!("{}{}", users.unwrap_or_default(), groups.unwrap_or_default());
        let has_both = ["downtime:", "downtime-admin:"]
            .iter()
            .all(|name| found.lines().filter(|line| line.starts_with(name)).count() == 2);
        let users = UNITS.map(|(_, unit)| unit.lines().find_map(|line| line.split_once("User=")).unzip().1);
        let admin = Some("downtime-admin");
        let expected = [Some("downtime"), Some("downtime"), admin, admin, None];
        if has_both && users == expected { Ok(()) } else { Err(format!("{found}\n{output:?}").into()) }
    })
}

/// Returns the lines that are not comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
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
                    return Err(format!("{name}: unknown flag {flag} in {words:?}").into());
                }
            }
        }
    }
    if found == 2 * 7 + 1 { Ok(()) } else { Err(format!("expected 15 flags, found {found}").into()) }
}

/// Returns the arguments of each call of the command.
fn commands(unit: &str) -> impl Iterator<Item = Vec<&str>> {
    let commands =
        unit.lines().filter_map(|line| line.strip_prefix("Exec")?.split_once('=')?.1.strip_prefix(INSTALLED));
    commands.map(|arguments| arguments.split_whitespace().collect())
}

fn units_differ_in_the_instance() -> Result<(), Failed> {
    let [(_, one), (_, instance), ..] = UNITS;
    let expected = one
        .replace("in front of the site", "in front of the site %i")
        .replace("/etc/downtime/downtime.toml", "/etc/downtime/%i.toml")
        .replace("/run/downtime ", "/run/downtime-%i ")
        .replace("RuntimeDirectory=downtime", "RuntimeDirectory=downtime-%i");
    if expected == instance {
        Ok(())
    } else {
        Err(format!("expected downtime@.service to be\n{expected}").into())
    }
}
