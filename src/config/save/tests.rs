//! Changes get into files of every style, or nothing is changed.

use std::fs;

use super::*;
use crate::config::{DestinationKind, Environment, Overrides, Source, load, read, tests::from_file};
use crate::event::Encoding;

type Expected = fn(&SaveError) -> bool;

const MINE: &str = "\
# My settings.
[capture]   # first
listen   = '127.0.0.1:9000' # mine

# All senders.

# The site.
[[capture.sources]]
name = 'Website' # www
write_key = 'key-of-website'

# The app.
[[capture.sources]]
name = \"App\"
write_key = \"key-of-app\"

# Where to.
[destination]
encoding = \"json\" # for Athena
kind     = \"practice\"
# end
";

#[test]
fn line_ends_that_differ_and_a_byte_order_mark_stay_as_they_are() {
    let mixed: String = MINE
        .split_inclusive('\n')
        .zip(0..)
        .map(|(line, at)| if at % 3 == 0 { line.replace('\n', "\r\n") } else { line.to_owned() })
        .collect();
    let before = format!("\u{feff}{mixed}");
    let text = saved(&before, |config| config.destination.encoding = Encoding::JsonLines).unwrap();
    assert_eq!(text, before.replace("\"json\"", "\"json-lines\""));
    let text = saved(&before, |config| config.log.keep_events = 1).unwrap();
    assert!(before.split_inclusive('\n').all(|line| text.contains(line)), "{text:?}");
}

/// What the file holds after a change.
fn saved(text: &str, change: impl FnOnce(&mut Config)) -> Result<String, SaveError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    let before = from_file(text).unwrap();
    let mut after = before.clone();
    change(&mut after);
    let result = save(&path, &before, &after);
    let text = fs::read_to_string(&path).unwrap();
    result.map(|()| {
        assert_eq!(from_file(&text).unwrap(), after, "{text}");
        text
    })
}

#[test]
fn saving_changes_only_what_differs_and_keeps_comments_and_order() {
    assert_eq!(saved(MINE, |_| {}).unwrap(), MINE);
    let text = saved(MINE, |config| {
        config.capture.listen = ([127, 0, 0, 1], 1).into();
        config.destination.encoding = Encoding::Base64;
        config.destination.region = "eu-west-1".to_owned();
        config.log.keep_events = 5;
    });
    let expected =
        MINE.replace("'127.0.0.1:9000'", "\"127.0.0.1:1\"").replace("\"json\"", "\"base64\"").replace(
            "\"practice\"\n# end\n",
            "\"practice\"\nregion = \"eu-west-1\"\n\n[log]\nkeep_events = 5\n# end\n",
        );
    assert_eq!(text.unwrap(), expected);
}

#[test]
fn sources_are_added_renamed_given_new_keys_and_removed_in_place() {
    let text = saved(MINE, |config| {
        config.capture.sources[0].name = "Shop".to_owned();
        config.capture.sources[1].write_key = "new-key-of-app".to_owned();
        config.capture.sources.push(Source::new("Server", "key-of-server"));
    });
    let expected = MINE.replace("'Website'", "\"Shop\"").replace("key-of-app", "new-key-of-app").replace(
        "\n# Where to.",
        "\n[[capture.sources]]\nname = \"Server\"\nwrite_key = \"key-of-server\"\n\n# Where to.",
    );
    assert_eq!(text.unwrap(), expected);

    let first = "# The site.\n[[capture.sources]]\nname = 'Website' # www\nwrite_key = 'key-of-website'\n\n";
    let text = saved(MINE, |config| drop(config.capture.sources.remove(0)));
    assert_eq!(text.unwrap(), MINE.replace(first, ""));
    let text = saved(MINE, |config| config.capture.sources.clear()).unwrap();
    assert!(
        text.contains("# All senders.\n\n# Where to.\n[destination]") && !text.contains("The app"),
        "{text}"
    );
}

#[test]
fn a_key_that_retires_is_written_below_and_goes_again() {
    let text = saved(MINE, |config| {
        let app = &mut config.capture.sources[1];
        app.retiring_write_key = Some(std::mem::replace(&mut app.write_key, "new-key".to_owned()));
    });
    let retiring = MINE.replace("\"key-of-app\"\n", "\"new-key\"\nretiring_write_key = \"key-of-app\"\n");
    assert_eq!(text.unwrap(), retiring);
    let text = saved(&retiring, |config| config.capture.sources[1].retiring_write_key = None);
    assert_eq!(text.unwrap(), MINE.replace("key-of-app", "new-key"));
    let inline = "capture.sources = [{ name = \"A\", write_key = \"a\", retiring_write_key = \"b\" }]\n";
    let text = saved(inline, |config| config.capture.sources[0].retiring_write_key = None).unwrap();
    assert!(!text.contains("retiring"), "{text}");
}

#[test]
fn names_can_change_places() {
    let text = saved(MINE, |config| {
        config.capture.sources[0].name = "App".to_owned();
        config.capture.sources[1].name = "Website".to_owned();
    });
    assert!(text.unwrap().contains("name = \"App\" # www"));
}

#[test]
fn a_file_in_another_style_is_edited_in_its_style() {
    let inline =
        "destination = { kind = \"practice\" }\ncapture.sources = [{ name = \"A\", write_key = \"a\" }]\n";
    let text = saved(inline, |config| {
        config.destination.ordered = false;
        config.capture.sources[0].name = "Z".to_owned();
        config.capture.sources.push(Source::new("B", "b"));
    });
    let expected = "destination = { kind = \"practice\" , ordered = false }\n\
                    capture.sources = [{ name = \"Z\", write_key = \"a\" }, { name = \"B\", write_key = \"b\" }]\n";
    assert_eq!(text.unwrap(), expected);
    let only_sources = "[[capture.sources]]\nname = \"A\"\nwrite_key = \"a\"\n";
    saved(only_sources, |config| config.capture.require_write_key = false).unwrap();
    saved(only_sources, |config| config.capture.sources.clear()).unwrap();
    saved("", |config| config.capture.sources.push(Source::new("B", "b"))).unwrap();
    saved("capture.listen = \"[::1]:1\"\n", |config| config.capture.sources.push(Source::new("B", "b")))
        .unwrap();
    saved("capture = { }\n", |config| config.capture.sources.push(Source::new("B", "b"))).unwrap();
    let windows = MINE.replace('\n', "\r\n");
    let text = saved(&windows, |config| config.log.keep_events = 1).unwrap();
    assert_eq!(text.replace("\r\n", "\n").replace('\n', "\r\n"), text);
    saved(&windows, |config| config.capture.sources.clear()).unwrap();
    saved(&format!("\u{feff}{MINE}"), |config| config.log.keep_events = 1).unwrap();
}

#[test]
fn a_file_that_became_wrong_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let before = from_file(MINE).unwrap();
    let mut after = before.clone();
    after.capture.sources[0].name = "Shop".to_owned();
    let mut wrong = before.clone();
    wrong.destination.region = "no region".to_owned();
    let gone = MINE.replace("Website", "Other").replace("key-of-website", "other");
    let taken = MINE.replace("\"App\"", "\"Shop\"");
    let table: [(&str, &Config, Expected); 4] = [
        ("[destination]\nkind = 'x'\n", &after, |error| matches!(error, SaveError::File(_))),
        (&gone, &after, |error| matches!(error, SaveError::NotInFile { .. })),
        (&taken, &after, |error| matches!(error, SaveError::Conflict(_))),
        (MINE, &wrong, |error| matches!(error, SaveError::Settings(_))),
    ];
    for (text, after, expected) in table {
        fs::write(&path, text).unwrap();
        let error = save(&path, &before, after).unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn what_a_flag_gave_does_not_get_into_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, MINE).unwrap();
    let flags = Overrides::default()
        .with_write_keys(vec!["from-a-flag".to_owned()])
        .with("--stream", "destination.stream", Some("s".to_owned()))
        .with("--region", "destination.region", Some("eu-west-1".to_owned()));
    let before = load(&path, &Environment::default(), &flags).unwrap().config;
    let mut after = before.clone();
    after.destination.enabled = false;
    after.capture.sources[0].name = "Shop".to_owned();
    save(&path, &before, &after).unwrap();
    let config = read(&path, &Environment::default(), &Overrides::default()).unwrap().config;
    assert_eq!(
        (config.destination.kind, config.destination.stream.as_str()),
        (DestinationKind::Practice, "")
    );
    assert_eq!((config.destination.enabled, config.capture.sources.len()), (false, 2));
    after.capture.sources[2].name = "Mine".to_owned();
    assert!(matches!(save(&path, &before, &after), Err(SaveError::NotInFile { .. })));
}

#[test]
fn a_file_that_is_missing_is_made_from_the_example() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let before = from_file(MINE).unwrap();
    save(&path, &before, &before).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(from_file(&text).unwrap(), before);
    assert!(text.contains("# The stream's AWS region"));
}

#[test]
fn saved_destinations_are_added_changed_and_removed_in_place() {
    let production = |config: &mut Config| {
        config.destination.kind = DestinationKind::Kinesis;
        "eu-west-1".clone_into(&mut config.destination.region);
        "clicks".clone_into(&mut config.destination.stream);
        let saved = config.saved_as("Production");
        config.destination = from_file(MINE).unwrap().destination;
        config.destinations.push(saved);
    };
    let added = saved(MINE, production).unwrap();
    let table = "\n[[destinations]]\nname = \"Production\"\nkind = \"kinesis\"\nregion = \"eu-west-1\"\n\
                 stream = \"clicks\"\nencoding = \"json\"\n";
    assert!(added.contains(table), "{added}");
    let mine = added.replace("region = \"eu-west-1\"", "region = 'eu-west-1' # mine");
    let changed = saved(&mine, |config| {
        "orders".clone_into(&mut config.destinations[0].destination.stream);
    });
    assert_eq!(changed.unwrap(), mine.replace("\"clicks\"", "\"orders\""));
    let gone = saved(&mine, |config| config.destinations.clear()).unwrap();
    assert!(!gone.contains("destinations") && gone.contains("# end"), "{gone}");
    saved("destinations = [{ name = \"A\" }]\n", |config| config.destinations.clear()).unwrap_err();
}
