//! The table of regions compared with the list that AWS keeps in botocore: a new region there is missing here.

use std::collections::BTreeMap;
use std::process::Command;

use tributary::aws::regions;

use crate::processes::{python, run};

/// Each region with Kinesis: its partition, its name (some in capitals), and the end of its partition's host names.
const LISTED: &str = "
import botocore.session, json
session = botocore.session.get_session()
partitions = {one['partition']: one for one in session.get_data('endpoints')['partitions']}
print(json.dumps({
    code: [name, partitions[name]['regions'][code]['description'].lower(), partitions[name]['dnsSuffix']]
    for name in session.get_available_partitions()
    for code in session.get_available_regions('kinesis', partition_name=name)
}))
";

#[test]
fn the_regions_are_those_that_botocore_lists() {
    let listed = run(Command::new(python()).args(["-c", LISTED]), "");
    let listed: BTreeMap<String, [String; 3]> = serde_json::from_str(&listed).unwrap();
    let ours: BTreeMap<_, _> = regions()
        .map(|region| {
            let partition = region.partition();
            let name = region.name.to_lowercase();
            let facts = [partition.name.to_owned(), name, partition.dns_suffix.to_owned()];
            (region.code.to_owned(), facts)
        })
        .collect();
    let without = |one: &BTreeMap<String, [String; 3]>, other: &BTreeMap<String, [String; 3]>| -> Vec<_> {
        one.clone().into_iter().filter(|(code, facts)| other.get(code) != Some(facts)).collect()
    };
    let (missing, too_many) = (without(&listed, &ours), without(&ours, &listed));
    assert!(missing.is_empty() && too_many.is_empty(), "missing: {missing:?}, not listed: {too_many:?}");
}
