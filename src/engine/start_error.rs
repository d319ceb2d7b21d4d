//! Why an engine does not start.

use std::{io, net::SocketAddr};

use super::limits::ADDRESS_SPACE_MIB_MIN;
use crate::{capture::TlsError, spool};

/// Why an engine did not start. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine cannot listen on the endpoint's address.
    #[error("cannot listen on {address}; {}", listen_advice(.source))]
    Listen {
        /// The address in the settings.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The endpoint's certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] spool::OpenError),
    /// The process may have less address space than the engine needs.
    #[error(
        "the limit of this process's address space is {0} MiB (`ulimit -v`), and the engine needs {ADDRESS_SPACE_MIB_MIN} MiB: \
         with less it would end in the middle of its work; raise the limit, or limit resident memory instead (MemoryMax= in \
         systemd)"
    )]
    AddressSpace(u64),
    /// The system gives no threads or sockets.
    #[error("the operating system refused a thread or a socket that the engine needs")]
    System(#[from] io::Error),
}

/// What to do when the engine cannot listen on an address.
fn listen_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program uses this port: stop it, or set capture.listen (--listen) to another port"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not use this port (ports below 1024 often need special rights): set capture.listen (--listen) \
             to another port"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this computer does not have this IP address: set capture.listen (--listen) to another address"
        }
        _ => "set capture.listen (--listen) to another address or another port",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_not_permitted_is_not_said_to_be_in_use() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let said = |kind: io::ErrorKind| StartError::Listen { address, source: kind.into() }.to_string();
        assert!(said(io::ErrorKind::AddrInUse).contains("another program uses this port"));
        let denied = said(io::ErrorKind::PermissionDenied);
        assert!(denied.contains("may not use") && !denied.contains("another program"), "{denied}");
    }
}
