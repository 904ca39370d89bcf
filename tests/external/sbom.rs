//! The list of what the binary is made of, in the Debian package: it is valid by the schema of CycloneDX, and lists the crates that
//! cargo compiles.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

use jsonschema::{Retrieve, Uri};
use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::{debian, npm, package};

/// Has the schemas of CycloneDX.
const LIBRARY: (&str, &str) = ("@cyclonedx/cyclonedx-library", "10.3.0");
const SCHEMA: &str = "bom-1.5.SNAPSHOT.schema.json";

/// Crates that the list has although they are not compiled: `cargo metadata` counts a feature that only another feature could
/// turn on.
const NOT_COMPILED: [&str; 1] = ["zlib-rs"];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn(&Value) -> Result<(), Failed>| {
        Trial::ignorable_test(format!("sbom::{name}"), move || with_sbom(test))
    };
    vec![
        Trial::ignorable_test("sbom::it_is_valid_by_the_schema", is_valid),
        trial("it_lists_the_crates_that_are_compiled", lists_the_crates),
    ]
}

fn with_sbom(test: fn(&Value) -> Result<(), Failed>) -> Result<Completion, Failed> {
    package::with(&[], || {
        let directory = tempfile::tempdir()?;
        debian::run(
            Command::new("dpkg-deb").arg("--extract").arg(package::package()?).arg(directory.path()),
        )?;
        let path = directory.path().join("usr/share/doc/downtime/downtime.cdx.json");
        test(&serde_json::from_slice(&std::fs::read(path)?)?)
    })
}

fn is_valid() -> Result<Completion, Failed> {
    let mut schemas = Ok(PathBuf::new());
    let ran = debian::with(&[("npm", "npm")], || {
        schemas = npm::package(LIBRARY.0, LIBRARY.1);
        Ok(())
    })?;
    match schemas {
        Err(reason) => debian::ignore(reason),
        Ok(_) if !matches!(ran, Completion::Completed) => Ok(ran),
        Ok(_) => with_sbom(validate),
    }
}

/// The schemas, which refer to each other by the names of their files.
struct Schemas(PathBuf);

impl Schemas {
    fn read(&self, name: &str) -> Result<Value, Box<dyn Error + Send + Sync>> {
        Ok(serde_json::from_slice(&std::fs::read(self.0.join(name))?)?)
    }
}

impl Retrieve for Schemas {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.read(uri.path().as_str().rsplit('/').next().unwrap_or_default())
    }
}

fn validate(sbom: &Value) -> Result<(), Failed> {
    let schemas = Schemas(npm::package(LIBRARY.0, LIBRARY.1)?.join("res/schema"));
    let schema = schemas.read(SCHEMA).map_err(|error| error.to_string())?;
    let validator =
        jsonschema::options().with_retriever(schemas).build(&schema).map_err(|error| error.to_string())?;
    let errors: Vec<_> =
        validator.iter_errors(sbom).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n").into()) }
}

/// Returns the names and versions of the crates that cargo compiles.
pub(crate) fn compiled() -> Result<BTreeSet<(String, String)>, Failed> {
    let mut tree = Command::new("cargo");
    tree.args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let tree = debian::run(tree.current_dir(env!("CARGO_MANIFEST_DIR")))?;
    let crates = tree.lines().skip(1).filter_map(|line| line.split_once(" v"));
    let version = |rest: &str| rest.split(' ').next().unwrap_or_default().to_owned();
    Ok(crates.map(|(name, rest)| (name.to_owned(), version(rest))).collect())
}

fn lists_the_crates(sbom: &Value) -> Result<(), Failed> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let compiled = compiled()?;
    let listed = sbom["components"].as_array().ok_or("no components")?.iter();
    let listed: BTreeSet<_> = listed.map(|crate_| (text(crate_, "name"), text(crate_, "version"))).collect();
    let missing: Vec<_> = compiled.difference(&listed).collect();
    let more: Vec<_> = listed.difference(&compiled).map(|(name, _)| name.as_str()).collect();
    assert!(missing.is_empty() && more == NOT_COMPILED, "missing: {missing:?}, not compiled: {more:?}");
    let component = &sbom["metadata"]["component"];
    let about = (text(component, "name"), text(component, "version"), text(component, "bom-ref"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(about, ("downtime".into(), version.into(), format!("downtime@{version}")));
    Ok(())
}
