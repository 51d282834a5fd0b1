//! Who asks, and what they may see: a handler that takes an [`Admin`] cannot be called by a member.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::domain::{Account, AccountId, ApiKey, Code, Error, Role, Session, client_address};
use crate::state::{Actor, State};

use super::refusal::Refusal;
use super::session::token_of;

/// Somebody who is logged in.
pub(super) struct Viewer {
    pub(super) account: Arc<Account>,
    pub(super) session: Session,
    pub(super) client_ip: IpAddr,
}

impl Viewer {
    /// Who is written in the audit log.
    pub(super) fn actor(&self) -> Actor {
        Actor {
            account_id: Some(self.account.id),
            username: self.account.username.to_string(),
            client_ip: Some(self.client_ip),
        }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.account.role == Role::Admin
    }

    /// The account whose records a list may show: one's own, or for an admin the one asked for, or all.
    pub(super) fn scope(&self, asked: Option<AccountId>) -> Option<AccountId> {
        if self.is_admin() {
            asked
        } else {
            Some(self.account.id)
        }
    }

    /// Whether this key is theirs to see.
    pub(super) fn may_see(&self, key: &ApiKey) -> bool {
        self.is_admin() || key.account_id == self.account.id
    }
}

impl FromRequest for Viewer {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = token_of(request).and_then(|token| state(request)?.sessions.find(&token));
        ready(match found {
            Some((session, account)) => Ok(Self {
                account,
                session,
                client_ip: client_ip(request),
            }),
            None => Err(Error::new(
                Code::NotAuthenticated,
                "Log in first: POST /api/session, or open /console/login.",
            )
            .into()),
        })
    }
}

/// Somebody who is logged in as an admin.
pub(super) struct Admin(pub(super) Viewer);

impl FromRequest for Admin {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(
            Viewer::from_request(request, payload)
                .into_inner()
                .and_then(|viewer| {
                    if viewer.is_admin() {
                        Ok(Self(viewer))
                    } else {
                        Err(
                            Error::new(Code::Forbidden, "Only an admin may do this. Ask one.")
                                .into(),
                        )
                    }
                }),
        )
    }
}

fn state(request: &HttpRequest) -> Option<&web::Data<State>> {
    request.app_data::<web::Data<State>>()
}

/// Where the request comes from; proxies are believed only where the configuration says so.
pub(super) fn client_ip(request: &HttpRequest) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    // A line that is no text is no address either.
    let forwarded = request
        .headers()
        .get_all("x-forwarded-for")
        .map(|value| value.to_str().unwrap_or(""));
    state(request).map_or(peer, |state| {
        client_address(peer, forwarded, &state.settings.trusted_proxies)
    })
}

/// Whether the browser speaks HTTPS, to a proxy that may say so.
pub(super) fn is_https(request: &HttpRequest) -> bool {
    let Some((peer, state)) = request.peer_addr().zip(state(request)) else {
        return false;
    };
    let peer = peer.ip().to_canonical();
    let trusted = state
        .settings
        .trusted_proxies
        .iter()
        .any(|net| net.contains(&peer));
    trusted
        && request
            .headers()
            .get("x-forwarded-proto")
            .is_some_and(|scheme| scheme == "https")
}
