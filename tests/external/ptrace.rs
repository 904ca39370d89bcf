//! Whether processes can be traced here.

use std::process::Command;
use std::sync::OnceLock;

/// Why the tests cannot trace here, although there is strace.
pub(crate) fn refusal() -> Option<&'static str> {
    static REFUSAL: OnceLock<Option<String>> = OnceLock::new();
    let probe = || {
        if cfg!(not(target_arch = "x86_64")) {
            return Some("the system calls are named as they are on x86-64".to_owned());
        }
        let output = Command::new("strace").args(["-D", "-o", "/dev/null", "true"]).output();
        match output.expect("strace") {
            output if output.status.success() => None,
            output => {
                let said = String::from_utf8_lossy(&output.stderr);
                Some(format!("strace cannot trace here: {}", said.trim_end()))
            }
        }
    };
    REFUSAL.get_or_init(probe).as_deref()
}
