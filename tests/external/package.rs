//! The Debian package: lintian finds no fault in it, and a real systemd installs, runs, upgrades and removes it. So it does with
//! what the manual installs by hand.
//!
//! `boot/boot` boots the Debian of this machine in a container, on an overlay that is thrown away.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use libtest_mimic::{Completion, Failed, Trial};
use tempfile::TempDir;

use crate::debian::{self, RequiredProgram, run};

const DOWNTIME: &str = env!("CARGO_BIN_EXE_downtime");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The programs that build the package.
const BUILDERS: [RequiredProgram; 2] = [("dh", "debhelper"), ("dpkg-buildpackage", "dpkg-dev")];

/// The programs of the containers.
const BOOTERS: [RequiredProgram; 3] =
    [("systemd-nspawn", "systemd-container"), ("ps", "procps"), ("curl", "curl")];

const BOOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/external/boot");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("package::its_version_is_that_of_the_crate", version_is_that_of_the_crate),
        Trial::ignorable_test("package::lintian_finds_no_fault", || {
            with(&[("lintian", "lintian")], lintian_finds_no_fault)
        }),
        Trial::ignorable_test("package::a_real_systemd_runs_it", a_real_systemd_runs_it),
        Trial::ignorable_test(
            "package::the_admin_page_is_set_up_as_documented",
            the_admin_page_is_set_up_as_documented,
        ),
        Trial::ignorable_test(
            "package::the_documented_commands_install_the_gateway_without_it",
            the_documented_commands_install_the_gateway,
        ),
        Trial::ignorable_test("package::hooks_run_in_the_sandbox", hooks_run_in_the_sandbox),
    ]
}

/// Runs a test that needs the package and these programs.
pub(crate) fn with(
    programs: &[RequiredProgram],
    test: impl FnOnce() -> Result<(), Failed>,
) -> Result<Completion, Failed> {
    if !debian::is_installed("cargo-cyclonedx") {
        return debian::ignore("cargo-cyclonedx is not installed (cargo install cargo-cyclonedx)".into());
    }
    debian::with(&[&BUILDERS[..], programs].concat(), test)
}

fn version_is_that_of_the_crate() -> Result<(), Failed> {
    let changelog = std::fs::read_to_string(Path::new(ROOT).join("packaging/debian/changelog"))?;
    let expected = format!("downtime ({}) ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&expected), "{changelog}");
    Ok(())
}

fn lintian_finds_no_fault() -> Result<(), Failed> {
    run(Command::new("lintian").args(["--fail-on", "error,warning"]).arg(package()?)).map(drop)
}

fn a_real_systemd_runs_it() -> Result<Completion, Failed> {
    boot("lifecycle", &[("goaccess", "goaccess")], |package| {
        let directory = tempfile::tempdir()?;
        let upgrades = ["0.1.1", "0.1.2"]
            .into_iter()
            .map(|version| with_version(package, version, directory.path()))
            .collect::<Result<Vec<_>, _>>()?;
        let documents = ["docs/monitoring.md", "docs/operating.md"].map(|path| Path::new(ROOT).join(path));
        Ok((directory, [upgrades, documents.into()].concat()))
    })
}

fn the_admin_page_is_set_up_as_documented() -> Result<Completion, Failed> {
    let programs = [("nginx", "nginx-light"), ("openssl", "openssl"), (debian::PYTHON, "python3")];
    boot("admin", &programs, |_| {
        let document = Path::new(ROOT).join("docs/admin.md");
        Ok((tempfile::tempdir()?, vec![document, Path::new(BOOT).join("sign_on.py")]))
    })
}

fn hooks_run_in_the_sandbox() -> Result<Completion, Failed> {
    let programs = [("logger", "bsdutils"), ("openssl", "openssl"), (debian::PYTHON, "python3")];
    boot("hooks", &programs, |_| Ok((tempfile::tempdir()?, Vec::new())))
}

fn the_documented_commands_install_the_gateway() -> Result<Completion, Failed> {
    let Some(command) = booter() else { return cannot_boot() };
    debian::with(&BOOTERS, || {
        let directory = tempfile::tempdir()?;
        let clone = directory.path().join("clone.tar");
        let mut tar = Command::new("tar");
        tar.arg("--create").arg("--file").arg(&clone).args(["--transform", "s,^downtime$,target/release/&,"]);
        tar.args(["--directory", ROOT, ".schema", "downtime.toml", "systemd", "templates"]);
        let built = Path::new(DOWNTIME).parent().ok_or("a directory")?;
        run(tar.arg("--directory").arg(built).arg("downtime"))?;
        run_booted(command, "install", &[clone, Path::new(ROOT).join("docs/operating.md")])
    })
}

/// Boots a systemd that runs a script, with the package and these files beside it.
fn boot(
    script: &str,
    programs: &[RequiredProgram],
    files: impl FnOnce(&Path) -> Result<(TempDir, Vec<PathBuf>), Failed>,
) -> Result<Completion, Failed> {
    let Some(command) = booter() else { return cannot_boot() };
    with(&[&BOOTERS[..], programs].concat(), || {
        let package = package()?;
        let (_directory, files) = files(&package)?;
        run_booted(command, script, &[files, vec![package]].concat())
    })
}

/// Returns the command that boots, if this user may.
fn booter() -> Option<Command> {
    debian::as_root(&Path::new(BOOT).join("boot"))
}

fn cannot_boot() -> Result<Completion, Failed> {
    debian::ignore("booting a container needs root, or sudo without a password".into())
}

fn run_booted(mut booter: Command, script: &str, files: &[PathBuf]) -> Result<(), Failed> {
    let boot = Path::new(BOOT);
    let printed = run(booter.arg(boot.join(script)).args(files).arg(boot.join("functions")))?;
    assert_eq!(printed, "done\n");
    Ok(())
}

/// Returns the package of the tested binary, which is built once.
pub(crate) fn package() -> Result<PathBuf, Failed> {
    static PACKAGE: LazyLock<Result<(TempDir, PathBuf), Failed>> = LazyLock::new(|| {
        let directory = tempfile::tempdir()?;
        let package = build(directory.path())?;
        Ok((directory, package))
    });
    PACKAGE.as_ref().map(|(_, package)| package.clone()).map_err(Clone::clone)
}

fn build(directory: &Path) -> Result<PathBuf, Failed> {
    let mut command = Command::new(Path::new(ROOT).join("packaging/deb"));
    run(command.args(["--binary", DOWNTIME]).arg(directory).env("DOWNTIME_QUICK_DEB", "1"))?;
    let mut entries = std::fs::read_dir(directory)?.filter_map(Result::ok).map(|entry| entry.path());
    let package = entries.find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    package.ok_or_else(|| "no package was built".into())
}

/// Repacks a package with another version, and with the configuration of 0.1.1.
fn with_version(package: &Path, version: &str, directory: &Path) -> Result<PathBuf, Failed> {
    let content = directory.join(version);
    run(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&content))?;
    let control = content.join("DEBIAN/control");
    let current = format!("Version: {}\n", env!("CARGO_PKG_VERSION"));
    let text = std::fs::read_to_string(&control)?.replace(&current, &format!("Version: {version}\n"));
    std::fs::write(&control, text)?;
    let configuration = content.join("etc/downtime/downtime.toml");
    let text = std::fs::read_to_string(&configuration)? + "# Of version 0.1.1.\n";
    std::fs::write(&configuration, text)?;
    let path = directory.join(format!("downtime_{version}_all.deb"));
    let options = ["-Zgzip", "-z1", "--root-owner-group", "--build"];
    run(Command::new("dpkg-deb").args(options).arg(&content).arg(&path))?;
    Ok(path)
}
