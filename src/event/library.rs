//! The SDK that sent an event, by the event's own words.

use serde::Deserialize;

use super::shown;

/// Maximum characters of a library's name and version that are kept.
const CHARS_MAX: usize = 80;

/// Name and version in `context.library`, safe to display. `None` if there is no name, or the text is not JSON.
pub fn library_of(json: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        context: Option<Context>,
    }
    #[derive(Deserialize)]
    struct Context {
        library: Option<Library>,
    }
    #[derive(Deserialize)]
    struct Library {
        name: Option<String>,
        version: Option<String>,
    }
    let library = serde_json::from_slice::<Envelope>(json).ok()?.context?.library?;
    let name = library.name.filter(|name| !name.is_empty())?;
    let text = format!("{name} {}", library.version.unwrap_or_default());
    let text: String = text.chars().take(CHARS_MAX).collect();
    Some(shown::line(text.trim_end()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_the_name_of_a_library_are_shown_as_escapes() {
        let json = "{\"context\":{\"library\":{\"name\":\"shop\u{202e}\\u001b\",\"version\":\"7\"}}}";
        assert_eq!(library_of(json.as_bytes()).as_deref(), Some("shop\\u202e\\u001b 7"));
    }
}
