//! Profiles of every form, compared with botocore, on which the AWS CLI is built: the same profile leads to the same
//! key, or to none.

use std::collections::BTreeMap;
use std::process::Command;

use crate::processes::{python, run, sender};

/// In the AWS CLI a `default` profile without keys and a missing one differ only in the message; both give no key.
#[test]
fn a_profile_leads_to_the_key_to_which_it_leads_the_aws_cli() {
    let mut command = Command::new(python());
    command.arg(sender("profiles.py")).arg(env!("CARGO_BIN_EXE_tributary"));
    let table: BTreeMap<String, [Option<String>; 2]> = serde_json::from_str(&run(&mut command, "")).unwrap();
    let other: Vec<_> = table.iter().filter(|(_, [botocore, ours])| botocore != ours).collect();
    assert!(other.is_empty(), "botocore and we differ: {other:?}");
    let found = table.values().filter(|[key, _]| key.is_some()).count();
    assert!(table.len() >= 20 && found >= 12, "{table:?}");
}
