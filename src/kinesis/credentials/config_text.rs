//! The text of AWS's own files, `config` and `credentials`: read as a whole, checked line by line, then given to the SDK's
//! parser.
//!
//! The parser's errors name neither file nor line once they have passed through the SDK's layers; it takes an indented
//! comment as part of the line above; and it drops sections whose names it does not accept. So the lines are checked here
//! first. Values are never quoted in an error: some are secrets.

use std::path::{Path, PathBuf};

use aws_config::profile::{self, ProfileFileLoadError, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};

use crate::config;

/// What is wrong with one of AWS's files.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// It exists and cannot be read.
    #[error("{} cannot be read: {error}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line breaks a rule of AWS.
    #[error("{}, line {line}: {rule}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The rule, and how to follow it.
        rule: &'static str,
    },
}

/// The text of both files. A missing file is an empty one.
#[derive(Debug)]
pub(super) struct ConfigText {
    files: Vec<File>,
}

struct File {
    path: PathBuf,
    is_credentials: bool,
    text: String,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A section by its name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Section<'n> {
    Profile(&'n str),
    SsoSession(&'n str),
}

impl ConfigText {
    /// Reads both files.
    pub(super) fn read() -> Result<Self, ConfigFileError> {
        Self::of(config::key_files())
    }

    /// The first path is that of `config`, the second that of `credentials`.
    pub(super) fn of(paths: Vec<PathBuf>) -> Result<Self, ConfigFileError> {
        let mut files = Vec::new();
        for (path, is_credentials) in paths.into_iter().zip([false, true]) {
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(ConfigFileError::Unreadable { path, error }),
            };
            let text = match checked(bytes) {
                Ok(text) => text,
                Err(Mistake { line, rule }) => return Err(ConfigFileError::Invalid { path, line, rule }),
            };
            files.push(File { path, is_credentials, text });
        }
        Ok(Self { files })
    }

    /// The profiles by the SDK's parser.
    pub(super) async fn profiles(&self) -> Result<ProfileSet, ProfileFileLoadError> {
        profile::load(&Fs::real(), &Env::real(), &self.for_sdk(), None).await
    }

    /// The text in the form that the SDK takes.
    pub(super) fn for_sdk(&self) -> EnvConfigFiles {
        let mut files = EnvConfigFiles::builder();
        for file in &self.files {
            let kind =
                if file.is_credentials { EnvConfigFileKind::Credentials } else { EnvConfigFileKind::Config };
            files = files.with_contents(kind, file.text.clone());
        }
        files.build()
    }

    /// The paths of both files, joined by "and".
    pub(super) fn paths(&self) -> String {
        let paths: Vec<_> = self.files.iter().map(|file| file.path.display().to_string()).collect();
        if paths.is_empty() { "~/.aws".to_owned() } else { paths.join(" and ") }
    }

    /// `/home/u/.aws/config, line 7`: the line of that key in that section, or without a key that of the section.
    pub(super) fn location_of(&self, section: Section<'_>, key: Option<&str>) -> Option<String> {
        self.files.iter().find_map(|file| {
            let mut is_inside = false;
            for (number, line) in file.text.lines().enumerate() {
                if let Some(header) = header_of(line) {
                    is_inside = is_named(header, section, file.is_credentials);
                    if is_inside && key.is_none() {
                        return Some(location(&file.path, number + 1));
                    }
                } else if is_inside
                    && let Some((name, _)) = line.split_once('=')
                    && key.is_some_and(|key| name.trim().eq_ignore_ascii_case(key))
                {
                    return Some(location(&file.path, number + 1));
                }
            }
            None
        })
    }

    /// Why the SDK ignores a section that seems to be this profile; `None`: no section seems to be.
    pub(super) fn why_ignored(&self, name: &str) -> Option<String> {
        self.files.iter().find_map(|file| {
            file.text.lines().enumerate().find_map(|(number, line)| {
                let header = header_of(line)?;
                let (prefix, bare) = match header.split_once([' ', '\t']) {
                    Some(("profile", rest)) => (true, rest.trim()),
                    _ => (false, header),
                };
                let unquoted = bare.trim_matches(['\'', '"']);
                if unquoted != name {
                    return None;
                }
                let rule = match (file.is_credentials, prefix) {
                    (true, true) => format!(
                        "in this file a section is called [{name}], without the word profile. Take the word away."
                    ),
                    (false, false) if name != "default" => format!(
                        "in this file the section of a profile is called [profile {name}]. Write the word profile into it."
                    ),
                    _ if !bare.chars().all(is_of_name) => format!(
                        "the section [{header}] is there, but the AWS SDK for Rust does not take its name: a name has \
                         letters a to z, digits and _ - / . % @ : + only, and no quotes. Give the profile another name."
                    ),
                    _ => return None,
                };
                Some(format!("{}: {rule}", location(&file.path, number + 1)))
            })
        })
    }
}

fn location(path: &Path, line: usize) -> String {
    format!("{}, line {line}", path.display())
}

/// Whether the SDK's parser accepts the character in a section's name.
fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c)
}

/// The name in the header line of a section: `profile work` in `[profile work] # a comment`.
fn header_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix('[')?;
    Some(line.split_once(']')?.0.trim())
}

fn is_named(header: &str, section: Section<'_>, is_credentials: bool) -> bool {
    let (prefix, rest) =
        header.split_once([' ', '\t']).map_or(("", header), |(prefix, rest)| (prefix, rest.trim()));
    match section {
        Section::Profile(name) if is_credentials => header == name,
        Section::Profile("default") if header == "default" => true,
        Section::Profile(name) => prefix == "profile" && rest == name,
        Section::SsoSession(name) => !is_credentials && prefix == "sso-session" && rest == name,
    }
}

/// A line that breaks a rule.
struct Mistake {
    line: usize,
    rule: &'static str,
}

/// The file's text without its comment lines, or the first mistake.
fn checked(bytes: Vec<u8>) -> Result<String, Mistake> {
    let encoding = match bytes.as_slice() {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some(
            "the file is UTF-16 text (some editors call it Unicode), which AWS's tools do not read. Save it as UTF-8.",
        ),
        [0xEF, 0xBB, 0xBF, ..] => Some(
            "the file begins with a byte order mark (BOM), which AWS's tools do not read. Save it as UTF-8 without BOM.",
        ),
        _ => None,
    };
    if let Some(rule) = encoding {
        return Err(Mistake { line: 1, rule });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        Mistake { line, rule: "the line is not UTF-8 text. Save the file as UTF-8." }
    })?;
    let mut kept = String::with_capacity(text.len());
    let mut state = State::BeforeAll;
    for (number, line) in text.lines().enumerate() {
        let is_comment = line.trim_start_matches([' ', '\t']).starts_with(['#', ';']);
        if !is_comment {
            state = state.after(line).map_err(|rule| Mistake { line: number + 1, rule })?;
            kept.push_str(line);
        }
        kept.push('\n');
    }
    Ok(kept)
}

/// What the line above allows.
#[derive(Clone, Copy)]
enum State {
    BeforeAll,
    AfterHeader,
    AfterProperty,
    /// After a name without a value: indented lines are properties of that name.
    AfterGroup,
}

impl State {
    fn after(self, line: &str) -> Result<Self, &'static str> {
        let words = line.trim_matches([' ', '\t']);
        if words.is_empty() {
            return Ok(self);
        }
        if line.starts_with('[') {
            let header = line.split(['#', ';']).next().unwrap_or_default().trim_matches([' ', '\t']);
            return if header.ends_with(']') {
                Ok(Self::AfterHeader)
            } else {
                Err("a section's name begins with [ and has no ] at its end.")
            };
        }
        let is_indented = line.starts_with([' ', '\t']);
        match (self, is_indented) {
            (Self::BeforeAll, _) => Err("the line stands before the first section, such as [default]."),
            (Self::AfterHeader, true) => Err(
                "the line is indented, and an indented line goes on with the line above it, which is a section's name. \
                 Take the spaces at its beginning away.",
            ),
            (Self::AfterProperty, true) => Ok(self),
            (Self::AfterGroup, true) => property(words).map(|_| self),
            (_, false) => {
                Ok(if property(words)?.is_empty() { Self::AfterGroup } else { Self::AfterProperty })
            }
        }
    }
}

/// The value of `name = value`.
fn property(line: &str) -> Result<&str, &'static str> {
    // A comment after a value has a space before it.
    let end = line
        .match_indices(['#', ';'])
        .map(|(at, _)| at)
        .find(|at| line[..*at].ends_with(char::is_whitespace));
    let line = &line[..end.unwrap_or(line.len())];
    match line.split_once('=') {
        Some((name, _)) if name.trim().is_empty() => Err("there is no name before the = sign."),
        Some((_, value)) => Ok(value.trim()),
        None if line.contains(':') => {
            Err("a setting is written `name = value`, with = and not with a colon.")
        }
        None => Err("the line is no `name = value`, no [section] and no comment (which begins with #)."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: &[u8], credentials: &[u8]) -> Result<ConfigText, ConfigFileError> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["config", "credentials"].map(|name| folder.path().join(name));
        std::fs::write(&paths[0], config).unwrap();
        std::fs::write(&paths[1], credentials).unwrap();
        ConfigText::of(paths.to_vec())
    }

    #[test]
    fn a_line_that_aws_does_not_take_is_named_with_its_file_and_its_rule() {
        for (text, line, rule) in [
            ("[default]\nregion = eu-west-1\nstray words\n", 3, "no `name = value`"),
            ("[default]\n  region = eu-west-1\n", 2, "indented"),
            ("[default]\nregion: eu-west-1\n", 2, "colon"),
            ("[default\nregion = eu-west-1\n", 1, "no ]"),
            ("region = eu-west-1\n", 1, "before the first section"),
            ("[default]\n\n# fine\n= 5\n", 4, "no name"),
            ("[default]\ns3 =\n  fast\n", 3, "no `name = value`"),
            ("\u{feff}[default]\n", 1, "byte order mark"),
        ] {
            let said = read(text.as_bytes(), b"").expect_err(text).to_string();
            assert!(
                said.contains(&format!("config, line {line}: ")) && said.contains(rule),
                "{text:?}: {said}"
            );
            assert!(!said.contains("eu-west-1") && !said.contains("stray"), "values are not quoted: {said}");
        }
        let utf16: Vec<u8> = "\u{feff}[default]".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let said = read(b"", &utf16).expect_err("UTF-16").to_string();
        assert!(said.contains("credentials, line 1: ") && said.contains("UTF-16"), "{said}");
        let said = read(b"[default]\nname = M\xfcller\n", b"").expect_err("Latin-1").to_string();
        assert!(said.contains("config, line 2: ") && said.contains("not UTF-8"), "{said}");
    }

    #[test]
    fn what_the_sdk_takes_is_taken() {
        let config = "# first\n[default] # d\r\nregion=eu-west-1\r\ns3 =\n  a = b\n\n[profile x]\nsso_session = y ; c\n\
                      credential_process = /bin/a \"b # c\"\n[services z]\nkinesis =\n  endpoint_url = http://x\n";
        assert!(read(config.as_bytes(), b"").is_ok());
        assert!(read(b"", b"").is_ok());
    }

    #[tokio::test]
    async fn an_indented_comment_is_no_part_of_the_line_above() {
        let text = read(
            b"",
            b"[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = abc\n  # made in May\n\t; for tests\n",
        )
        .unwrap();
        let profiles = text.profiles().await.unwrap();
        let profile = profiles.get_profile("default").unwrap();
        assert_eq!(profile.get("aws_secret_access_key"), Some("abc"));
    }

    #[test]
    fn a_section_that_the_sdk_passes_over_is_found_and_the_rule_is_said() {
        let config =
            "[default]\n[profile 'my work']\na = b\n[profile müller]\n[bare]\n[profile good]\nc = d\n";
        let text = read(config.as_bytes(), b"[profile odd]\n").unwrap();
        for (name, line, rule) in [
            ("my work", "config, line 2", "does not take its name"),
            ("müller", "config, line 4", "does not take its name"),
            ("bare", "config, line 5", "[profile bare]"),
            ("odd", "credentials, line 1", "without the word profile"),
        ] {
            let said = text.why_ignored(name).expect(name);
            assert!(said.contains(line) && said.contains(rule), "{name}: {said}");
        }
        assert_eq!(text.why_ignored("good"), None);
        assert_eq!(text.why_ignored("missing"), None);
        let line = text.location_of(Section::Profile("good"), Some("c")).expect("it is there");
        assert!(line.ends_with("config, line 7"), "{line}");
    }
}
