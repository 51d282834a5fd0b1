//! The way through a channel's proxy: a tunnel to what speaks TLS (CONNECT, RFC 9110 section 9.3.6), and a request in
//! absolute form for the rest (RFC 9112 section 3.2.2).

use std::io;
use std::sync::Arc;

use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use actix_web::dev::{Service, always_ready};
use actix_web::http::header::HeaderValue;
use actix_web::http::uri::{PathAndQuery, Scheme, Uri};
use actix_web::rt::net::TcpStream;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::domain::Proxy;

/// The most that is read of a proxy's answer to CONNECT.
const MOST_HEAD: usize = 8 * 1024;

/// What the proxy is told of who asks.
pub(super) fn authorization(proxy: &Proxy) -> Option<HeaderValue> {
    let (user, password) = proxy.login.as_ref()?;
    let encoded = BASE64_STANDARD.encode(format!("{user}:{}", password.as_str()));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The address of a request that goes through a proxy without a tunnel: to the proxy, for the whole address.
pub(super) fn absolute_form(target: &Uri, proxy: &Proxy) -> Option<Uri> {
    let whole = PathAndQuery::try_from(target.to_string()).ok()?;
    let through = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(proxy.authority())
        .path_and_query(whole);
    through.build().ok()
}

/// Connects to a proxy in place of the target.
#[derive(Clone)]
pub(super) struct Through(pub(super) Arc<Proxy>);

impl Service<ConnectInfo<Uri>> for Through {
    type Response = Connection<Uri, TcpStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, ConnectError>>;

    always_ready!();

    fn call(&self, target: ConnectInfo<Uri>) -> Self::Future {
        let proxy = Arc::clone(&self.0);
        Box::pin(async move {
            let connected = connect(&proxy, target.request()).await;
            let stream = connected.map_err(ConnectError::Io)?;
            Ok(Connection::new(target.request().clone(), stream))
        })
    }
}

async fn connect(proxy: &Proxy, target: &Uri) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((proxy.host.as_str(), proxy.port)).await?;
    stream.set_nodelay(true)?;
    if target.scheme() == Some(&Scheme::HTTPS) {
        tunnel(&mut stream, proxy, target).await?;
    }
    Ok(stream)
}

async fn tunnel(stream: &mut TcpStream, proxy: &Proxy, target: &Uri) -> io::Result<()> {
    let host = target.host().unwrap_or_default();
    let port = target.port_u16().unwrap_or(443);
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n");
    if let Some(value) = authorization(proxy) {
        let value = value.to_str().unwrap_or_default();
        request.push_str(&format!("proxy-authorization: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    // Behind the tunnel nobody speaks before TLS does, so what comes is the proxy's answer and no more.
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MOST_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Err(io::Error::other("the proxy gave no answer to CONNECT"));
        }
    }
    let status = head.split(|byte| *byte == b' ').nth(1);
    let status = status.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u16>().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(status) => Err(io::Error::other(format!(
            "the proxy refused the tunnel with status {status}"
        ))),
        None => Err(io::Error::other("the proxy does not speak HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_the_whole_address_goes_to_the_proxy() {
        let proxy = Proxy::parse("http://u:p@proxy.example:3128").unwrap();
        let target = Uri::from_static("http://10.0.0.1:8000/v1/chat/completions");
        let uri = absolute_form(&target, &proxy).unwrap();
        assert_eq!(uri.authority().unwrap(), "proxy.example:3128");
        assert_eq!(
            uri.path_and_query().unwrap(),
            "http://10.0.0.1:8000/v1/chat/completions"
        );
        assert_eq!(authorization(&proxy).unwrap(), "Basic dTpw");
    }
}
