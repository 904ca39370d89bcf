//! The image: what `packaging/Dockerfile` says is done here without Docker. The static binary is built from the files that the
//! build may use, and runs in an empty root with the user, the environment and the commands of the image.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Completion, Failed, Trial};

use crate::debian::{self, RequiredProgram};
use crate::support::tls::Authority;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const DOCKERFILE: &str = include_str!("../../packaging/Dockerfile");
const FILE: &str = include_str!("../../packaging/container/downtime.toml");
const DOCUMENT: &str = include_str!("../../docs/recipes/containers.md");
const CONTEXT: &str = include_str!("../../packaging/Dockerfile.dockerignore");

/// The image of the first stage.
const BUILDER: &str = concat!("docker.io/library/rust:", env!("CARGO_PKG_RUST_VERSION"), "-alpine AS build");

const PROGRAMS: [RequiredProgram; 6] = [
    ("musl-gcc", "musl-tools"),
    ("unshare", "util-linux"),
    ("ip", "iproute2"),
    ("curl", "curl"),
    ("openssl", "openssl"),
    (debian::PYTHON, "python3"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("container::it_is_built_with_the_toolchain_of_the_crate", || {
            assert_eq!(Instructions::read().all("FROM").collect::<Vec<_>>(), [BUILDER, "scratch"]);
            Ok(())
        }),
        Trial::test("container::its_user_is_a_number_that_is_not_that_of_root", || {
            let dockerfile = Instructions::read();
            let ids =
                dockerfile.one("USER")?.split(':').map(str::parse::<u32>).collect::<Result<Vec<_>, _>>()?;
            assert!(ids.len() == 2 && !ids.contains(&0), "{ids:?}");
            Ok(())
        }),
        Trial::test("container::its_file_listens_on_the_port_that_it_exposes", || {
            let port = Instructions::read().one("EXPOSE")?.to_owned();
            assert!(FILE.contains(&format!("listen = [\":{port}\"]\n")), "{port}");
            Ok(())
        }),
        Trial::test("container::the_document_gives_the_directory_to_its_user_and_group", || {
            let user = Instructions::read().one("USER")?.to_owned();
            assert!(DOCUMENT.contains(&format!("`chown -R {user} downtime`")), "{user}");
            Ok(())
        }),
        Trial::test("container::it_contains_its_own_licence", || {
            assert!(Instructions::read().all("COPY").any(|arguments| arguments.starts_with("LICENSE ")));
            Ok(())
        }),
        Trial::ignorable_test("container::the_image_serves_from_an_empty_root", the_image_serves),
    ]
}

/// The instructions of a Dockerfile, each with its arguments.
pub(crate) struct Instructions(Vec<(String, String)>);

impl Instructions {
    pub(crate) fn read() -> Self {
        let text = DOCKERFILE.replace("\\\n", " ");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let split = lines.filter_map(|line| line.split_once(' '));
        Self(split.map(|(name, arguments)| (name.to_owned(), arguments.to_owned())).collect())
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, arguments)| arguments.as_str())
    }

    /// Returns the arguments of an instruction that occurs once.
    pub(crate) fn one(&self, name: &'static str) -> Result<&str, Failed> {
        let found: Vec<_> = self.all(name).collect();
        if let [one] = found[..] {
            Ok(one)
        } else {
            Err(format!("{name} is there {} times", found.len()).into())
        }
    }

    /// Returns the words of a command that is an array, as one line.
    pub(crate) fn command(&self, name: &'static str) -> Result<String, Failed> {
        let arguments = self.one(name)?;
        let array = arguments.find('[').map_or(arguments, |at| &arguments[at..]);
        let words: Vec<String> = serde_json::from_str(array)?;
        assert!(words.iter().all(|word| !word.contains(char::is_whitespace)), "{words:?}");
        Ok(words.join(" "))
    }
}

fn the_image_serves() -> Result<Completion, Failed> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    if !has_target(&target)? {
        return debian::ignore(format!("the toolchain has no {target} (rustup target add {target})"));
    }
    let script = Path::new(ROOT).join("tests/external/container/script");
    let Some(mut command) = debian::as_root(&script) else {
        return debian::ignore("running an image needs root, or sudo without a password".into());
    };
    debian::with(&PROGRAMS, || {
        let dockerfile = Instructions::read();
        let directory = tempfile::tempdir()?;
        let authority = Authority::new();
        authority.issue("site.internal");
        let image = image(&dockerfile, directory.path(), &authority)?;
        let start = [dockerfile.command("ENTRYPOINT")?, dockerfile.command("CMD")?].join(" ");
        command.arg(image).args([
            dockerfile.one("USER")?,
            dockerfile.one("ENV")?,
            &dockerfile.command("HEALTHCHECK")?,
            &start,
            dockerfile.one("STOPSIGNAL")?,
        ]);
        let printed = debian::run(command.arg(authority.path("")))?;
        assert_eq!(
            printed,
            "done\n",
            "{}",
            std::fs::read_to_string(directory.path().join("log")).unwrap_or_default()
        );
        Ok(())
    })
}

fn has_target(target: &str) -> Result<bool, Failed> {
    let sysroot = debian::run(Command::new("rustc").args(["--print", "sysroot"]))?;
    Ok(Path::new(sysroot.trim_end()).join("lib/rustlib").join(target).is_dir())
}

/// Returns a root with what the last stage copies. The only authority is that of the test.
fn image(dockerfile: &Instructions, directory: &Path, authority: &Authority) -> Result<PathBuf, Failed> {
    let context = context()?;
    let out = directory.join("out");
    let build = dockerfile.all("RUN").find(|command| command.starts_with("packaging/")).ok_or("no build")?;
    let mut words = build.split(' ');
    let program = words.next().ok_or("no program")?;
    let mut command = Command::new(context.join(program));
    command.args(words.map(|word| if word == "/out" { out.as_os_str() } else { word.as_ref() }));
    // The same binary, apart from the time that it takes to build it.
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256");
    debian::run(command.env("CARGO_TARGET_DIR", Path::new(ROOT).join("target/image")))?;
    let root = directory.join("root");
    for arguments in dockerfile.all("COPY").filter(|arguments| *arguments != ". .") {
        let words: Vec<_> = arguments.split(' ').collect();
        let (source, path) = match words[..] {
            ["--from=build", "/etc/ssl/certs/ca-certificates.crt", path] => {
                (authority.path("ca.pem").into(), path)
            }
            ["--from=build", source, path] if let Some(built) = source.strip_prefix("/out/") => {
                (out.join(built), path)
            }
            [source, path] => (context.join(source), path),
            _ => return Err(format!("an unknown form of COPY: {arguments}").into()),
        };
        let path = root.join(path.trim_start_matches('/'));
        debian::run(Command::new("install").arg("-D").arg(source).arg(path))?;
    }
    Ok(root)
}

/// Copies the files that a build may use, with their times, so that nothing is compiled again that has not changed.
fn context() -> Result<PathBuf, Failed> {
    let context = Path::new(ROOT).join("target/image/source");
    if context.exists() {
        std::fs::remove_dir_all(&context)?;
    }
    std::fs::create_dir_all(&context)?;
    let mut copy = Command::new("cp");
    copy.arg("--archive").args(CONTEXT.lines().filter_map(|line| line.strip_prefix('!')));
    debian::run(copy.arg(&context).current_dir(ROOT))?;
    Ok(context)
}
