//! One call of the tracking API: which of the six it is, the event that it becomes, and the SDK that sent it.

use serde::Deserialize;

use super::record::PartitionKey;
use super::shown;

/// Which of the six calls of the tracking API an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Who a user is.
    Identify,
    /// What a user did.
    Track,
    /// Which page a user saw.
    Page,
    /// Which screen of an app a user saw.
    Screen,
    /// Which group a user belongs to.
    Group,
    /// Two ids that belong to one user.
    Alias,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Identify, Self::Track, Self::Page, Self::Screen, Self::Group, Self::Alias];

    /// The value of `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Track => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }

    /// The kind that a `type` names. The spelling is exact and lower-case.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "identify" => Self::Identify,
            "track" => Self::Track,
            "page" => Self::Page,
            "screen" => Self::Screen,
            "group" => Self::Group,
            "alias" => Self::Alias,
            _ => return None,
        })
    }

    /// The kind that the last segment of a path names, in its long or one-letter form.
    pub fn from_path(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == segment || kind.as_str()[..1] == *segment)
    }
}

/// One call of the tracking API, checked and normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which call it is.
    pub kind: Kind,
    /// The sender's `messageId`, or one made here. `json` has it in the sender's spelling.
    pub message_id: String,
    /// `message_id` was made here, because the sender gave none that can be used.
    pub message_id_made: bool,
    /// Decides the record's shard and order.
    pub key: PartitionKey,
    /// A track's `event`, or the `name` of a page or screen. For display only; at most 120 characters.
    pub name: Option<String>,
    /// The event's JSON text: one valid object, UTF-8.
    pub json: Vec<u8>,
    /// Oddities to count.
    pub notes: Notes,
}

/// Oddities of an event that are no reason to reject it. They are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notes {
    /// A `timestamp` or `originalTimestamp` is not a time, or lies outside the years 0 to 9999.
    pub bad_timestamp: bool,
    /// The `messageId` has more than 100 characters, the most that Segment guarantees.
    pub long_message_id: bool,
    /// How many bare `NaN`, `Infinity` or `-Infinity` became `null`.
    pub bare_numbers: u32,
}

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
