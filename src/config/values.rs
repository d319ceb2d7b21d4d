//! Single settings by name, as text: for a form with one field for each.

use super::raw::check;
use super::setting::Value;
use super::settings::Config;

/// The value of this setting as text, as a variable would give it; empty if there is no such setting.
pub fn value_text(config: &Config, name: &str) -> String {
    let found = config.values().into_iter().find(|(known, _)| *known == name);
    match found.map(|(_, value)| value) {
        Some(Value::Text(text)) => text,
        Some(Value::Switch(on)) => on.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::List(texts)) => texts.join(", "),
        Some(Value::Other(_)) | None => String::new(),
    }
}

/// The settings with these values, which are written as a variable would give them. The error is a clause that says what is
/// allowed, without the setting's name and its value. A name that does not exist is ignored.
pub fn with_values(config: &Config, values: &[(&str, &str)]) -> Result<Config, String> {
    let mut new = config.clone();
    for (name, text) in values {
        let mut settings = new.settings();
        let Some(setting) = settings.iter_mut().find(|setting| setting.name == *name) else { continue };
        let value = setting.value.meant_by(text.trim());
        setting.put(&value).map_err(|why| why.rule().to_owned())?;
    }
    if new == *config {
        return Ok(new);
    }
    match new.contradictions().into_iter().next() {
        Some(found) => Err(found.text),
        None => check(&new).map(|()| new).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_what_its_text_says() {
        let config = Config::default();
        for (name, _) in config.values() {
            let text = value_text(&config, name);
            assert_eq!(with_values(&config, &[(name, &text)]).as_ref(), Ok(&config), "{name} = {text:?}");
        }
    }

    #[test]
    fn a_mistake_says_what_is_allowed_without_the_value() {
        let config = Config::default();
        let why = |name, text| with_values(&config, &[(name, text)]).unwrap_err();
        assert!(why("capture.listen", "nowhere").starts_with("write an IP address and a port"));
        let proxies = why("capture.trusted_proxies", "127.0.0.1, 10.0.0.1/8");
        assert_eq!(proxies, "it has bits set after its prefix length; the network is 10.0.0.0/8");
        assert!(why("spool.max_bytes", "1").starts_with("allowed: whole numbers from 65536"));
        assert!(why("capture.tls_cert", "/a.pem").contains("give both for https, or none"));
        let both = [("capture.tls_cert", "/a.pem"), ("capture.tls_key", "/b.pem")];
        assert_eq!(with_values(&config, &both).map(|config| config.capture.tls_key).as_deref(), Ok("/b.pem"));
    }
}
