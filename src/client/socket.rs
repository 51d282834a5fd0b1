//! The bytes of a connection: plain or TLS, always without Nagle's delay, and counted.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Where the bytes go.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

struct Inner {
    stream: Stream,
    /// How many bytes have come.
    came: u64,
    /// What was read too far, to be read again.
    ahead: Bytes,
}

/// A connection's bytes. Shared between hyper, which reads and writes them, and the pool, which looks whether something came
/// that nobody asked for.
#[derive(Clone)]
pub struct Transport(Rc<RefCell<Inner>>);

impl Transport {
    pub(super) fn new(stream: Stream) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            stream,
            came: 0,
            ahead: Bytes::new(),
        })))
    }

    /// How many bytes have come, in all.
    pub(super) fn came(&self) -> u64 {
        self.0.borrow().came
    }

    /// Puts back what was read too far.
    pub(super) fn put_back(&self, ahead: Bytes) {
        self.0.borrow_mut().ahead = ahead;
    }

    /// Whether nothing waits to be read, neither bytes nor an end. It asks the kernel: what tokio knows of a socket is as old as
    /// the last turn of its reactor.
    pub(super) fn is_quiet(&self) -> bool {
        let inner = self.0.borrow();
        let tcp = match &inner.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        };
        let peeked = SockRef::from(tcp).peek(&mut [MaybeUninit::uninit(); 1]);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.borrow_mut();
        if !inner.ahead.is_empty() {
            let length = inner.ahead.len().min(buffer.remaining());
            buffer.put_slice(&inner.ahead.split_to(length));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut inner.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Stream::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        };
        let came = buffer.filled().len().saturating_sub(before);
        inner.came = inner
            .came
            .saturating_add(u64::try_from(came).unwrap_or(u64::MAX));
        read
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0.borrow_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0.borrow_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, pieces),
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0.borrow_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0.borrow_mut().stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}
