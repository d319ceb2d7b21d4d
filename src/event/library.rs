//! The SDK that an event names as its sender.

use serde::Deserialize;

/// Maximum characters of a library's name and version that are kept.
const CHARS_MAX: usize = 80;

/// What `context.library` says: the library's name and version. `None` where it names none, or the text is no JSON.
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
    let text: String = text.chars().filter(|char| !char.is_control()).take(CHARS_MAX).collect();
    Some(text.trim_end().to_owned())
}
