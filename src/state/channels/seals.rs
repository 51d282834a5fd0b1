//! What is sealed in a channel's record, and for which place: moved to another channel or field, it does not open.

use crate::domain::{Channel, ChannelId, Sealed};

/// Of each of the provider's credentials.
pub(super) fn credential_place(id: ChannelId) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// Of a header's value.
pub(super) fn header_place(id: ChannelId, name: &str) -> Vec<u8> {
    [id.as_bytes().as_slice(), b"/header/", name.as_bytes()].concat()
}

/// Of the proxy's address.
pub(super) fn proxy_place(id: ChannelId) -> Vec<u8> {
    [id.as_bytes().as_slice(), b"/proxy"].concat()
}

/// All that is sealed in a channel, with its places: what a change of the master key seals anew.
pub(in crate::state) fn of_channel(channel: &mut Channel) -> Vec<(Vec<u8>, &mut Sealed)> {
    let id = channel.id;
    let credentials = channel.credentials.iter_mut();
    let headers = channel.calling.headers.iter_mut();
    let proxy = channel.calling.proxy.iter_mut();
    credentials
        .map(|sealed| (credential_place(id), sealed))
        .chain(headers.map(|(name, sealed)| (header_place(id, name), sealed)))
        .chain(proxy.map(|sealed| (proxy_place(id), sealed)))
        .collect()
}
