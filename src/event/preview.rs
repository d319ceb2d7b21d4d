//! A line of preview of an event: the first properties or traits, or the id of a group or an alias. It reads the
//! beginning of the stored text only, which may end anywhere, and never fails: what cannot be read is not previewed.

use std::sync::Arc;

use super::{
    call::Kind,
    scan::{Name, ScanError, ScanErrorKind, Scanner, unescape},
};

/// Maximum members of a preview.
const MEMBERS_MAX: usize = 6;
/// Maximum characters of a name or a value; longer text ends with `…`.
const CHARS_MAX: usize = 60;

/// Names and values of an event's members, in the order of the event. Values are without quotes and escapes; objects and
/// arrays are only hinted at. Text that a sender chose: show it through [`shown::line`](super::shown::line).
pub type Preview = Arc<[(Box<str>, Box<str>)]>;

/// The preview of an event of this type from the beginning of its JSON. `None`: it has nothing to show.
pub fn preview(kind: Kind, json: &[u8]) -> Option<Preview> {
    // The text may be cut in the middle of a character.
    let text = json.utf8_chunks().next()?.valid();
    let mut scan = Scanner::new(text);
    let mut members = Members { text, found: Vec::new() };
    if scan.space() == b'{' {
        // Where the text is cut or is not JSON, the preview ends.
        let _end = scan.object(|scan, name| members.root(scan, name, kind));
    }
    (!members.found.is_empty()).then(|| members.found.into())
}

struct Members<'a> {
    text: &'a str,
    found: Vec<(Box<str>, Box<str>)>,
}

impl Members<'_> {
    fn root(&mut self, scan: &mut Scanner<'_>, name: Name, kind: Kind) -> Result<(), ScanError> {
        let of_kind = match kind {
            Kind::Track | Kind::Page | Kind::Screen => "properties",
            Kind::Identify | Kind::Group => "traits",
            Kind::Alias => "",
        };
        let id = match kind {
            Kind::Group => "groupId",
            Kind::Alias => "previousId",
            Kind::Track | Kind::Page | Kind::Screen | Kind::Identify => "",
        };
        let word = scan.name_text(name);
        if word == of_kind && scan.peek() == b'{' {
            scan.object(|scan, name| self.take(scan, name, 2))
        } else if word == id {
            self.take(scan, name, 1)
        } else {
            scan.value(1)
        }
    }

    fn take(&mut self, scan: &mut Scanner<'_>, name: Name, depth: usize) -> Result<(), ScanError> {
        if self.found.len() == MEMBERS_MAX {
            // Enough: this ends the walk.
            return Err(scan.error(ScanErrorKind::ExpectedEnd));
        }
        let start = scan.at;
        scan.value(depth)?;
        let name = shortened(&scan.name_text(name));
        self.found.push((name, value(&self.text[start..scan.at])));
        Ok(())
    }
}

/// A value as text.
fn value(raw: &str) -> Box<str> {
    match raw.as_bytes() {
        [b'"', .., b'"'] => shortened(&unescape(&raw[1..raw.len() - 1])),
        [b'{', b'}'] | [b'[', b']'] => raw.into(),
        [b'{', ..] => "{…}".into(),
        [b'[', ..] => "[…]".into(),
        _ => shortened(raw),
    }
}

fn shortened(text: &str) -> Box<str> {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Kind, json: &str) -> String {
        let preview = preview(kind, json.as_bytes());
        let members: Vec<String> = preview
            .iter()
            .flat_map(|all| all.iter())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        members.join(" ")
    }

    #[test]
    fn the_first_members_of_the_right_object_are_previewed() {
        let event = r#"{"context":{"properties":{"no":1}},"properties":{"total":12.50,"currency":"EUR","list":[1],"none":{}},
            "traits":{"plan":"pro"},"groupId":"g1","previousId":"anon-7"}"#;
        for (kind, expected) in [
            (Kind::Track, "total=12.50 currency=EUR list=[…] none={}"),
            (Kind::Identify, "plan=pro"),
            (Kind::Group, "plan=pro groupId=g1"),
            (Kind::Alias, "previousId=anon-7"),
        ] {
            assert_eq!(text(kind, event), expected, "{kind:?}");
        }
        assert_eq!(text(Kind::Page, r#"{"properties":{},"name":"Home"}"#), "");
    }

    #[test]
    fn what_is_cut_or_odd_ends_the_preview_and_harms_nothing() {
        let event = r#"{"properties":{"a":"größer \"x\" \u00e9","b":"日本","c":3}}"#;
        for end in 0..event.len() {
            let cut = preview(Kind::Track, &event.as_bytes()[..end]);
            assert!(cut.is_none_or(|cut| cut.len() <= 3), "{end}");
        }
        assert_eq!(text(Kind::Track, event), "a=größer \"x\" é b=日本 c=3");
        assert_eq!(text(Kind::Track, r#"{"properties":{"a":1,"b":"cut he"#), "a=1");
        for odd in ["", "null", "[1]", "{", r#"{"properties":7}"#, "\u{0}"] {
            assert_eq!(text(Kind::Track, odd), "", "{odd}");
        }
    }

    #[test]
    fn a_preview_is_short() {
        let many: Vec<String> = (0..50).map(|n| format!("\"p{n}\":\"{}\"", "ä".repeat(500))).collect();
        let preview = preview(Kind::Track, format!("{{\"properties\":{{{}}}}}", many.join(",")).as_bytes());
        let preview = preview.expect("it has members");
        assert_eq!(preview.len(), MEMBERS_MAX);
        assert!(preview.iter().all(|(_, value)| value.chars().count() == CHARS_MAX + 1));
    }
}
