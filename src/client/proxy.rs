//! The way through a channel's proxy: a tunnel to what speaks TLS (CONNECT, RFC 9110 section 9.3.6), and a request in
//! absolute form for the rest (RFC 9112 section 3.2.2).

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// Has the proxy connect to a target.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    proxy: &Proxy,
    authority: &str,
) -> io::Result<()> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n");
    if let Some(value) = authorization(proxy) {
        let value = value.to_str().unwrap_or_default();
        request.push_str(&format!("proxy-authorization: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut head, mut skipped) = (Vec::with_capacity(256), 0);
    loop {
        let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n").map(|at| at + 4) else {
            if head.len() >= MOST_HEAD || stream.read_buf(&mut head).await? == 0 {
                return Err(io::Error::other("the proxy gave no answer to CONNECT"));
            }
            continue;
        };
        let first = head.get(..end).unwrap_or_default();
        let status = first.split(|byte| *byte == b' ').nth(1);
        let status = status.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u16>().ok());
        match status {
            // Interim. The bound of the whole holds for them, too.
            Some(100 | 102..=199) if end < MOST_HEAD => {
                skipped += end;
                head.drain(..end);
                if skipped >= MOST_HEAD {
                    return Err(io::Error::other("the proxy gave no answer to CONNECT"));
                }
            }
            // Behind the tunnel nobody speaks before TLS does.
            Some(200..=299) if head.len() > end => {
                return Err(io::Error::other("the proxy sent more than its answer"));
            }
            Some(200..=299) => return Ok(()),
            Some(status) => {
                return Err(io::Error::other(format!(
                    "the proxy refused the tunnel with status {status}"
                )));
            }
            None => return Err(io::Error::other("the proxy does not speak HTTP")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_told_to_the_proxy() {
        let proxy = Proxy::parse("http://u:p@proxy.example:3128").unwrap();
        assert_eq!(authorization(&proxy).unwrap(), "Basic dTpw");
        let proxy = Proxy::parse("http://proxy.example:3128").unwrap();
        assert_eq!(authorization(&proxy), None);
    }
}
