//! Settings from all places, and back into the file.

use std::fs;
use std::path::Path;

use super::*;

const PATH: &str = "/home/u/.config/tributary/config.toml";
const SECRET: &str = "s3cr3t0wr1te0key0that0must0hide0";

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn given(text: &str, variables: &[(&str, &str)], flags: &Overrides) -> Result<Config, Error> {
    in_effect(Path::new(PATH), text, &environment(variables), flags).map(|loaded| loaded.config)
}

pub(super) fn from_file(text: &str) -> Result<Config, Error> {
    given(text, &[], &Overrides::default())
}

fn messages(result: Result<Config, Error>) -> Vec<String> {
    result.unwrap_err().problems().iter().map(ToString::to_string).collect()
}

/// A file's text, and its mistakes as `line: text`.
const BAD_FILES: &[(&str, &[&str])] = &[
    (
        "# one\n\n\n[destination]\nkind = \"practice\"\n\nencoding = \"base46\"\n",
        &["7: destination.encoding is \"base46\"; allowed: \"base64\", \"json\", \"json-lines\""],
    ),
    ("[destination]\nstrem = \"x\"\n", &["2: destination.strem is not a setting; did you mean `stream`?"]),
    (
        "[spool]\nsize = 4\n",
        &["2: spool.size is not a setting; allowed: max_bytes, min_free_bytes, max_source_percent"],
    ),
    ("[destinaton]\n", &["1: [destinaton] is not a section; did you mean `destination`?"]),
    ("[x]\n", &["1: [x] is not a section; allowed: destination, credentials, capture, spool, log, app"]),
    ("region = \"eu-west-1\"\n", &["1: region belongs below [destination]"]),
    ("[log]\nlisten = \"\"\n", &["2: log.listen is not a setting; listen belongs below [capture]"]),
    ("spool = 4\n", &["1: spool must be a table: [spool]"]),
    (
        "[destination]\nkind = 1\nenabled = \"yes\"\n",
        &[
            "2: destination.kind is 1; allowed: \"practice\", \"kinesis\"",
            "3: destination.enabled is \"yes\"; allowed: true, false",
        ],
    ),
    (
        "[destination]\naccount_id = 123456789012\n",
        &["2: destination.account_id is 123456789012; it must be text in quotes: \"123456789012\""],
    ),
    (
        "[destination]\naccount_id = \"1234-5678-9012\"\n",
        &[concat!(
            "2: destination.account_id is \"1234-5678-9012\"; an AWS account id has 12 digits, ",
            "without hyphens or spaces; or leave it empty"
        )],
    ),
    (
        "[destination]\nregion = \"EU West\"\nstream = \"a b\"\n",
        &[
            concat!(
                "2: destination.region is \"EU West\"; a region has lower-case letters, digits and hyphens, ",
                "such as eu-west-1"
            ),
            concat!(
                "3: destination.stream is \"a b\"; a stream's name has letters a to z and A to Z, digits, ",
                "and _ . - only"
            ),
        ],
    ),
    (
        "[capture]\nmax_body_bytes = -1\nlisten = \"localhost:80\"\n",
        &[
            concat!(
                "2: capture.max_body_bytes is a number below 0 or above all limits; ",
                "allowed: whole numbers from 1024 to 268435456"
            ),
            "3: capture.listen is \"localhost:80\"; write localhost as 127.0.0.1:80",
        ],
    ),
    (
        "[destination]\nkind = \"kinesis\"\nregion = \"eu-west-1\"\n",
        &[concat!(
            "2: destination.stream is missing, and kind \"kinesis\" needs it: give it in the settings file, ",
            "as TRIBUTARY_DESTINATION_STREAM or with --stream"
        )],
    ),
    (
        concat!(
            "[destination]\nkind = \"kinesis\"\nregion = \"us-east-1\"\n",
            "stream = \"arn:aws:kinesis:eu-west-1:123456789012:stream/s\"\naccount_id = \"210987654321\"\n"
        ),
        &[
            concat!(
                "3: destination.region is \"us-east-1\" but the stream's ARN says \"eu-west-1\"; ",
                "make them equal, or leave region empty"
            ),
            concat!(
                "5: destination.account_id is \"210987654321\" but the stream's ARN says \"123456789012\"; ",
                "make them equal, or leave account_id empty"
            ),
        ],
    ),
    (
        "[destination]\naggregation = \"gzip\"\naggregation_max_bytes = 1000\n",
        &[
            "2: destination.aggregation is \"gzip\"; allowed: \"none\", \"kpl\", \"lines\"",
            "3: destination.aggregation_max_bytes is 1000; allowed: whole numbers from 1024 to 10485760",
        ],
    ),
    (
        "[destination]\nencoding = \"base64\"\naggregation = \"lines\"\n",
        &[concat!(
            "3: destination.aggregation is \"lines\", which needs the encoding \"json-lines\", and destination.encoding ",
            "is \"base64\": make it \"json-lines\", or aggregation \"kpl\" or \"none\""
        )],
    ),
    (
        "[[destinations]]\nname = \"L\"\naggregation = \"lines\"\n",
        &[concat!(
            "1: of the saved destination \"L\": destination.aggregation is \"lines\", which needs the encoding ",
            "\"json-lines\", and destination.encoding is \"base64\": make it \"json-lines\", or aggregation \"kpl\" or ",
            "\"none\""
        )],
    ),
    (
        "[credentials]\nsource = \"profile\"\n",
        &[concat!(
            "2: credentials.profile is missing, and source \"profile\" needs it: give it in the settings file, ",
            "as TRIBUTARY_CREDENTIALS_PROFILE or with --profile"
        )],
    ),
    (
        "[credentials]\naws_secret_access_key = \"s3cr3t0wr1te0key0that0must0hide0\"\n",
        &[concat!(
            "2: credentials.aws_secret_access_key is not a setting; AWS keys are never kept in this file: ",
            "use the system keychain, an AWS profile or AWS's own variables"
        )],
    ),
    (
        "[destination]\nendpoint_url = \"https://u:s3cr3t0wr1te0key0that0must0hide0@host\"\n",
        &[concat!(
            "2: destination.endpoint_url is not an endpoint; it must have no user name, no ? and no #; ",
            "an endpoint looks like https://kinesis.example.com or http://127.0.0.1:4567"
        )],
    ),
    (
        "[[capture.sources]]\nname = \"A\"\nwrite_key = \"s3cr3t0wr1te0key0that0must0hide0\"\nkey = 1\n",
        &["4: capture.sources.key is not a setting; allowed: name, write_key, retiring_write_key"],
    ),
    (
        "[[capture.sources]]\nname = \"A\"\n\n[[capture.sources]]\nwrite_key = 7\n",
        &[
            "1: capture.sources.write_key is missing; each source needs a name and a write_key",
            "5: capture.sources.write_key must be text in quotes",
        ],
    ),
    (
        concat!(
            "[[capture.sources]]\nname = \"A\"\nwrite_key = \"s3cr3t0wr1te0key0that0must0hide0\"\n",
            "[[capture.sources]]\nname = \"B\"\nwrite_key = \"s3cr3t0wr1te0key0that0must0hide0\"\n",
            "[[capture.sources]]\nname = \"A\"\nwrite_key = \"other\"\n",
            "[[capture.sources]]\nname = \"C\"\nwrite_key = \"s3cr3t:wr1te\"\n",
            "[[capture.sources]]\nname = \"D\"\nwrite_key = \"...\"\n",
        ),
        &[
            "4: capture.sources.write_key is the same for \"A\" and \"B\"; each source needs a key of its own",
            "7: capture.sources.name is \"A\", as of another source; each needs a name of its own",
            concat!(
                "10: capture.sources.write_key is not right; a write key has 1 to 256 visible ASCII characters, ",
                "without spaces and colons"
            ),
            concat!(
                "13: capture.sources.write_key is not right; ",
                "a write key must be your own, not the example's placeholder"
            ),
        ],
    ),
    ("[capture]\nsources = \"x\"\n", &["2: capture.sources must be a list of tables: [[capture.sources]]"]),
    ("[log]\nkeep_events = 1\nkeep_events = 2\n", &["3: this is not TOML: duplicate key"]),
    (
        "[[capture.sources]]\nwrite_key = s3cr3t0wr1te0key0that0must0hide0\n",
        &["2: this is not TOML: string values must be quoted, expected literal string"],
    ),
    ("destinations = 1\n", &["1: destinations must be a list of tables: [[destinations]]"]),
    (
        concat!(
            "[[destinations]]\nname = \"A\"\nregio = \"x\"\nkind = \"aws\"\n",
            "[[destinations]]\nkind = \"practice\"\n",
            "[[destinations]]\nname = \"C\"\nkind = \"kinesis\"\nregion = \"eu-west-1\"\n",
            "[[destinations]]\nname = \"D\"\n[[destinations]]\nname = \"D\"\nenabled = true\n",
        ),
        &[
            "3: destinations.\"regio\" is not a setting; did you mean `region`?",
            "4: destinations.kind is \"aws\"; allowed: \"practice\", \"kinesis\"",
            "5: destinations.name is missing; each saved destination needs a name, in quotes",
            "7: of the saved destination \"C\": destination.stream is missing, and kind \"kinesis\" needs it",
            "13: destinations.name is \"D\", as of another; each needs a name of its own",
            concat!(
                "15: destinations.\"enabled\" is not a setting; allowed: name, kind, region, stream, account_id, operation, ",
                "encoding, ordered, endpoint_url, aggregation, aggregation_max_bytes, source, profile, role_arn, ",
                "external_id"
            ),
        ],
    ),
    ("[log\nkeep_events = 2\n", &["1: this is not TOML: unclosed table, expected `]`"]),
];

#[test]
fn a_mistake_in_the_file_names_line_key_and_what_is_allowed() {
    for (text, expected) in BAD_FILES {
        let expected: Vec<String> = expected.iter().map(|at| format!("{PATH}, line {at}")).collect();
        assert_eq!(messages(from_file(text)), expected, "{text}");
    }
}

#[test]
fn no_secret_gets_into_an_error_or_debug_text() {
    for (text, _) in BAD_FILES {
        let error = from_file(text).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
    let flags = Overrides { write_keys: vec![format!("{SECRET}:")], ..Overrides::default() };
    let variables = [("TRIBUTARY_CAPTURE_WRITE_KEY", "s3cr3t key"), ("TRIBUTARY_CAPTURE_WRITE_KEYS", SECRET)];
    let error = given("", &variables, &flags).unwrap_err();
    let source = Source { retiring_write_key: Some(SECRET.to_owned()), ..Source::new("A", SECRET) };
    let said = format!("{error} {error:?} {flags:?} {:?} {source:?}", environment(&variables));
    assert!(!said.contains("s3cr3t"), "{said}");
    assert_eq!(
        error.problems().iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "TRIBUTARY_CAPTURE_WRITE_KEY is not right; a write key has 1 to 256 visible ASCII characters, without spaces and colons",
            "TRIBUTARY_CAPTURE_WRITE_KEYS is not a setting; did you mean `TRIBUTARY_CAPTURE_WRITE_KEY`?",
            "--write-key is not right; a write key has 1 to 256 visible ASCII characters, without spaces and colons",
        ]
    );
}

#[test]
fn several_mistakes_are_told_in_one_sentence() {
    let error = from_file("[log]\na = 1\nb = 2\nc = 3\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{PATH}, line 2: log.a is not a setting; allowed: keep_events, keep_rejected (and 2 more)")
    );
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = "[destination]\nregion = \"eu-west-1\"\nstream = \"file\"\nencoding = \"json\"\n";
    let variables =
        [("TRIBUTARY_DESTINATION_REGION", "eu-west-2"), ("TRIBUTARY_DESTINATION_STREAM", "variable")];
    let flags = Overrides { region: Some("eu-west-3".to_owned()), ..Overrides::default() };
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
fn lines_without_json_lines_are_refused_wherever_either_of_them_was_set() {
    let flags =
        |aggregation: &str| Overrides { aggregation: Some(aggregation.to_owned()), ..Overrides::default() };
    let lines = "[destination]\naggregation = \"lines\"\n";
    let (variable, json) = ("TRIBUTARY_DESTINATION_AGGREGATION", ("TRIBUTARY_DESTINATION_ENCODING", "json"));
    let said = "destination.aggregation is \"lines\", which needs the encoding \"json-lines\", and destination.encoding is";
    for (file, variables, flags, from) in [
        (lines, vec![json], Overrides::default(), Origin::File { path: PATH.into(), line: 2 }),
        ("", vec![(variable, "lines")], Overrides::default(), Origin::Variable(variable.to_owned())),
        ("", vec![], flags("lines"), Origin::Flag("--aggregation")),
    ] {
        let error = given(file, &variables, &flags).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        let origins: Vec<_> = error.problems().iter().map(|problem| &problem.origin).collect();
        assert_eq!(origins, [&from]);
    }
    let json_lines = ("TRIBUTARY_DESTINATION_ENCODING", "json-lines");
    let aggregation = |flags| given(lines, &[json_lines], &flags).unwrap().destination.aggregation;
    assert_eq!(aggregation(Overrides::default()), Aggregation::Lines);
    assert_eq!(aggregation(flags("none")), Aggregation::None);
}

#[test]
fn aggregation_is_saved_and_exported_with_its_destination() {
    let file = "[[destinations]]\nname = \"K\"\naggregation = \"kpl\"\naggregation_max_bytes = 100000\n";
    let mut config = from_file(file).unwrap();
    let saved = config.destinations[0].clone();
    saved.put_in(&mut config);
    let is_kept = |config: &Config| {
        let Destination { aggregation, aggregation_max_bytes, .. } = config.destination;
        (aggregation, aggregation_max_bytes) == (Aggregation::Kpl, 100_000)
    };
    assert!(is_kept(&config) && saved.is_in(&config));
    assert!(is_kept(&Config::default().with_imported(&config.export()).unwrap()));
    assert!(is_kept(&Config::default().with_draft(&config.draft())));
    config.destination.aggregation_max_bytes += 1;
    assert!(!saved.is_in(&config), "another size is another destination");
}

#[test]
fn a_mistake_stays_one_where_a_stronger_place_overrides_it() {
    let flags = Overrides { encoding: Some("json".to_owned()), ..Overrides::default() };
    assert!(given("[destination]\nencoding = \"x\"\n", &[], &flags).is_err());
}

#[test]
fn what_a_variable_or_flag_decides_is_reported() {
    let flags = Overrides { profile: Some("p".to_owned()), ..Overrides::default() };
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
    let mut flags = Overrides { stream: Some(stream), ..Overrides::default() };
    assert_eq!(kind(&flags).unwrap(), DestinationKind::Kinesis);
    flags.practice = true;
    assert_eq!(kind(&flags).unwrap(), DestinationKind::Practice);
    let endpoint = Overrides { endpoint_url: Some("http://[::1]:4567".to_owned()), ..Overrides::default() };
    assert_eq!(kind(&endpoint).unwrap_err().problems().len(), 2);
    assert_eq!(kind(&Overrides::default()).unwrap(), DestinationKind::Practice);
    let file = "[destination]\nkind = \"kinesis\"\nregion = \"eu-west-1\"\nstream = \"s\"\n";
    let practice = Overrides { practice: true, ..Overrides::default() };
    let destination = given(file, &[], &practice).unwrap().destination;
    assert_eq!((destination.kind, destination.stream.as_str()), (DestinationKind::Practice, "s"));
}

#[test]
fn every_flag_reaches_its_setting() {
    let words = |text: &str| Some(text.to_owned());
    let flags = Overrides {
        practice: false,
        region: words("eu-west-9"),
        stream: words("clicks"),
        account_id: words("123456789012"),
        operation: words("put-records"),
        encoding: words("json-lines"),
        aggregation: words("lines"),
        endpoint_url: words("https://kinesis.example.com/base"),
        profile: words("work"),
        role_arn: words("arn:aws-us-gov:iam::123456789012:role/team/r"),
        external_id: words("x:1"),
        listen: words("0.0.0.0:0"),
        write_keys: vec!["k1".to_owned(), "k2".to_owned(), "k1".to_owned()],
    };
    let config = given("", &[], &flags).unwrap();
    let sources = ["Command line", "Command line 2"].into_iter().zip(["k1", "k2"]);
    let expected = Config {
        destination: Destination {
            kind: DestinationKind::Kinesis,
            region: "eu-west-9".to_owned(),
            stream: "clicks".to_owned(),
            account_id: "123456789012".to_owned(),
            operation: Operation::PutRecords,
            encoding: Encoding::JsonLines,
            aggregation: Aggregation::Lines,
            endpoint_url: "https://kinesis.example.com/base".to_owned(),
            ..Destination::default()
        },
        credentials: Credentials {
            source: CredentialsSource::Profile,
            profile: "work".to_owned(),
            role_arn: "arn:aws-us-gov:iam::123456789012:role/team/r".to_owned(),
            external_id: "x:1".to_owned(),
        },
        capture: Capture {
            listen: ([0, 0, 0, 0], 0).into(),
            sources: sources.map(|(name, key)| source(name, key)).collect(),
            ..Capture::default()
        },
        ..Config::default()
    };
    assert_eq!(config, expected);
    assert!(config.capture.exposed());
    assert!(!Config::default().capture.exposed());
}

#[test]
fn a_role_of_another_partition_than_the_region_s_is_refused() {
    let refused = |region: &str, role: &str| {
        let text = format!(
            "[destination]\nkind = \"kinesis\"\nregion = \"{region}\"\nstream = \"clicks\"\n\
             [credentials]\nrole_arn = \"{role}\"\n"
        );
        messages(given(&text, &[], &Overrides::default())).join(" ")
    };
    let role = "arn:aws:iam::123456789012:role/r";
    let said = refused("cn-north-1", role);
    assert!(said.contains("credentials.role_arn is of another part of AWS: what is in cn-north-1"), "{said}");
    let text = format!(
        "[destination]\nkind = \"kinesis\"\nregion = \"cn-north-1\"\nstream = \"c\"\nendpoint_url = \"http://a\"\n\
         [credentials]\nrole_arn = \"{role}\"\n"
    );
    given(&text, &[], &Overrides::default()).expect("another server makes its own rules");
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
    let flags = Overrides { stream: Some(arn.to_owned()), ..Overrides::default() };
    let destination = given("[destination]\nregion = \"us-east-1\"\n", &[], &flags).unwrap().destination;
    assert_eq!(destination.region, "eusc-de-east-1");
    let flags = Overrides { region: Some("us-east-1".to_owned()), ..Overrides::default() };
    assert!(given(&kinesis, &[], &flags).is_err());
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let table = [
        (
            "TRIBUTARY_DESTINATION_ORDERED",
            "yes",
            Some("TRIBUTARY_DESTINATION_ORDERED is \"yes\"; allowed: true, false"),
        ),
        (
            "TRIBUTARY_DESTINATON_STREAM",
            "x",
            Some(
                "TRIBUTARY_DESTINATON_STREAM is not a setting; did you mean `TRIBUTARY_DESTINATION_STREAM`?",
            ),
        ),
        (
            "TRIBUTARY_SPOOL_X",
            "x",
            Some(
                "TRIBUTARY_SPOOL_X is not a setting; allowed: TRIBUTARY_SPOOL_MAX_BYTES, TRIBUTARY_SPOOL_MIN_FREE_BYTES, TRIBUTARY_SPOOL_MAX_SOURCE_PERCENT",
            ),
        ),
        (
            "TRIBUTARY_CAPTURE_SOURCES",
            "x",
            Some(
                "TRIBUTARY_CAPTURE_SOURCES is not a setting; TRIBUTARY_CAPTURE_WRITE_KEY gives one more source",
            ),
        ),
        (
            "TRIBUTARY_CAPTURE_WRITE_KEY",
            "",
            Some("TRIBUTARY_CAPTURE_WRITE_KEY is not right; a write key must not be empty"),
        ),
        ("TRIBUTARY_CONFIG", "/x", None),
        ("TRIBUTARY_DATA_DIR", "/x", None),
        ("TRIBUTARY_LOG", "debug", None),
        ("TRIBUTARY_TEAM_NAME", "x", None),
        ("DESTINATION_STREAM", "a b", None),
        ("TRIBUTARY_CREDENTIALS_PROFILE", "", None),
    ];
    for (name, value, expected) in table {
        match (given("", &[(name, value)], &Overrides::default()), expected) {
            (result @ Err(_), Some(expected)) => assert_eq!(messages(result), [expected]),
            (Ok(config), None) => assert_eq!(config, Config::default()),
            (result, _) => panic!("{name}: {result:?}"),
        }
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(vec![0xff]);
    let environment: Environment = [("TRIBUTARY_DESTINATION_STREAM", value)].into_iter().collect();
    let error = in_effect(Path::new(PATH), "", &environment, &Overrides::default()).unwrap_err();
    assert_eq!(error.to_string(), "TRIBUTARY_DESTINATION_STREAM is not UTF-8 text");
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
        ("TRIBUTARY_CAPTURE_REQUIRE_WRITE_KEY", "false"),
        ("TRIBUTARY_CAPTURE_MAX_BODY_BYTES", "2048"),
        ("TRIBUTARY_CAPTURE_WRITE_KEY", "k"),
        ("TRIBUTARY_SPOOL_MAX_BYTES", "65536"),
        ("TRIBUTARY_LOG_KEEP_EVENTS", "0"),
    ];
    let config = given("", &variables, &Overrides::default()).unwrap();
    assert_eq!(config.destination.kind, DestinationKind::Kinesis);
    assert!(!config.destination.enabled && !config.destination.ordered && !config.capture.require_write_key);
    let Destination { aggregation, aggregation_max_bytes, .. } = config.destination;
    assert_eq!((aggregation, aggregation_max_bytes), (Aggregation::Kpl, 204_800));
    assert_eq!(
        (config.capture.max_body_bytes, config.spool.max_bytes, config.log.keep_events),
        (2048, 65536, 0)
    );
    assert_eq!(config.capture.sources, [source("Environment", "k")]);
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
fn a_retiring_key_belongs_to_one_source_and_is_no_other_key() {
    let file = |a: &str, b: &str| {
        format!(
            "[[capture.sources]]\nname = \"A\"\nwrite_key = \"a\"\n{a}\n\
             [[capture.sources]]\nname = \"B\"\nwrite_key = \"b\"\n{b}\n"
        )
    };
    let retiring = |key: &str| format!("retiring_write_key = {key}");
    let config = from_file(&file(&retiring("'old-a'"), &retiring("'old-b'"))).unwrap();
    assert_eq!(config.capture.sources[1].keys().collect::<Vec<_>>(), ["b", "old-b"]);
    assert!(config.check().is_ok());
    for (a, b, expected) in [
        (
            "'b'",
            "'x'",
            "5: capture.sources.write_key is the same for \"A\" and \"B\"; each source needs a key of its own",
        ),
        (
            "'x'",
            "'a'",
            "5: capture.sources.retiring_write_key is the same for \"A\" and \"B\"; each source needs a key of its own",
        ),
        (
            "'x'",
            "'x'",
            "5: capture.sources.retiring_write_key is the same for \"A\" and \"B\"; each source needs a key of its own",
        ),
        (
            "'x'",
            "'b'",
            "5: capture.sources.retiring_write_key of \"B\" is its write_key; leave it out, or give the key before it",
        ),
        ("'x'", "''", "5: capture.sources.retiring_write_key is not right; a write key must not be empty"),
        ("'x'", "7", "8: capture.sources.retiring_write_key must be text in quotes"),
    ] {
        let said = messages(from_file(&file(&retiring(a), &retiring(b))));
        assert!(said.len() == 1 && said[0].ends_with(&format!(", line {expected}")), "{a} {b}: {said:?}");
    }
    // A key from outside that a source still takes adds nothing.
    let text = file(&retiring("'old-a'"), "");
    let variables = [("TRIBUTARY_CAPTURE_WRITE_KEY", "old-a")];
    assert_eq!(given(&text, &variables, &Overrides::default()).unwrap().capture.sources.len(), 2);
}

#[test]
fn a_flag_beats_a_variable_for_paths_too() {
    let variables = environment(&[("TRIBUTARY_CONFIG", "/v/c.toml"), ("TRIBUTARY_DATA_DIR", "/v/data")]);
    assert_eq!(config_path(None, &variables).unwrap(), Path::new("/v/c.toml"));
    assert_eq!(config_path(Some(Path::new("f")), &variables).unwrap(), Path::new("f"));
    assert_eq!(data_dir(None, &variables).unwrap(), Path::new("/v/data"));
    assert_eq!(data_dir(Some(Path::new("f")), &variables).unwrap(), Path::new("f"));
    let empty = environment(&[("TRIBUTARY_CONFIG", "")]);
    assert_eq!(config_path(None, &empty).ok(), default_config_path().ok());
}

#[test]
fn the_example_has_every_key_with_its_default_and_a_comment() {
    let config = from_file(&EXAMPLE.replace("\"...\"", "\"k\"")).unwrap();
    let mut expected = Config::default();
    expected.capture.sources = vec![source("My first source", "k")];
    assert_eq!(config, expected);
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for key in &keys::KEYS {
        let at = lines.iter().position(|line| line.starts_with(&format!("{} = ", key.name()))).unwrap();
        assert!(lines[at - 1].starts_with("# "), "{} has no comment", key.full);
    }
    let found = from_file(&example::without_sources()).unwrap();
    assert_eq!(found, Config::default());
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

#[test]
fn a_file_that_is_not_utf_8_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, b"[log]\n# caf\xe9\n").unwrap();
    let error = read(&path, &Environment::default(), &Overrides::default()).unwrap_err();
    let expected = format!("{}, line 2: the text is not UTF-8; save the file as UTF-8", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn masked_settings_are_a_settings_file_without_secrets() {
    let mut config = Config::default();
    config.capture.sources = vec![source("A \"quoted\"", SECRET), source("B", "short")];
    let text = config.masked_toml();
    assert!(text.contains("write_key = \"…ide0\"\n") && text.contains("write_key = \"…\"\n"), "{text}");
    assert!(!text.contains("s3cr3t") && !text.contains("short"), "{text}");
    config.capture.sources[1].retiring_write_key = Some(format!("{SECRET}-old0"));
    let text = config.masked_toml();
    assert!(text.contains("\nretiring_write_key = \"…old0\"\n") && !text.contains("s3cr3t"), "{text}");
    let text = text.replace("…old0", &format!("{SECRET}-old0"));
    let unmasked = text.replace("…ide0", SECRET).replace('…', "short");
    assert_eq!(from_file(&unmasked).unwrap(), config);
}

pub(super) fn source(name: &str, write_key: &str) -> Source {
    Source::new(name, write_key)
}

#[test]
fn a_saved_destination_is_put_in_force_and_delivering_stays_as_it_is() {
    let file = "[destination]\nenabled = false\n[[destinations]]\nname = \"P\"\nkind = \"kinesis\"\n\
                stream = \"arn:aws:kinesis:eu-west-1:123456789012:stream/s\"\nsource = \"profile\"\nprofile = \"p\"\n";
    let mut config = from_file(file).unwrap();
    let saved = config.destinations[0].clone();
    assert_eq!(saved.destination.region, "eu-west-1");
    assert!(!saved.is_in(&config));
    saved.put_in(&mut config);
    assert!(saved.is_in(&config) && !config.destination.enabled);
    assert_eq!(config.credentials.profile, "p");
    assert!(config.check().is_ok());
    assert_eq!(from_file(&config.masked_toml()).unwrap().destinations, config.destinations);
}

#[test]
fn exported_settings_hold_no_secret_and_are_imported_on_top_of_others() {
    let file = format!(
        "[destination]\nkind = \"kinesis\"\nregion = \"eu-west-1\"\nstream = \"s\"\n[log]\nkeep_events = 5\n\
         [[capture.sources]]\nname = \"A\"\nwrite_key = \"{SECRET}\"\n[[destinations]]\nname = \"P\"\n"
    );
    let from = from_file(&file).unwrap();
    let text = from.export();
    assert!(!text.contains(SECRET) && !text.contains("sources."), "{text}");
    let mut to = from_file("[[capture.sources]]\nname = \"B\"\nwrite_key = \"b\"\n").unwrap();
    let mut other = from.destinations[0].clone();
    other.destination.encoding = Encoding::Json;
    to.destinations.push(other);
    let got = to.with_imported(&text).unwrap();
    assert_eq!(
        (&got.destination, &got.log, &got.destinations),
        (&from.destination, &from.log, &from.destinations)
    );
    assert_eq!(got.capture.sources, to.capture.sources);
    let names: Vec<_> = to.differences(&got).into_iter().map(|(name, ..)| name).collect();
    assert!(names.contains(&"destination.region".to_owned()), "{names:?}");
    assert_eq!(to.with_imported("[log]\nkeep_events = 9\n").unwrap().log.keep_events, 9);
    let problems = to.with_imported("[log]\nkeep_events = -1\n").unwrap_err();
    assert!(problems[0].to_string().starts_with("the settings, line 2: log.keep_events"), "{problems:?}");
}
