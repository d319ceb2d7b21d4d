//! The URL of a listener.

use std::net::SocketAddr;

/// The URL that a sender on this machine uses for a listener at `address`.
pub fn url_of(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip([127, 0, 0, 1].into());
    }
    format!("{scheme}://{reachable}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_on_this_machine_reaches_every_address() {
        let url = |address: &str| url_of(address.parse().expect("an address"), false);
        assert_eq!(url("0.0.0.0:8485"), "http://127.0.0.1:8485");
        assert_eq!(url("[::]:8485"), "http://127.0.0.1:8485");
        assert_eq!(url("[::1]:8485"), "http://[::1]:8485");
        assert_eq!(url_of(([10, 0, 0, 7], 443).into(), true), "https://10.0.0.7:443");
    }
}
