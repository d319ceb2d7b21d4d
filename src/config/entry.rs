//! A table of a list, such as `[[destinations]]` or `[[alerts]]`: a name, which no other table of the list has, and settings
//! with the rules of their kind. Variables and flags give nothing to these tables.

use super::error::{Origin, Problem, near_miss, quoted};
use super::setting::{Setting, Value};
use super::source::check_source_name;

/// A table before its check.
pub(super) struct RawEntry {
    pub(super) name: Option<Value>,
    /// Key, value and place of each.
    pub(super) settings: Vec<(String, Value, Origin)>,
    pub(super) origin: Origin,
}

/// What a list is called in messages.
pub(super) struct Listing {
    /// Its key in the file, such as `destinations`.
    pub(super) key: &'static str,
    /// One of it, such as `a saved destination`.
    pub(super) one: &'static str,
}

impl RawEntry {
    /// The table of settings at hand.
    pub(super) fn of(name: &str, values: Vec<(&'static str, Value)>) -> Self {
        let settings = values.into_iter().map(|(key, value)| (key.to_owned(), value, Origin::Default));
        Self { name: Some(Value::text(name)), settings: settings.collect(), origin: Origin::Default }
    }

    /// Puts its values into these settings, and returns its name. `None` after a mistake, which becomes a problem.
    pub(super) fn put_into(
        &self,
        settings: &mut [Setting],
        list: &Listing,
        names: &[&str],
        problems: &mut Vec<Problem>,
    ) -> Option<String> {
        let problems_before = problems.len();
        let mut problem = |origin: &Origin, text: String| problems.push(Problem::new(origin.clone(), text));
        for (key, value, origin) in &self.settings {
            match settings.iter_mut().find(|setting| setting.key() == key) {
                None => problem(origin, unknown(key, settings, list)),
                Some(setting) => {
                    if let Err(why) = setting.put(value) {
                        problem(origin, format!("{}.{key} {why}", list.key));
                    }
                }
            }
        }
        let Some(Value::Text(name)) = &self.name else {
            let text =
                format!("{}.name is missing; each {} needs a name, in quotes", list.key, bare(list.one));
            problem(&self.origin, text);
            return None;
        };
        let shown = quoted(name);
        if let Err(why) = check_source_name(name) {
            let why = why.to_string().replace("a source", list.one);
            problem(&self.origin, format!("{}.name is {shown}; {why}", list.key));
        }
        if names.contains(&&**name) {
            let text = format!("{}.name is {shown}, as of another; each needs a name of its own", list.key);
            problem(&self.origin, text);
        }
        (problems.len() == problems_before).then(|| name.clone())
    }
}

/// Without its article.
fn bare(one: &str) -> &str {
    one.split_once(' ').map_or(one, |(_, noun)| noun)
}

fn unknown(key: &str, settings: &[Setting], list: &Listing) -> String {
    let allowed: Vec<_> = std::iter::once("name").chain(settings.iter().map(Setting::key)).collect();
    let (shown, list) = (quoted(key), list.key);
    match near_miss(key, allowed.iter().copied()) {
        Some(near) => format!("{list}.{shown} is not a setting; did you mean `{near}`?"),
        None => format!("{list}.{shown} is not a setting; allowed: {}", allowed.join(", ")),
    }
}
