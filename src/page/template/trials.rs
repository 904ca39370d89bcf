//! The values that a template is tried with.

use bytes::Bytes;
use jiff::Timestamp;

use super::Variables;
use crate::page::brand::{Accent, Brand, Logo};
use crate::page::cause::{Answers, Cause};
use crate::page::language::Language;

/// Calls `try_with` with each combination of values that templates branch on, until it returns an error.
pub(super) fn trials<E>(mut try_with: impl FnMut(&Variables) -> Result<(), E>) -> Result<(), E> {
    let full = Brand {
        title: Some("Example".into()),
        logo: Some(Logo { media_type: "image/png", bytes: Bytes::new() }),
        accent: Some(Accent { light: "#000000".into(), dark: "#ffffff".into() }),
        contact: Some("https://status.example.com/".into()),
    };
    let none = Brand::default();
    let kinds = [
        (Cause::Planned, Answers::Safe),
        (Cause::Unscheduled, Answers::NotSaved),
        (Cause::Unreachable, Answers::Unknown),
    ];
    for case in 0_u8..16 {
        let is_set = |bit: u8| case & bit != 0;
        let time = |bit: u8| is_set(bit).then_some(Timestamp::UNIX_EPOCH);
        for (cause, answers) in kinds {
            try_with(&Variables {
                message: is_set(4).then_some("We'll be back soon."),
                until: time(1),
                start: time(2),
                retry_after: 300,
                status: 503,
                cause,
                answers,
                language: Language::ENGLISH,
                brand: if is_set(8) { &full } else { &none },
                return_script: "<script></script>".to_owned(),
            })?;
        }
    }
    Ok(())
}
