//! How well a typed text fits what the palette offers. Every typed word must fit: the beginning of a word of the title best,
//! then any part of it, its letters in order, and last a part of the description. Pure.

/// How well `typed` fits; higher is better. `None`: not at all.
pub(super) fn score(typed: &str, title: &str, description: &str) -> Option<u32> {
    let (typed, title, description) =
        (typed.to_lowercase(), title.to_lowercase(), description.to_lowercase());
    let mut sum = 0;
    for word in typed.split_whitespace() {
        sum += word_score(word, &title).or_else(|| description.contains(word).then_some(15))?;
    }
    if title.starts_with(typed.trim()) && !typed.trim().is_empty() {
        sum += 60;
    }
    Some(sum)
}

fn word_score(word: &str, title: &str) -> Option<u32> {
    let words = || title.split(|c: char| !c.is_alphanumeric());
    if words().any(|one| one == word) {
        return Some(110);
    }
    if words().any(|one| one.starts_with(word)) {
        return Some(90);
    }
    if title.contains(word) {
        return Some(60);
    }
    let is_near = words().any(|one| has_letters(word, one));
    is_near.then_some(30)
}

/// Whether `word` has at least three letters, begins like `one`, and `one` has all its letters in their order: `stngs` for
/// `settings`.
fn has_letters(word: &str, one: &str) -> bool {
    let mut rest = one.chars();
    word.chars().count() >= 3
        && word.chars().next() == one.chars().next()
        && word.chars().all(|c| rest.any(|other| other == c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_must_fit_and_a_better_fit_is_worth_more() {
        let fits = |typed: &str| score(typed, "Send the test event", "Sends what Test has");
        assert!(fits("send the test").is_some() && fits("TEST send").is_some() && fits("").is_some());
        assert_eq!((fits("send nothing"), fits("teh")), (None, None));
        assert!(fits("send") > fits("sen") && fits("sen") > fits("end") && fits("end") > fits("snd"));
        assert!(fits("snd") > fits("what") && fits("what").is_some());
        assert!(fits("send the") > score("send the", "The one to send", ""));
    }
}
