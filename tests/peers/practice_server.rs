//! The practice stream, served on loopback, with engines that deliver to it.

use crate::processes::{Delivery, STREAM, Serve};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tributary::practice::{Practice, Settings};

/// The practice stream with [`STREAM`] in two shards.
pub struct PracticeServer {
    pub practice: Practice,
    pub url: String,
    _server: JoinSet<std::io::Result<()>>,
}

impl PracticeServer {
    pub async fn start() -> Self {
        let practice = Practice::new(Settings::default());
        practice.create_stream(STREAM, 2).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(practice.clone().serve(listener, std::future::pending()));
        Self { practice, url, _server: server }
    }

    /// An engine that delivers to it. It does not run yet.
    pub fn engine(&self, encoding: &'static str) -> Serve {
        let mut serve = Serve::new(&self.url, Delivery { operation: "put-records", encoding });
        serve.set("AWS_ACCESS_KEY_ID", self.practice.access_key_id());
        serve.set("AWS_SECRET_ACCESS_KEY", self.practice.secret_access_key());
        serve
    }
}
