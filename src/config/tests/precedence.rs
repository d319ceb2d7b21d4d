//! Which place decides a setting, and what a run writes.

use std::fs;

use super::*;
use crate::event::{Aggregation, Encoding};
use crate::reader::Reader;

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = "[destination]\nregion = \"eu-west-1\"\nstream = \"file\"\nencoding = \"json\"\n";
    let variables =
        [("TRIBUTARY_DESTINATION_REGION", "eu-west-2"), ("TRIBUTARY_DESTINATION_STREAM", "variable")];
    let flags = flag("--region", "destination.region", "eu-west-3");
    let destination = given(file, &variables, &flags).unwrap().destination;
    assert_eq!(
        (
            destination.region.as_str(),
            destination.stream.as_str(),
            destination.encoding,
            destination.operation
        ),
        ("eu-west-3", "variable", Encoding::Json, Operation::PutRecord)
    );
}

#[test]
fn what_a_variable_or_flag_decides_is_reported() {
    let flags = flag("--profile", "credentials.profile", "p");
    let variables = environment(&[("TRIBUTARY_LOG_KEEP_EVENTS", "7")]);
    let loaded = in_effect(Path::new(PATH), "", &variables, &flags).unwrap();
    let flag = Origin::Flag("--profile");
    let expected = vec![
        ("credentials.profile", flag.clone()),
        ("credentials.source", flag),
        ("log.keep_events", Origin::Variable("TRIBUTARY_LOG_KEEP_EVENTS".to_owned())),
    ];
    assert_eq!(loaded.held, expected);
}

#[test]
fn naming_a_stream_with_a_flag_means_kinesis_unless_practice_is_asked_for() {
    let kind = |flags: &Overrides| given("", &[], flags).map(|config| config.destination.kind);
    let stream = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/s".to_owned();
    let flags = flag("--stream", "destination.stream", &stream);
    assert_eq!(kind(&flags).unwrap(), DestinationKind::Kinesis);
    let flags = flags.with("--practice", "destination.kind", Some("practice".to_owned()));
    assert_eq!(kind(&flags).unwrap(), DestinationKind::Practice);
    let endpoint = flag("--endpoint-url", "destination.endpoint_url", "http://[::1]:4567");
    assert_eq!(kind(&endpoint).unwrap_err().problems().len(), 2);
    assert_eq!(kind(&Overrides::default()).unwrap(), DestinationKind::Practice);
    let file = "[destination]\nkind = \"kinesis\"\nregion = \"eu-west-1\"\nstream = \"s\"\n";
    let practice = flag("--practice", "destination.kind", "practice");
    let destination = given(file, &[], &practice).unwrap().destination;
    assert_eq!((destination.kind, destination.stream.as_str()), (DestinationKind::Practice, "s"));
}

#[test]
fn an_arn_fills_in_region_and_account_and_beats_what_a_weaker_place_said() {
    let arn = "arn:aws-eusc:kinesis:eusc-de-east-1:123456789012:stream/s";
    let kinesis = format!("[destination]\nkind = \"kinesis\"\nstream = \"{arn}\"\n");
    let destination = from_file(&kinesis).unwrap().destination;
    assert_eq!(
        (destination.region.as_str(), destination.account_id.as_str()),
        ("eusc-de-east-1", "123456789012")
    );
    let flags = flag("--stream", "destination.stream", arn);
    let destination = given("[destination]\nregion = \"us-east-1\"\n", &[], &flags).unwrap().destination;
    assert_eq!(destination.region, "eusc-de-east-1");
    let flags = flag("--region", "destination.region", "us-east-1");
    assert!(given(&kinesis, &[], &flags).is_err());
}

#[test]
fn every_setting_can_come_from_a_variable() {
    let variables = [
        ("TRIBUTARY_DESTINATION_KIND", "kinesis"),
        ("TRIBUTARY_DESTINATION_ENABLED", "false"),
        ("TRIBUTARY_DESTINATION_REGION", "eu-west-1"),
        ("TRIBUTARY_DESTINATION_STREAM", "s"),
        ("TRIBUTARY_DESTINATION_ORDERED", "false"),
        ("TRIBUTARY_DESTINATION_AGGREGATION", "kpl"),
        ("TRIBUTARY_DESTINATION_AGGREGATION_MAX_BYTES", "204800"),
        ("TRIBUTARY_DESTINATION_READER", "table"),
        ("TRIBUTARY_CAPTURE_REQUIRE_WRITE_KEY", "false"),
        ("TRIBUTARY_CAPTURE_MAX_BODY_BYTES", "2048"),
        ("TRIBUTARY_CAPTURE_WRITE_KEY", "k"),
        ("TRIBUTARY_SPOOL_MAX_BYTES", "65536"),
        ("TRIBUTARY_LOG_KEEP_EVENTS", "0"),
    ];
    let config = given("", &variables, &Overrides::default()).unwrap();
    assert_eq!(config.destination.kind, DestinationKind::Kinesis);
    assert!(!config.destination.enabled && !config.destination.ordered && !config.capture.require_write_key);
    let Destination { aggregation, aggregation_max_bytes, reader, encoding, .. } = config.destination;
    assert_eq!((aggregation, aggregation_max_bytes), (Aggregation::Kpl, 204_800));
    assert_eq!(
        (reader, encoding),
        (Some(Reader::StreamingTable), Encoding::Base64),
        "a reader changes no format"
    );
    assert_eq!(
        (config.capture.max_body_bytes, config.spool.max_bytes, config.log.keep_events),
        (2048, 65536, 0)
    );
    assert_eq!(config.capture.sources, [Source::new("Environment", "k")]);
}

#[test]
fn a_key_from_outside_is_no_second_source_where_the_file_names_it() {
    let file = "[[capture.sources]]\nname = \"Environment\"\nwrite_key = \"k\"\n";
    let names = |key| {
        let config = given(file, &[("TRIBUTARY_CAPTURE_WRITE_KEY", key)], &Overrides::default()).unwrap();
        config.capture.sources.into_iter().map(|source| source.name).collect::<Vec<_>>()
    };
    assert_eq!(names("k"), ["Environment"]);
    assert_eq!(names("other"), ["Environment", "Environment 2"]);
}

#[test]
fn a_flag_beats_a_variable_for_paths_too() {
    let variables = environment(&[("TRIBUTARY_CONFIG", "/v/c.toml"), ("TRIBUTARY_DATA_DIR", "/v/data")]);
    assert_eq!(config_path(None, &variables).unwrap(), Path::new("/v/c.toml"));
    assert_eq!(config_path(Some(Path::new("f")), &variables).unwrap(), Path::new("f"));
    assert_eq!(data_dir(None, &variables).unwrap(), Path::new("/v/data"));
    assert_eq!(data_dir(Some(Path::new("f")), &variables).unwrap(), Path::new("f"));
    let empty = environment(&[("TRIBUTARY_CONFIG", "")]);
    assert_eq!(config_path(None, &empty).ok(), paths::default_config_path().ok());
}

#[test]
fn the_first_run_writes_the_example_with_a_key_of_its_own_and_the_next_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/config.toml");
    let run = || load(&path, &Environment::default(), &Overrides::default()).unwrap();
    let first = run();
    let [only] = &first.config.capture.sources[..] else { panic!("{:?}", first.config.capture.sources) };
    assert_eq!((first.created, only.name.as_str(), only.write_key.len()), (true, "My first source", 32));
    assert!(only.write_key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    assert_ne!(only.write_key, new_write_key().unwrap());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, EXAMPLE.replace("...", &only.write_key));
    assert_eq!(run(), Loaded { created: false, ..first });
    fs::write(&path, "[bad]\n").unwrap();
    assert!(load(&path, &Environment::default(), &Overrides::default()).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "[bad]\n");
}

#[test]
fn reading_alone_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let loaded = read(&path, &Environment::default(), &Overrides::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(!path.exists());
}
