//! An endpoint's URL in the parts that SDKs ask for.

/// An endpoint's URL in the parts that SDKs ask for.
pub(super) struct Address<'a> {
    /// Without a slash at the end.
    pub(super) url: String,
    pub(super) scheme: &'a str,
    /// `127.0.0.1:8485`
    pub(super) authority: &'a str,
    /// `127.0.0.1`
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// `/events`, or nothing.
    pub(super) prefix: &'a str,
}

impl<'a> Address<'a> {
    pub(super) fn of(endpoint: &'a str) -> Self {
        let endpoint = endpoint.trim().trim_end_matches('/');
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("http", endpoint));
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let default_port = if scheme == "https" { 443 } else { 80 };
        // The colons of `[::1]` are not the port's.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(default_port)),
            Some(_) | None => (authority, default_port),
        };
        Self { url: format!("{scheme}://{authority}{prefix}"), scheme, authority, host, port, prefix }
    }

    /// The host for SDKs that put the scheme before it and the name of a call after it.
    pub(super) fn api_host(&self) -> String {
        format!("{}{}/v1", self.authority, self.prefix)
    }

    pub(super) fn is_plain(&self) -> bool {
        self.scheme == "http"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_apart_whatever_its_form() {
        for (url, whole, host, port) in [
            ("http://127.0.0.1:8485/", "http://127.0.0.1:8485", "127.0.0.1", 8485),
            ("127.0.0.1:8485", "http://127.0.0.1:8485", "127.0.0.1", 8485),
            ("http://[::1]:8485", "http://[::1]:8485", "[::1]", 8485),
            ("http://[::1]", "http://[::1]", "[::1]", 80),
            ("https://events.example.com", "https://events.example.com", "events.example.com", 443),
        ] {
            let address = Address::of(url);
            assert_eq!((address.url.as_str(), address.host, address.port), (whole, host, port));
        }
    }
}
