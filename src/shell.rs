//! Words of a shell's command line, for commands that a person copies or types. Pure; it runs nothing.
//!
//! Control characters other than a line feed are not escaped, because no portable quoting for them exists: callers
//! whose text comes from a sender pass it through [`crate::event::shown`] first.

use std::borrow::Cow;

use shlex::Quoter;

/// `text` as one word for bash, zsh, fish and other POSIX shells, quoted only where it must be.
pub fn word(text: &str) -> Cow<'_, str> {
    Quoter::new().allow_nul(true).quote(text).expect("NUL is the only character that cannot be quoted")
}

/// `text` as one word for any shell: POSIX shells, PowerShell and cmd.exe.
///
/// Double quotes are the only quotes that all three read, so they are used wherever `text` holds nothing that one of
/// them would expand or end the word at. Any other text is quoted for POSIX shells.
pub fn word_of_any_shell(text: &str) -> Cow<'_, str> {
    let is_literal_in_double_quotes = |c: char| c.is_alphanumeric() || " -_./@+:=,()#~'".contains(c);
    let quoted = word(text);
    if quoted != text && text.chars().all(is_literal_in_double_quotes) {
        return Cow::Owned(format!("\"{text}\""));
    }
    quoted
}

/// The words, so that [`split`] and every POSIX shell read them back.
pub fn words(texts: &[String]) -> String {
    let words: Vec<_> = texts.iter().map(|text| word(text)).collect();
    words.join(" ")
}

/// The words of a line, by a shell's rules for quotes and backslashes; nothing is expanded. `None`: a quotation mark is not
/// closed.
pub fn split(line: &str) -> Option<Vec<String>> {
    shlex::split(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WILD: [&str; 14] = [
        "",
        "work",
        "my work",
        "it's",
        "a\"b",
        "$HOME ${x} $(id)",
        "`id`",
        "a\\b\\",
        "a'b\"c`d$e\\f!g^h",
        "%PATH% {a,b} [x] *?~#;|&<>()",
        "two\nlines\t",
        "{\"userId\":\"a\\u00e9\"}",
        "naïve “quotes”",
        "--flag=value",
    ];

    #[test]
    fn a_shell_reads_back_every_word_as_it_was() {
        for text in WILD {
            for quoted in [word(text), word_of_any_shell(text)] {
                assert_eq!(split(&quoted), Some(vec![text.to_owned()]), "{quoted}");
            }
        }
        let all = WILD.map(str::to_owned);
        assert_eq!(split(&words(&all)), Some(all.to_vec()));
        assert_eq!(split("page 'it"), None);
    }

    #[test]
    fn plain_words_stay_plain_and_the_rest_is_quoted() {
        for (text, posix, any) in [
            ("work", "work", "work"),
            ("arn:aws:iam::1:user/a", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/a"),
            ("my work", "'my work'", "\"my work\""),
            ("it's", "\"it's\"", "\"it's\""),
            ("my $HOME", "'my $HOME'", "'my $HOME'"),
            ("`id`", "'`id`'", "'`id`'"),
            ("100 %x%", "'100 %x%'", "'100 %x%'"),
            ("", "''", "\"\""),
        ] {
            assert_eq!((&*word(text), &*word_of_any_shell(text)), (posix, any));
        }
    }
}
