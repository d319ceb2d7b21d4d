//! Which path has which meaning. Pure. Empty segments are ignored (`//v1/track/`), because SDKs join
//! a host that ends with a slash and a path that begins with one. Nothing redirects: some SDKs repeat a redirected
//! request without its body and count that as a success.

use crate::event::{Kind, PathClass};

/// What a path is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// One event; the path names its type.
    Single(Kind, PathClass),
    /// Several events in an envelope.
    Batch(PathClass),
    /// One event in the query of an image's URL.
    Pixel(Kind),
    /// The settings that browser and mobile SDKs request first. The write key is in the path.
    Settings(String),
    /// The settings that `RudderStack`'s browser SDK requests first.
    SourceConfig,
    /// The script with which a page's snippet loads analytics.js. The write key is in the path.
    Loader(String),
    /// What SDKs report about themselves: accepted and dropped.
    SelfMetrics,
    Health,
    Ready,
    Metrics,
}

impl Route {
    /// The supported methods, besides OPTIONS.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Single(..) | Self::Batch(_) | Self::SelfMetrics => "POST",
            Self::Pixel(_)
            | Self::Settings(_)
            | Self::Loader(_)
            | Self::SourceConfig
            | Self::Health
            | Self::Ready
            | Self::Metrics => "GET, HEAD",
        }
    }

    pub(super) fn supports(&self, method: &str) -> bool {
        self.methods().split(", ").any(|known| known == method)
    }
}

/// The route of a path. `None` if the path is unknown.
pub(super) fn route_of(path: &str) -> Option<Route> {
    let mut segments = path.strip_prefix('/')?.split('/').filter(|segment| !segment.is_empty());
    let mut next = || segments.next();
    let (first, second, third, fourth, fifth) = (next(), next(), next(), next(), next());
    if fifth.is_some() {
        return None;
    }
    let route = match (first, second, third, fourth) {
        (Some("health"), None, ..) => Route::Health,
        (Some("ready"), None, ..) => Route::Ready,
        (Some("metrics"), None, ..) => Route::Metrics,
        (Some("sourceConfig"), None, ..) => Route::SourceConfig,
        // An Expo SDK posts its batches to the URL in its settings, which is the root.
        (None, ..) | (Some("v1"), Some("batch" | "import"), None, _) => Route::Batch(PathClass::Server),
        (Some("v1"), Some("b"), None, _) | (Some("beacon"), Some("v1"), Some("batch"), None) => {
            Route::Batch(PathClass::Device)
        }
        (Some("v1"), Some("m"), None, _) => Route::SelfMetrics,
        (Some("v1"), Some("pixel"), Some(name), None) => {
            Route::Pixel(Kind::parse(name.strip_suffix(".gif").unwrap_or(name))?)
        }
        (Some("v1"), Some("projects"), Some(key), Some("settings"))
        | (Some("projects"), Some(key), Some("settings"), None) => Route::Settings(key.to_owned()),
        (Some("analytics.js"), Some("v1"), Some(key), Some("analytics.min.js" | "analytics.js")) => {
            Route::Loader(key.to_owned())
        }
        // The request of a sender whose key is empty.
        (Some("v1"), Some("projects"), Some("settings"), None)
        | (Some("projects"), Some("settings"), None, _) => Route::Settings(String::new()),
        // `/api/s` is the path of Jitsu's browser SDK, `/api/s/s2s` that of its server SDK.
        (Some("v1"), Some(name), None, _) | (Some("api"), Some("s"), Some(name), None) => {
            Route::Single(Kind::from_path(name)?, PathClass::Device)
        }
        (Some("api"), Some("s"), Some("s2s"), Some(name)) => {
            Route::Single(Kind::from_path(name)?, PathClass::Server)
        }
        _ => return None,
    };
    Some(route)
}

/// The path that the sender of a request to an unknown path probably meant, by the last known word in it. SDKs append
/// their own path to a URL that has a path already, leave out `/v1`, or name another version.
pub(super) fn suggestion(path: &str) -> Option<&'static str> {
    path.split('/').rev().find_map(|segment| {
        let word = segment.to_ascii_lowercase();
        let word = word.trim_end_matches(".gif");
        let singular = word.strip_suffix('s').unwrap_or(word);
        SUGGESTIONS.iter().find(|(known, _)| *known == word || *known == singular).map(|(_, path)| *path)
    })
}

/// Words in a path, and the path to suggest.
const SUGGESTIONS: [(&str, &str); 17] = [
    ("identify", "/v1/identify"),
    ("track", "/v1/track"),
    ("event", "/v1/track"),
    ("page", "/v1/page"),
    ("screen", "/v1/screen"),
    ("group", "/v1/group"),
    ("alias", "/v1/alias"),
    ("batch", "/v1/batch"),
    ("batche", "/v1/batch"),
    ("import", "/v1/import"),
    ("settings", "/v1/projects/KEY/settings"),
    ("sourceconfig", "/sourceConfig"),
    ("health", "/health"),
    ("healthz", "/health"),
    ("ready", "/ready"),
    ("readyz", "/ready"),
    ("metric", "/metrics"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_path_has_its_route_with_any_number_of_slashes() {
        let table = [
            ("/v1/track", Route::Single(Kind::Track, PathClass::Device)),
            ("/v1/t", Route::Single(Kind::Track, PathClass::Device)),
            ("/v1/identify", Route::Single(Kind::Identify, PathClass::Device)),
            ("/v1/p", Route::Single(Kind::Page, PathClass::Device)),
            ("/v1/screen", Route::Single(Kind::Screen, PathClass::Device)),
            ("/v1/g", Route::Single(Kind::Group, PathClass::Device)),
            ("/v1/alias", Route::Single(Kind::Alias, PathClass::Device)),
            ("/v1/batch", Route::Batch(PathClass::Server)),
            ("/v1/import", Route::Batch(PathClass::Server)),
            ("/v1/b", Route::Batch(PathClass::Device)),
            ("/beacon/v1/batch", Route::Batch(PathClass::Device)),
            ("/v1/pixel/page", Route::Pixel(Kind::Page)),
            ("/v1/pixel/track.gif", Route::Pixel(Kind::Track)),
            ("/v1/m", Route::SelfMetrics),
            ("/v1/projects/k/settings", Route::Settings("k".to_owned())),
            ("/projects/k/settings", Route::Settings("k".to_owned())),
            ("/analytics.js/v1/k/analytics.min.js", Route::Loader("k".to_owned())),
            ("/v1/projects/settings", Route::Settings(String::new())),
            ("/sourceConfig", Route::SourceConfig),
            ("/api/s/page", Route::Single(Kind::Page, PathClass::Device)),
            ("/api/s/s2s/track", Route::Single(Kind::Track, PathClass::Server)),
            ("/", Route::Batch(PathClass::Server)),
            ("/health", Route::Health),
            ("/ready", Route::Ready),
            ("/metrics", Route::Metrics),
        ];
        for (path, route) in table {
            assert_eq!(route_of(path), Some(route.clone()), "{path}");
            assert_eq!(route_of(&format!("{path}/")), Some(route.clone()), "{path}/");
            assert_eq!(route_of(&path.replace('/', "//")), Some(route.clone()), "two slashes for each");
            assert_eq!(route_of(&format!("//{path}//")), Some(route), "slashes around {path}");
        }
    }

    #[test]
    fn other_paths_have_none() {
        for path in [
            "",
            "v1/track",
            "/v1",
            "/v1/",
            "/v1/x",
            "/v2/track",
            "/v1/track/x",
            "/v1/Track",
            "/v1/batch/a/b/c/d",
            "/v1/projects/k/settings/more",
            "/projects/k/settings/more",
            "/api/s",
            "/api/s/s2s",
            "/api/s/s2s/track/more",
            "/healthz",
        ] {
            assert_eq!(route_of(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_not_served_leads_to_the_one_that_was_meant() {
        for (path, meant_path) in [
            ("/track", Some("/v1/track")),
            ("/v1/Track", Some("/v1/track")),
            ("/v2/track", Some("/v1/track")),
            ("/v1/batch/v1/batches", Some("/v1/batch")),
            ("/api/v1/events", Some("/v1/track")),
            ("/v1/pages", Some("/v1/page")),
            ("/cdn/v1/projects/k/settings/x", Some("/v1/projects/KEY/settings")),
            ("/sourceconfig", Some("/sourceConfig")),
            ("/healthz", Some("/health")),
            ("/favicon.ico", None),
            ("/wp-login.php", None),
        ] {
            assert_eq!(suggestion(path), meant_path, "{path}");
        }
        assert!(SUGGESTIONS.iter().all(|(_, path)| route_of(path).is_some()), "what is proposed is served");
    }
}
