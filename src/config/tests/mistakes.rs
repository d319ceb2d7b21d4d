//! A mistake names its place, the setting and what is allowed, and shows no secret.

use std::fs;

use super::*;
use crate::event::Aggregation;

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
    (
        "[x]\n",
        &["1: [x] is not a section; allowed: destination, credentials, capture, spool, log, metrics, app"],
    ),
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
        &["2: destination.account_id is \"1234-5678-9012\"; an AWS account id has 12 digits, \
             without hyphens or spaces; or leave it empty"],
    ),
    (
        "[destination]\nregion = \"EU West\"\nstream = \"a b\"\n",
        &[
            "2: destination.region is \"EU West\"; a region has lower-case letters, digits and hyphens, \
             such as eu-west-1",
            "3: destination.stream is \"a b\"; a stream's name has letters a to z and A to Z, digits, \
             and _ . - only",
        ],
    ),
    (
        "[capture]\nmax_body_bytes = -1\nlisten = \"localhost:80\"\n",
        &[
            "2: capture.max_body_bytes is a number below 0 or above all limits; \
             allowed: whole numbers from 1024 to 268435456",
            "3: capture.listen is \"localhost:80\"; write localhost as 127.0.0.1:80",
        ],
    ),
    (
        "[destination]\nkind = \"kinesis\"\nregion = \"eu-west-1\"\n",
        &["2: destination.stream is missing, and kind \"kinesis\" needs it: give it in the settings file, \
             as TRIBUTARY_DESTINATION_STREAM or with --stream"],
    ),
    (
        "[destination]\nkind = \"kinesis\"\nregion = \"us-east-1\"\n\
             stream = \"arn:aws:kinesis:eu-west-1:123456789012:stream/s\"\naccount_id = \"210987654321\"\n",
        &[
            "3: destination.region is \"us-east-1\" but the stream's ARN says \"eu-west-1\"; \
             make them equal, or leave region empty",
            "5: destination.account_id is \"210987654321\" but the stream's ARN says \"123456789012\"; \
             make them equal, or leave account_id empty",
        ],
    ),
    (
        "[destination]\naggregation = \"gzip\"\naggregation_max_bytes = 1000\nreader = \"tables\"\n",
        &[
            "2: destination.aggregation is \"gzip\"; allowed: \"none\", \"kpl\", \"lines\"",
            "3: destination.aggregation_max_bytes is 1000; allowed: whole numbers from 1024 to 10485760",
            "4: destination.reader is \"tables\"; allowed: \"\", \"lambda\", \"kcl\", \"flink\", \"firehose\", \"table\", \
             \"sdk\", \"base64\"",
        ],
    ),
    (
        "[destination]\nencoding = \"base64\"\naggregation = \"lines\"\n",
        &[
            "3: destination.aggregation is \"lines\", which needs the encoding \"json-lines\", and destination.encoding \
             is \"base64\": make it \"json-lines\", or aggregation \"kpl\" or \"none\"",
        ],
    ),
    (
        "[[destinations]]\nname = \"L\"\naggregation = \"lines\"\n",
        &[
            "1: of the saved destination \"L\": destination.aggregation is \"lines\", which needs the encoding \
             \"json-lines\", and destination.encoding is \"base64\": make it \"json-lines\", or aggregation \"kpl\" or \
             \"none\"",
        ],
    ),
    (
        "[credentials]\nsource = \"profile\"\n",
        &[
            "2: credentials.profile is missing, and source \"profile\" needs it: give it in the settings file, \
             as TRIBUTARY_CREDENTIALS_PROFILE or with --profile",
        ],
    ),
    (
        "[credentials]\naws_secret_access_key = \"s3cr3t0wr1te0key0that0must0hide0\"\n",
        &["2: credentials.aws_secret_access_key is not a setting; AWS keys are never kept in this file: \
             use the system keychain, an AWS profile or AWS's own variables"],
    ),
    (
        "[destination]\nendpoint_url = \"https://u:s3cr3t0wr1te0key0that0must0hide0@host\"\n",
        &["2: destination.endpoint_url is not an endpoint; it must have no user name, no ? and no #; \
             an endpoint looks like https://kinesis.example.com or http://127.0.0.1:4567"],
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
        "[[capture.sources]]\nname = \"A\"\nwrite_key = \"s3cr3t0wr1te0key0that0must0hide0\"\n\
             [[capture.sources]]\nname = \"B\"\nwrite_key = \"s3cr3t0wr1te0key0that0must0hide0\"\n\
             [[capture.sources]]\nname = \"A\"\nwrite_key = \"other\"\n\
             [[capture.sources]]\nname = \"C\"\nwrite_key = \"s3cr3t:wr1te\"\n\
             [[capture.sources]]\nname = \"D\"\nwrite_key = \"...\"\n",
        &[
            "4: capture.sources.write_key is the same for \"A\" and \"B\"; each source needs a key of its own",
            "7: capture.sources.name is \"A\", as of another source; each needs a name of its own",
            "10: capture.sources.write_key is not right; a write key has 1 to 256 visible ASCII characters, \
             without spaces and colons",
            "13: capture.sources.write_key is not right; \
             a write key must be your own, not the example's placeholder",
        ],
    ),
    ("[capture]\nsources = \"x\"\n", &["2: capture.sources must be a list of tables: [[capture.sources]]"]),
    ("[log]\nkeep_events = 1\nkeep_events = 2\n", &["3: this is not TOML: duplicate key"]),
    (
        "[[capture.sources]]\nwrite_key = s3cr3t0wr1te0key0that0must0hide0\n",
        &["2: this is not TOML: string values must be quoted, expected literal string"],
    ),
    ("destinations = 1\n", &["1: destinations must be a list of tables: [[destinations]]"]),
    ("alerts = \"me\"\n", &["1: alerts must be a list of tables: [[alerts]]"]),
    (
        "[[alerts]]\nname = \"A\"\nurl = \"ftp://u:se@cret\"\nauthorization = 5\non = [\"blokked\"]\n\
             [[alerts]]\nname = \"B\"\nkind = \"slack\"\n[[alerts]]\nname = \"C\"\nkind = \"email\"\n\
             smtp = \"mail.example.com\"\nsmtp_user = \"u\"\n",
        &[
            "3: alerts.url is not right; it must be a URL that begins with https:// or http://, in quotes",
            "4: alerts.authorization is not right; it must be one line of ASCII text in quotes, such as \"Bearer …\"",
            "5: alerts.on has the entry \"blokked\"; allowed: \"blocked\", \"failed\", \"spool\", \"oldest\", \"silent\", \"disk\"",
            "6: of the alert \"B\": alerts.url is missing, and kind \"slack\" needs it",
            "12: alerts.smtp is \"mail.example.com\"; write smtps://HOST[:PORT] (TLS) or smtp://HOST[:PORT] (STARTTLS), such as \
             smtps://mail.example.com",
        ],
    ),
    (
        "[[alerts]]\nname = \"A\"\nkind = \"command\"\ncommand = \"page --now\"\n[[alerts]]\nname = \"A\"\nurl = \"http://x\"\n\
             spool_percent = 0\nurll = \"\"\n[[alerts]]\nname = \"M\"\nkind = \"email\"\nsmtp = \"smtp://u:se@cret\"\n\
             from = \"nobody\"\nrecipients = [\"a@example.com\", \"b\"]\n",
        &[
            "4: alerts.command is text; it must be a list, the program first: [\"/usr/local/bin/page\", \"--now\"]; there is no shell",
            "8: alerts.spool_percent is 0; allowed: whole numbers from 1 to 100",
            "9: alerts.\"urll\" is not a setting; did you mean `url`?",
            "13: alerts.smtp is an address with a user; the user belongs into smtp_user, and the password into the file \
             smtp_password_file",
            "14: alerts.from is \"nobody\"; it must be an e-mail address, such as ops@example.com or Tributary <ops@example.com>",
            "15: alerts.recipients has the entry \"b\"; it must be an e-mail address, such as ops@example.com or Tributary \
             <ops@example.com>",
        ],
    ),
    (
        "[[destinations]]\nname = \"A\"\nregio = \"x\"\nkind = \"aws\"\n\
             [[destinations]]\nkind = \"practice\"\n\
             [[destinations]]\nname = \"C\"\nkind = \"kinesis\"\nregion = \"eu-west-1\"\n\
             [[destinations]]\nname = \"D\"\n[[destinations]]\nname = \"D\"\nenabled = true\n",
        &[
            "3: destinations.\"regio\" is not a setting; did you mean `region`?",
            "4: destinations.kind is \"aws\"; allowed: \"practice\", \"kinesis\"",
            "5: destinations.name is missing; each saved destination needs a name, in quotes",
            "7: of the saved destination \"C\": destination.stream is missing, and kind \"kinesis\" needs it",
            "13: destinations.name is \"D\", as of another; each needs a name of its own",
            "15: destinations.\"enabled\" is not a setting; allowed: name, kind, region, stream, account_id, operation, \
             encoding, ordered, endpoint_url, aggregation, aggregation_max_bytes, reader, source, profile, \
             role_arn, external_id",
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
    let flags = Overrides::default().with_write_keys(vec![format!("{SECRET}:")]);
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
fn a_file_that_is_not_utf_8_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, b"[log]\n# caf\xe9\n").unwrap();
    let error = read(&path, &Environment::default(), &Overrides::default()).unwrap_err();
    let expected = format!("{}, line 2: the text is not UTF-8; save the file as UTF-8", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let table = [
        ("TRIBUTARY_DESTINATION_ORDERED", "yes", "is \"yes\"; allowed: true, false"),
        (
            "TRIBUTARY_DESTINATON_STREAM",
            "x",
            "is not a setting; did you mean `TRIBUTARY_DESTINATION_STREAM`?",
        ),
        (
            "TRIBUTARY_SPOOL_X",
            "x",
            "is not a setting; allowed: TRIBUTARY_SPOOL_MAX_BYTES, TRIBUTARY_SPOOL_MIN_FREE_BYTES, \
             TRIBUTARY_SPOOL_MAX_SOURCE_PERCENT",
        ),
        (
            "TRIBUTARY_CAPTURE_SOURCES",
            "x",
            "is not a setting; TRIBUTARY_CAPTURE_WRITE_KEY gives one more source",
        ),
        ("TRIBUTARY_CAPTURE_WRITE_KEY", "", "is not right; a write key must not be empty"),
    ];
    for (name, value, expected) in table {
        let result = given("", &[(name, value)], &Overrides::default());
        assert_eq!(messages(result), [format!("{name} {expected}")]);
    }
    for (name, value) in [
        ("TRIBUTARY_CONFIG", "/x"),
        ("TRIBUTARY_DATA_DIR", "/x"),
        ("TRIBUTARY_LOG", "debug"),
        ("TRIBUTARY_TEAM_NAME", "x"),
        ("DESTINATION_STREAM", "a b"),
        ("TRIBUTARY_CREDENTIALS_PROFILE", ""),
    ] {
        assert_eq!(given("", &[(name, value)], &Overrides::default()).expect(name), Config::default());
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
fn a_mistake_stays_one_where_a_stronger_place_overrides_it() {
    let flags = flag("--encoding", "destination.encoding", "json");
    assert!(given("[destination]\nencoding = \"x\"\n", &[], &flags).is_err());
}

#[test]
fn lines_without_json_lines_are_refused_wherever_either_of_them_was_set() {
    let flags = |aggregation: &str| flag("--aggregation", "destination.aggregation", aggregation);
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
    assert!(check(&config).is_ok());
    let same = "is the same for \"A\" and \"B\"; each source needs a key of its own";
    for (a, b, line, expected) in [
        ("'b'", "'x'", 5, &*format!("write_key {same}")),
        ("'x'", "'a'", 5, &*format!("retiring_write_key {same}")),
        ("'x'", "'x'", 5, &*format!("retiring_write_key {same}")),
        (
            "'x'",
            "'b'",
            5,
            "retiring_write_key of \"B\" is its write_key; leave it out, or give the key before it",
        ),
        ("'x'", "''", 5, "retiring_write_key is not right; a write key must not be empty"),
        ("'x'", "7", 8, "retiring_write_key must be text in quotes"),
    ] {
        let said = messages(from_file(&file(&retiring(a), &retiring(b))));
        assert_eq!(said, [format!("{PATH}, line {line}: capture.sources.{expected}")], "{a} {b}");
    }
    // A key from outside that a source still takes adds nothing.
    let text = file(&retiring("'old-a'"), "");
    let variables = [("TRIBUTARY_CAPTURE_WRITE_KEY", "old-a")];
    assert_eq!(given(&text, &variables, &Overrides::default()).unwrap().capture.sources.len(), 2);
}
