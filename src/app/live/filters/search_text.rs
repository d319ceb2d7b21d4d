//! The text of the search as the field shows it: conditions as tokens, and the text that is being typed.

use crate::delivery::query;

#[derive(Default)]
pub(super) struct SearchText {
    /// Conditions, as they are written: `state:failed`.
    pub tokens: Vec<String>,
    /// Words, and the condition that is being typed.
    pub typed: String,
}

impl SearchText {
    pub(super) fn new(text: &str) -> Self {
        let (tokens, typed) = query::split(text, false);
        Self { tokens, typed: typed.trim_end().to_owned() }
    }

    /// The whole query.
    pub(super) fn text(&self) -> String {
        let mut text = self.tokens.join(" ");
        if !text.is_empty() && !self.typed.is_empty() {
            text.push(' ');
        }
        text + &self.typed
    }

    /// Makes tokens of the conditions that are typed. `is_typed`: more may be typed at the end. True if there were any.
    pub(super) fn take_conditions(&mut self, is_typed: bool) -> bool {
        let (conditions, rest) = query::split(&self.typed, is_typed);
        let has_any = !conditions.is_empty();
        if has_any {
            self.tokens.extend(conditions);
            self.typed = rest;
        }
        has_any
    }

    /// Makes text of a token again, at the end of what is typed.
    pub(super) fn edit(&mut self, index: usize) {
        let token = self.tokens.remove(index);
        self.take_conditions(false);
        let words = self.typed.trim_end();
        self.typed = if words.is_empty() { token } else { format!("{words} {token}") };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_becomes_a_token_when_it_is_complete_and_text_again_to_edit_it() {
        let mut search = SearchText::new("refund state:failed userId:ada");
        assert_eq!((search.tokens.len(), &*search.typed), (2, "refund"));
        assert_eq!(search.text(), "state:failed userId:ada refund");
        search.typed.push_str(" type:track");
        assert!(!search.take_conditions(true));
        search.typed.push(' ');
        assert!(search.take_conditions(true));
        assert_eq!(search.text(), "state:failed userId:ada type:track refund ");
        search.edit(1);
        assert_eq!(
            (search.tokens.join(" "), &*search.typed),
            ("state:failed type:track".into(), "refund userId:ada")
        );
        search.edit(0);
        assert_eq!(
            (search.tokens.join(" "), &*search.typed),
            ("type:track userId:ada".into(), "refund state:failed")
        );
    }
}
