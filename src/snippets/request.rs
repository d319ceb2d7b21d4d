//! One event as the request that sends it, in code that can be pasted and run: nothing but HTTP, no SDK. The body is
//! the event's text, byte for byte.

use super::{address::Address, quoted::text};
use crate::{event::Kind, shell};

/// What the request is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// A command line.
    #[default]
    Curl,
    /// Node.js 18 or newer, without a package.
    Node,
    /// Python 3, without a package.
    Python,
    /// JavaScript in a page.
    Browser,
}

impl Language {
    /// All languages, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Curl, Self::Node, Self::Python, Self::Browser];

    /// Its name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Node => "Node.js",
            Self::Python => "Python",
            Self::Browser => "JavaScript",
        }
    }
}

/// The code that sends this event to the endpoint (`http://127.0.0.1:8485`) with that write key. Ends with a line end.
pub fn request(language: Language, endpoint: &str, write_key: &str, kind: Kind, json: &str) -> String {
    let address = Address::of(endpoint);
    let url = format!("{}/v1/{}", address.url, kind.as_str());
    match language {
        Language::Curl => format!(
            "curl -u {user} {url} \\\n  -H 'Content-Type: application/json' \\\n  --data-binary {body}\n",
            user = shell::word(&format!("{write_key}:")),
            url = shell::word(&url),
            body = shell::word(json),
        ),
        Language::Node => {
            fetch(&url, &format!("Buffer.from({} + \":\").toString(\"base64\")", text(write_key)), json)
        }
        Language::Browser => fetch(&url, &format!("btoa({} + \":\")", text(write_key)), json),
        Language::Python => format!(
            r#"import base64, urllib.request

event = {event}

request = urllib.request.Request(
    {url},
    data=event.encode(),
    headers={{
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode({key}.encode()).decode(),
    }},
)
with urllib.request.urlopen(request) as answer:
    print(answer.status, answer.read().decode())
"#,
            event = triple_quoted(json),
            url = text(&url),
            key = text(&format!("{write_key}:")),
        ),
    }
}

fn fetch(url: &str, key: &str, json: &str) -> String {
    format!(
        r#"const event = {event}

fetch({url}, {{
  method: "POST",
  headers: {{
    "Content-Type": "application/json",
    "Authorization": "Basic " + {key},
  }},
  body: event,
}}).then(async (answer) => console.log(answer.status, await answer.text()))
"#,
        event = template(json),
        url = text(url),
    )
}

/// A JavaScript literal in backticks, which may hold line breaks. Carriage returns are escaped.
fn template(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${").replace('\r', "\\r");
    format!("`{text}`")
}

/// A Python literal in triple quotes. An object ends with a brace, so no quote comes directly before the closing ones.
fn triple_quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"").replace('\r', "\\r");
    format!("\"\"\"{text}\"\"\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_the_one_that_is_sent() {
        for language in Language::ALL {
            let code = request(language, "http://127.0.0.1:8485/", "wk", Kind::Page, "{\"userId\":\"ada\"}");
            assert!(code.contains("http://127.0.0.1:8485/v1/page"), "{code}");
            assert!(code.contains("{\"userId\":\"ada\"}") && code.contains("wk"), "{code}");
            assert!(code.ends_with('\n') && !code.contains("{{"), "{code}");
        }
    }

    #[test]
    fn an_event_stays_one_piece_of_text_in_its_language() {
        let wild = "{\"a\":\"'`${x}\\n\\\\\\\"\"\"\"\r\n}";
        for (language, quoted) in [
            (Language::Node, "`{\"a\":\"'\\`\\${x}\\\\n\\\\\\\\\\\\\"\"\"\"\\r\n}`"),
            (Language::Python, "\"\"\"{\"a\":\"'`${x}\\\\n\\\\\\\\\\\\\\\"\\\"\\\"\"\\r\n}\"\"\""),
        ] {
            let code = request(language, "http://127.0.0.1:8485", "wk", Kind::Track, wild);
            assert!(code.contains(quoted), "{quoted}\n{code}");
        }
        let command = request(Language::Curl, "http://127.0.0.1:8485", "wk", Kind::Track, wild);
        let words = shlex::split(&command).expect("every quote is closed");
        assert_eq!(words.last().map(String::as_str), Some(wild), "{command}");
    }
}
