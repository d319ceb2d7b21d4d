//! Which path means what (tracking API §2). Pure. Paths count with and without a trailing slash; nothing redirects,
//! since SDKs repeat a redirected request without its body and call that a success.

use crate::event::{Kind, PathClass};

/// What a path is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// One event; the path names its type.
    Single(Kind),
    /// Many events in an envelope.
    Batch(PathClass),
    /// One event in the query of an image.
    Pixel(Kind),
    /// The settings that browser and mobile SDKs ask for first; the write key is in the path.
    Settings(String),
    /// The settings that `RudderStack`'s browser SDK asks for first.
    SourceConfig,
    /// What SDKs say of themselves: taken and let go.
    SelfMetrics,
    Health,
    Ready,
    Metrics,
}

impl Route {
    /// The methods that mean something here, besides OPTIONS.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Single(_) | Self::Batch(_) | Self::SelfMetrics => "POST",
            Self::Pixel(_)
            | Self::Settings(_)
            | Self::SourceConfig
            | Self::Health
            | Self::Ready
            | Self::Metrics => "GET, HEAD",
        }
    }

    pub(super) fn takes(&self, method: &str) -> bool {
        self.methods().split(", ").any(|known| known == method)
    }
}

/// The route of a path; `None`: 404.
pub(super) fn route_of(path: &str) -> Option<Route> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut segments = path.strip_prefix('/')?.split('/');
    let route = match (segments.next()?, segments.next(), segments.next(), segments.next()) {
        ("health", None, ..) => Route::Health,
        ("ready", None, ..) => Route::Ready,
        ("metrics", None, ..) => Route::Metrics,
        ("sourceConfig", None, ..) => Route::SourceConfig,
        ("v1", Some("batch" | "import"), None, _) => Route::Batch(PathClass::Server),
        ("v1", Some("b"), None, _) | ("beacon", Some("v1"), Some("batch"), None) => {
            Route::Batch(PathClass::Device)
        }
        ("v1", Some("m"), None, _) => Route::SelfMetrics,
        ("v1", Some("pixel"), Some(name), None) => {
            Route::Pixel(Kind::parse(name.strip_suffix(".gif").unwrap_or(name))?)
        }
        ("v1", Some("projects"), Some(key), Some("settings")) if segments.next().is_none() => {
            Route::Settings(key.to_owned())
        }
        ("projects", Some(key), Some("settings"), None) => Route::Settings(key.to_owned()),
        ("v1", Some(name), None, _) => Route::Single(Kind::from_path(name)?),
        _ => return None,
    };
    Some(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_path_has_its_route_with_and_without_a_slash() {
        let table = [
            ("/v1/track", Route::Single(Kind::Track)),
            ("/v1/t", Route::Single(Kind::Track)),
            ("/v1/identify", Route::Single(Kind::Identify)),
            ("/v1/p", Route::Single(Kind::Page)),
            ("/v1/screen", Route::Single(Kind::Screen)),
            ("/v1/g", Route::Single(Kind::Group)),
            ("/v1/alias", Route::Single(Kind::Alias)),
            ("/v1/batch", Route::Batch(PathClass::Server)),
            ("/v1/import", Route::Batch(PathClass::Server)),
            ("/v1/b", Route::Batch(PathClass::Device)),
            ("/beacon/v1/batch", Route::Batch(PathClass::Device)),
            ("/v1/pixel/page", Route::Pixel(Kind::Page)),
            ("/v1/pixel/track.gif", Route::Pixel(Kind::Track)),
            ("/v1/m", Route::SelfMetrics),
            ("/v1/projects/k/settings", Route::Settings("k".to_owned())),
            ("/projects/k/settings", Route::Settings("k".to_owned())),
            ("/sourceConfig", Route::SourceConfig),
            ("/health", Route::Health),
            ("/ready", Route::Ready),
            ("/metrics", Route::Metrics),
        ];
        for (path, route) in table {
            assert_eq!(route_of(path), Some(route.clone()), "{path}");
            assert_eq!(route_of(&format!("{path}/")), Some(route), "{path}/");
        }
    }

    #[test]
    fn other_paths_have_none() {
        for path in [
            "/",
            "",
            "/v1",
            "/v1/",
            "/v1/x",
            "/v2/track",
            "/v1/track/x",
            "/v1/Track",
            "/v1/batch//",
            "/healthz",
        ] {
            assert_eq!(route_of(path), None, "{path}");
        }
    }
}
