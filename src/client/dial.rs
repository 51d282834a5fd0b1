//! The way to a server: its name, its socket, a proxy's tunnel and TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::SendError;
use super::link::Line;
use super::proxy;
use super::socket::{Stream, Transport};

/// Mozilla's roots, TLS 1.2 and 1.3 by ring, HTTP/1.1 alone.
static TLS: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
});

/// Connects; to this very address where one is given. `allowed`: for the socket, a proxy's tunnel included, and as much again
/// for TLS.
pub(super) async fn dial(
    line: &Line,
    address: Option<SocketAddr>,
    allowed: Duration,
) -> Result<Transport, SendError> {
    let tcp = within(allowed, "the connection", socket(line, address)).await?;
    let stream = if line.secure {
        Stream::Tls(Box::new(
            within(allowed, "the TLS handshake", secured(line, tcp)).await?,
        ))
    } else {
        Stream::Plain(tcp)
    };
    Ok(Transport::new(stream))
}

async fn within<T>(
    allowed: Duration,
    what: &str,
    done: impl Future<Output = io::Result<T>>,
) -> Result<T, SendError> {
    match tokio::time::timeout(allowed, done).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(SendError::Unconnected(error.to_string())),
        Err(_) => Err(SendError::Unconnected(format!(
            "{what} took longer than {} s",
            allowed.as_secs_f32()
        ))),
    }
}

async fn socket(line: &Line, address: Option<SocketAddr>) -> io::Result<TcpStream> {
    let proxy = line.via.as_deref();
    let mut tcp = match (address, proxy) {
        (Some(address), _) => TcpStream::connect(address).await?,
        (None, Some(proxy)) => TcpStream::connect((proxy.host.as_str(), proxy.port)).await?,
        (None, None) => TcpStream::connect((line.host.as_str(), line.port)).await?,
    };
    tcp.set_nodelay(true)?;
    if let Some(proxy) = proxy
        && line.secure
    {
        proxy::tunnel(&mut tcp, proxy, &line.authority()).await?;
    }
    Ok(tcp)
}

async fn secured(
    line: &Line,
    tcp: TcpStream,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let config = TLS
        .as_ref()
        .map_err(|words| io::Error::other(words.clone()))?;
    let name = ServerName::try_from(line.host.clone()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(config))
        .connect(name, tcp)
        .await
}
