//! Settings as text: the example, masked, exported, saved destinations.

use super::{setting::key, *};
use crate::event::{Aggregation, Encoding};
use crate::reader::Reader;

#[test]
fn the_example_has_every_key_with_its_default_and_a_comment() {
    let config = from_file(&EXAMPLE.replace("\"...\"", "\"k\"")).unwrap();
    let mut expected = Config::default();
    expected.capture.sources = vec![Source::new("My first source", "k")];
    assert_eq!(config, expected);
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for name in settings::names() {
        let at = lines.iter().position(|line| line.starts_with(&format!("{} = ", key(name)))).unwrap();
        assert!(lines[at - 1].starts_with("# "), "{name} has no comment");
    }
    let found = from_file(&load::example_without_sources()).unwrap();
    assert_eq!(found, Config::default());
}

#[test]
fn the_example_names_the_readers_as_the_setting_takes_them() {
    let (_, comment) = EXAMPLE.split_once("# Who reads the stream:").unwrap();
    let (comment, _) = comment.split_once("\nreader = ").unwrap();
    let words: Vec<&str> = comment.split('"').skip(1).step_by(2).filter(|word| !word.is_empty()).collect();
    assert_eq!(words, Reader::ALL.map(Reader::as_str));
}

#[test]
fn masked_settings_are_a_settings_file_without_secrets() {
    let mut config = Config::default();
    config.capture.sources = vec![Source::new("A \"quoted\"", SECRET), Source::new("B", "short")];
    let text = masked_toml(&config);
    assert!(text.contains("write_key = \"…ide0\"\n") && text.contains("write_key = \"…\"\n"), "{text}");
    assert!(!text.contains("s3cr3t") && !text.contains("short"), "{text}");
    config.capture.sources[1].retiring_write_key = Some(format!("{SECRET}-old0"));
    let text = masked_toml(&config);
    assert!(text.contains("\nretiring_write_key = \"…old0\"\n") && !text.contains("s3cr3t"), "{text}");
    let text = text.replace("…old0", &format!("{SECRET}-old0"));
    let unmasked = text.replace("…ide0", SECRET).replace('…', "short");
    assert_eq!(from_file(&unmasked).unwrap(), config);
}

#[test]
fn exported_settings_hold_no_secret_and_are_imported_on_top_of_others() {
    let file = format!(
        "[destination]\nkind = \"kinesis\"\nregion = \"eu-west-1\"\nstream = \"s\"\n[log]\nkeep_events = 5\n\
         [[capture.sources]]\nname = \"A\"\nwrite_key = \"{SECRET}\"\n[[destinations]]\nname = \"P\"\n"
    );
    let from = from_file(&file).unwrap();
    let text = export(&from);
    assert!(!text.contains(SECRET) && !text.contains("sources."), "{text}");
    let mut to = from_file("[[capture.sources]]\nname = \"B\"\nwrite_key = \"b\"\n").unwrap();
    let mut other = from.destinations[0].clone();
    other.destination.encoding = Encoding::Json;
    to.destinations.push(other);
    let got = import(&to, &text).unwrap();
    assert_eq!(
        (&got.destination, &got.log, &got.destinations),
        (&from.destination, &from.log, &from.destinations)
    );
    assert_eq!(got.capture.sources, to.capture.sources);
    let names: Vec<_> = differences(&to, &got).into_iter().map(|change| change.name).collect();
    assert!(names.contains(&"destination.region".to_owned()), "{names:?}");
    assert_eq!(import(&to, "[log]\nkeep_events = 9\n").unwrap().log.keep_events, 9);
    let problems = import(&to, "[log]\nkeep_events = -1\n").unwrap_err();
    assert!(problems[0].to_string().starts_with("the settings, line 2: log.keep_events"), "{problems:?}");
}

#[test]
fn aggregation_is_saved_and_exported_with_its_destination() {
    let file = "[[destinations]]\nname = \"K\"\naggregation = \"kpl\"\naggregation_max_bytes = 100000\n";
    let mut config = from_file(file).unwrap();
    let saved = config.destinations[0].clone();
    config.switch_to(&saved);
    let is_kept = |config: &Config| {
        let Destination { aggregation, aggregation_max_bytes, .. } = config.destination;
        (aggregation, aggregation_max_bytes) == (Aggregation::Kpl, 100_000)
    };
    assert!(is_kept(&config) && config.uses(&saved));
    assert!(is_kept(&import(&Config::default(), &export(&config)).unwrap()));
    assert!(is_kept(&with_draft(&Config::default(), &draft(&config))));
    config.destination.aggregation_max_bytes += 1;
    assert!(!config.uses(&saved), "another size is another destination");
}

#[test]
fn a_saved_destination_is_put_in_force_and_delivering_stays_as_it_is() {
    let file = "[destination]\nenabled = false\n[[destinations]]\nname = \"P\"\nkind = \"kinesis\"\n\
                stream = \"arn:aws:kinesis:eu-west-1:123456789012:stream/s\"\nsource = \"profile\"\nprofile = \"p\"\n";
    let mut config = from_file(file).unwrap();
    let saved = config.destinations[0].clone();
    assert_eq!(saved.destination.region, "eu-west-1");
    assert!(!config.uses(&saved));
    config.switch_to(&saved);
    assert!(config.uses(&saved) && !config.destination.enabled);
    assert_eq!(config.credentials.profile, "p");
    assert!(check(&config).is_ok());
    assert_eq!(from_file(&masked_toml(&config)).unwrap().destinations, config.destinations);
}
