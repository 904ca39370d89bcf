//! The licences of the crates that the binary is made of: collected from their sources, and in the Debian package.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Completion, Failed, Trial};

use crate::{debian, package, sbom};

const RULE: &str = "\n--------------------------------------------------------------------------------\n\n";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("licenses::each_crate_has_its_texts_and_each_text_is_there_once", || {
            let directory = tempfile::tempdir()?;
            let file = directory.path().join("licenses");
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/licenses");
            debian::run(Command::new(script).arg(&file))?;
            check(&std::fs::read_to_string(file)?)
        }),
        Trial::ignorable_test("licenses::they_are_in_the_package_uncompressed", are_in_the_package),
    ]
}

fn are_in_the_package() -> Result<Completion, Failed> {
    package::with(&[], || {
        let directory = tempfile::tempdir()?;
        debian::run(
            Command::new("dpkg-deb").arg("--extract").arg(package::package()?).arg(directory.path()),
        )?;
        let documents = directory.path().join("usr/share/doc/downtime");
        let copyright = std::fs::read_to_string(documents.join("copyright"))?;
        assert!(copyright.contains("/usr/share/doc/downtime/third-party-licenses"), "{copyright}");
        check(&std::fs::read_to_string(documents.join("third-party-licenses"))?)
    })
}

fn check(text: &str) -> Result<(), Failed> {
    // The final block is about the standard library and musl.
    let (text, final_block) = text.rsplit_once(RULE).ok_or("no blocks")?;
    assert!(final_block.starts_with("    The Rust standard library: "), "{final_block}");
    let mut blocks = text.split(RULE);
    let list = blocks.next().unwrap_or_default();
    let expected: BTreeSet<_> =
        sbom::compiled()?.into_iter().map(|(name, version)| format!("{name} {version}")).collect();
    let named = |line: &str| line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
    let listed: BTreeSet<_> =
        list.lines().skip(3).map(named).filter(|line| expected.contains(line)).collect();
    assert_eq!(listed, expected);
    let (mut with_text, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for block in blocks {
        let (crates, licence) = block.split_once("\n\n").ok_or("a block without a text")?;
        assert!(texts.insert(licence.split_whitespace().collect::<Vec<_>>().join(" ")), "twice: {licence}");
        // A shorter one only names licences.
        if licence.len() > 500 {
            with_text.extend(crates.lines().map(|line| line.trim().to_owned()));
        }
    }
    let missing: Vec<_> = expected.difference(&with_text).collect();
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}
