//! The SDKs and other ways to send events.

/// A way to send events, in the order in which they are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sdk {
    /// A command line.
    Curl,
    /// `@segment/analytics-node`.
    Node,
    /// `@segment/analytics-next` in a bundled site.
    BrowserNpm,
    /// `@segment/analytics-next` in a page without a bundler.
    BrowserScript,
    /// `segment-analytics-python`.
    Python,
    /// `analytics-go`.
    Go,
    /// `analytics-java`.
    Java,
    /// `analytics-ruby`.
    Ruby,
    /// `analytics-php`.
    Php,
    /// `analytics-swift`.
    Swift,
    /// `analytics-kotlin`.
    Kotlin,
    /// `@segment/analytics-react-native`.
    ReactNative,
    /// `@rudderstack/rudder-sdk-node`.
    RudderNode,
    /// `@customerio/cdp-analytics-browser` in a bundled site.
    CustomerIoBrowser,
    /// An image in a page or an e-mail.
    Pixel,
}

impl Sdk {
    /// Every way.
    pub const ALL: [Self; 15] = [
        Self::Curl,
        Self::Node,
        Self::BrowserNpm,
        Self::BrowserScript,
        Self::Python,
        Self::Go,
        Self::Java,
        Self::Ruby,
        Self::Php,
        Self::Swift,
        Self::Kotlin,
        Self::ReactNative,
        Self::RudderNode,
        Self::CustomerIoBrowser,
        Self::Pixel,
    ];

    /// Its name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Node => "Node.js",
            Self::BrowserNpm => "Browser (npm)",
            Self::BrowserScript => "Browser (script tag)",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Ruby => "Ruby",
            Self::Php => "PHP",
            Self::Swift => "Swift",
            Self::Kotlin => "Kotlin",
            Self::ReactNative => "React Native",
            Self::RudderNode => "RudderStack (Node.js)",
            Self::CustomerIoBrowser => "Customer.io (browser)",
            Self::Pixel => "HTTP pixel",
        }
    }

    /// The language of the snippet, as highlighters call it.
    pub fn language(self) -> &'static str {
        match self {
            Self::Curl => "sh",
            Self::Node
            | Self::BrowserNpm
            | Self::ReactNative
            | Self::RudderNode
            | Self::CustomerIoBrowser => "js",
            Self::BrowserScript | Self::Pixel => "html",
            Self::Python => "python",
            Self::Go => "go",
            Self::Java => "java",
            Self::Ruby => "ruby",
            Self::Php => "php",
            Self::Swift => "swift",
            Self::Kotlin => "kotlin",
        }
    }

    /// What its users must know besides the code.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Curl | Self::Java | Self::Php => None,
            Self::Node => Some(
                "Works with the old package analytics-node too: new Analytics(KEY, { host, timeout: 60000, retryCount: 10, errorHandler }). Its timeout is for a batch with all its retries; without errorHandler, a batch that it gives up ends the program.",
            ),
            Self::BrowserNpm => Some(
                "A page from a public site may reach this computer only after its visitor allowed it. For real visitors, put the endpoint behind a public host name.",
            ),
            Self::BrowserScript => Some(
                "A page that has Segment's own script tag already needs only the second argument of its analytics.load call to change. A page from a public site may reach this computer only after its visitor allowed it.",
            ),
            Self::Python => Some(
                "After a 429 or 503, it sends later events first if more than 100 wait. To keep their order, make the client yourself: Client(write_key, host=host, upload_size=10000), from segment.analytics.client.",
            ),
            Self::Go => Some("Sends a refused batch ten times before it gives up."),
            Self::Ruby => Some(
                "Speaks only https: it ignores `ssl: false`. Put a server with a certificate (such as Caddy) in front of the endpoint, and give its host and port here.",
            ),
            Self::Swift => Some(
                "Speaks https unless its requests are changed, as the snippet does for an http endpoint. On a device, 127.0.0.1 is the device itself: use this computer's address, and allow it in App Transport Security.",
            ),
            Self::Kotlin => Some(
                "Speaks https unless its requests are changed, as the snippet does for an http endpoint. In the Android emulator this computer is 10.0.2.2; plain http must be allowed in the network security configuration.",
            ),
            Self::ReactNative => Some(
                "Keep both addresses and allowInsecureProxy: without it, an http address is ignored and the events go to Segment. They also go there if the host is not localhost, an IPv4 address or a name with a dot. On a device, 127.0.0.1 is the device itself: use this computer's address, and allow plain http in App Transport Security (iOS) and the network security configuration (Android).",
            ),
            Self::RudderNode => Some(
                "Its timeout is for a batch with all its retries, so it must be longer than an outage. Without errorHandler, a batch that it gives up ends the program.",
            ),
            Self::CustomerIoBrowser => Some(
                "Keep cdnSettings: with cdnURL instead, the events go to Customer.io. The SDK does not look at answers: an event that is answered with 429 or 503 is lost, without an error. It repeats only what got no answer.",
            ),
            Self::Pixel => Some(
                "`data` is the event in base64 and holds the write key: whoever sees the page or the e-mail can read it.",
            ),
        }
    }
}
