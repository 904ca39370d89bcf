//! What the recipes say in YAML, for Kubernetes and Compose: it is valid, and it agrees with itself, with the image and with the gateway.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use downtime::config::upstream_address::UpstreamAddress;
use downtime::config::{Config, Listen};
use libtest_mimic::{Completion, Failed, Trial};
use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::container::Instructions;
use crate::debian::{self, PYTHON, RequiredProgram};

const DOWNTIME: &str = env!("CARGO_BIN_EXE_downtime");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const KUBERNETES: &str = include_str!("../../docs/recipes/kubernetes.md");
const CONTAINERS: &str = include_str!("../../docs/recipes/containers.md");

const YAML: RequiredProgram = ("yaml", "python3-yaml");
const PROGRAMS: [RequiredProgram; 3] = [("curl", "curl"), ("ip", "iproute2"), ("unshare", "util-linux")];

/// Prints the documents of a text.
const TO_JSON: &str = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.argv[1]))))";

/// Runs the container and each probe in a network of their own, where the site is not found, and asks the port. Nothing survives it.
const RUN: &str = r#"
ip link set lo up
$1 &
for probe in "$2" "$3"; do
    until $probe; do jobs %1 >/dev/null || exit; done
done
curl --silent --output /dev/null --write-out '%{http_code} %header{downtime}\n' "http://127.0.0.1:$4/"
"#;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn() -> Result<(), Failed>| {
        Trial::ignorable_test(format!("manifests::{name}"), move || debian::with_python_module(YAML, test))
    };
    vec![
        trial("each_block_of_yaml_in_the_documents_is_valid", each_block_is_valid),
        trial("the_deployment_agrees_with_its_file_and_the_image", check_deployment),
        trial("the_service_and_the_route_lead_to_the_deployment", check_service),
        trial("the_compose_file_agrees_with_its_file_and_the_image", check_compose),
        Trial::ignorable_test("manifests::the_gateway_runs_as_the_deployment_says", run_deployment),
    ]
}

fn each_block_is_valid() -> Result<(), Failed> {
    let mut found = 0;
    for directory in ["docs", "docs/recipes"] {
        for entry in fs::read_dir(Path::new(ROOT).join(directory))? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            for block in blocks(&fs::read_to_string(&path)?, "yaml") {
                let documents = parse(&block)?;
                assert!(documents.iter().all(Value::is_object), "{}: {documents:?}", path.display());
                found += 1;
            }
        }
    }
    assert!(found >= 5, "only {found} were found");
    Ok(())
}

fn check_deployment() -> Result<(), Failed> {
    let (manifests, image) = (Manifests::read()?, Instructions::read());
    let (pod, container) = manifests.pod_and_container();
    let config = parse_config(manifests.file()?)?;
    // The file is where the image looks for it, in a directory that is mounted as a whole.
    let [mount] = &container["volumeMounts"].as_array().ok_or("no mounts")?[..] else {
        return Err("not one mount".into());
    };
    let path = format!("{}/downtime.toml", text(&mount["mountPath"]));
    assert_eq!(image.one("ENV")?, format!("DOWNTIME_CONFIG={path}"));
    assert_eq!(container["args"], json!(["serve", "--config", path]));
    assert_eq!(mount["subPath"], Value::Null);
    let name = &manifests.one("ConfigMap")["metadata"]["name"];
    assert_eq!(pod["volumes"], json!([{ "name": mount["name"], "configMap": { "name": name } }]));
    for probe in ["readinessProbe", "livenessProbe"] {
        assert_eq!(words(&container[probe]["exec"]["command"]), image.command("HEALTHCHECK")?, "{probe}");
    }
    let addresses: Vec<_> = config.server.addresses().collect();
    let port = port(&container["ports"][0]["containerPort"])?;
    assert_eq!(addresses, [&Listen::AllAddresses(port)]);
    let grace = pod["terminationGracePeriodSeconds"].as_u64().map(Duration::from_secs);
    assert!(grace > Some(config.server.stop_delay + config.server.stop_timeout), "{grace:?}");
    assert!(text(&container["image"]).ends_with(concat!("/downtime:", env!("CARGO_PKG_VERSION"))));
    Ok(())
}

fn check_service() -> Result<(), Failed> {
    let manifests = Manifests::read()?;
    let (_, container) = manifests.pod_and_container();
    let (deployment, service) = (manifests.one("Deployment"), manifests.one("Service"));
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert!(labels.is_object());
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&service["spec"]["selector"], labels);
    let exposed = &service["spec"]["ports"][0];
    assert_eq!(exposed["targetPort"], container["ports"][0]["name"]);
    let backend = &manifests.one("HTTPRoute")["spec"]["rules"][0]["backendRefs"][0];
    assert_eq!(*backend, json!({ "name": service["metadata"]["name"], "port": exposed["port"] }));
    Ok(())
}

fn check_compose() -> Result<(), Failed> {
    let image = Instructions::read();
    let compose = parse(&blocks(CONTAINERS, "yaml")[0])?.remove(0);
    let services = compose["services"].as_object().ok_or("no services")?;
    let gateway = &services["downtime"];
    let config = parse_config(&blocks(CONTAINERS, "toml")[0])?;
    let (_, port) = text(&gateway["ports"][0]).split_once(':').ok_or("no port")?;
    assert_eq!(port, image.one("EXPOSE")?);
    let addresses: Vec<_> = config.server.addresses().collect();
    assert_eq!(addresses, [&Listen::AllAddresses(port.parse()?)]);
    let (_, directory) = text(&gateway["volumes"][0]).split_once(':').ok_or("no directory")?;
    assert_eq!(image.one("ENV")?, format!("DOWNTIME_CONFIG={directory}/downtime.toml"));
    assert!(CONTAINERS.contains(&format!("docker build --tag {} ", text(&gateway["image"]))));
    let Some(UpstreamAddress::Tcp { host, .. }) = config.site.upstream() else {
        return Err("the upstream has no host".into());
    };
    assert!(services.contains_key(host), "{host}");
    let grace = text(&gateway["stop_grace_period"]).strip_suffix('s').ok_or("no seconds")?.parse()?;
    assert!(Duration::from_secs(grace) > config.server.stop_delay + config.server.stop_timeout);
    Ok(())
}

fn run_deployment() -> Result<Completion, Failed> {
    match debian::with(&PROGRAMS, || Ok(()))? {
        Completion::Completed => debian::with_python_module(YAML, run_as_the_deployment_says),
        ignored @ Completion::Ignored { .. } => Ok(ignored),
    }
}

fn run_as_the_deployment_says() -> Result<(), Failed> {
    let (manifests, image) = (Manifests::read()?, Instructions::read());
    let (_, container) = manifests.pod_and_container();
    let mounted = tempfile::tempdir()?;
    fs::write(mounted.path().join("downtime.toml"), manifests.file()?)?;
    let here = |command: &str| {
        let mount = text(&container["volumeMounts"][0]["mountPath"]);
        let binary = image.command("ENTRYPOINT")?;
        Ok::<_, Failed>(
            command.replace(mount, &mounted.path().display().to_string()).replace(&binary, DOWNTIME),
        )
    };
    let [ready, alive] =
        ["readinessProbe", "livenessProbe"].map(|probe| here(&words(&container[probe]["exec"]["command"])));
    let mut unshare = Command::new("timeout");
    unshare.args(["--signal=KILL", "60", "unshare", "--net", "--pid", "--fork", "--kill-child"]);
    if !geteuid().is_root() {
        unshare.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    unshare.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let environment = here(image.one("ENV")?)?;
    let (name, value) = environment.split_once('=').ok_or("no variable")?;
    unshare.env(name, value).args(["bash", "-c", RUN, "deployment"]);
    unshare.arg(here(&format!("{} {}", image.command("ENTRYPOINT")?, words(&container["args"])))?);
    unshare.args([ready?, alive?, port(&container["ports"][0]["containerPort"])?.to_string()]);
    let printed = debian::run(&mut unshare)?;
    assert_eq!(printed.lines().last(), Some("503 unreachable"), "{printed}");
    Ok(())
}

/// The manifests for Kubernetes.
struct Manifests(Vec<Value>);

impl Manifests {
    fn read() -> Result<Self, Failed> {
        let parsed =
            blocks(KUBERNETES, "yaml").iter().map(|block| parse(block)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(parsed.concat()))
    }

    fn one(&self, kind: &str) -> &Value {
        let mut found = self.0.iter().filter(|manifest| manifest["kind"] == kind);
        found.next().filter(|_| found.next().is_none()).expect(kind)
    }

    fn pod_and_container(&self) -> (&Value, &Value) {
        let pod = &self.one("Deployment")["spec"]["template"]["spec"];
        (pod, &pod["containers"][0])
    }

    /// Returns the text of the file in the ConfigMap.
    fn file(&self) -> Result<&str, Failed> {
        Ok(self.one("ConfigMap")["data"]["downtime.toml"].as_str().ok_or("no file")?)
    }
}

fn parse(block: &str) -> Result<Vec<Value>, Failed> {
    let printed = debian::run(Command::new(PYTHON).args(["-c", TO_JSON, block]))?;
    Ok(serde_json::from_str(&printed)?)
}

fn parse_config(text: &str) -> Result<Config, Failed> {
    let parsed = Config::parse("downtime.toml", text, Path::new("/"), &|_| Err(String::new().into()));
    Ok(parsed.config.ok_or_else(|| format!("{:?}", parsed.diagnostics))?)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

fn port(value: &Value) -> Result<u16, Failed> {
    Ok(value.as_u64().ok_or("no port")?.try_into()?)
}

/// Returns the words of a command as one line.
fn words(command: &Value) -> String {
    let words: Vec<_> = command.as_array().expect("a command").iter().map(text).collect();
    assert!(words.iter().all(|word| !word.contains(char::is_whitespace)), "{words:?}");
    words.join(" ")
}

/// Returns the blocks of this language in a document.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let begin = format!("\n```{language}\n");
    document
        .split(&begin)
        .skip(1)
        .map(|rest| rest.split("```\n").next().unwrap_or_default().to_owned())
        .collect()
}
