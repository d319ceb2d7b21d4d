//! Reads IAM's answers in XML.

use aws_smithy_xml::decode::{Document, try_data};

/// The text of the first element of that name. IAM's answers nest no element in one of the same name.
pub(super) fn text_of(xml: &str, name: &str) -> Option<String> {
    let mut document = Document::new(xml);
    while let Some(element) = document.next_start_element() {
        if element.matches(name) {
            return Some(try_data(&mut document).ok()?.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_any_text() {
        let xml = "<R><Arn> arn:x </Arn><E><Message>a &lt;b&gt; &amp;amp; c</Message></E><Path/></R>";
        assert_eq!(text_of(xml, "Arn").as_deref(), Some("arn:x"));
        assert_eq!(text_of(xml, "Message").as_deref(), Some("a <b> &amp; c"));
        assert_eq!(text_of(xml, "Code"), None);
        for broken in ["", "<html>Bad gateway", "{}", "<R><Arn>x</R>"] {
            assert_eq!(text_of(broken, "Code"), None, "{broken}");
        }
    }
}
