//! The ground of the house: pure types and rules. No I/O, no async, no clock of its own, no web server, no database.
//!
//! Everything above speaks these words (DESIGN §2): [`ApiKey`], [`Account`], [`Channel`], [`Model`], [`Quota`], [`Call`],
//! [`Usage`], [`Money`].

mod acceptance;
mod account;
mod address;
mod audit;
mod bisect;
mod call;
mod calling;
mod channel;
mod cloud;
mod cloud_credential;
mod correction;
mod dialect;
mod endpoint;
mod error;
mod health;
mod hint;
mod id;
mod key;
mod model;
mod money;
mod pace;
mod permissions;
mod policy;
mod price;
mod quota;
mod rate;
mod session;
mod strategy;
mod tally;
mod time;
mod usage;
mod webhook;

pub use acceptance::{Acceptance, Barred, LONGEST_WAIT};
pub use account::{Account, AccountStatus, Role, Username};
pub use address::{address_block, client_address};
pub use audit::{AuditEntry, Change};
pub use bisect::highest;
pub use call::{Attempt, AttemptStatus, Call, CallStatus, Opened, Outcome};
pub use calling::{
    Calling, ChannelTimeouts, MOST_HEADERS, Proxy, check_overrides, masked, may_set_header,
};
pub use channel::{
    Channel, ChannelKind, ChannelSource, ChannelStatus, CostSource, Multiplier, Sealed,
};
pub use cloud::CloudModel;
pub use cloud_credential::{
    AccessKey, AwsCredential, GoogleCredential, ServiceAccount, aws_region,
};
pub use correction::{Booking, Correction, Corrections};
pub use dialect::Dialect;
pub use endpoint::Endpoint;
pub use error::{Code, Error, Result};
pub use health::{
    Admits, Claim, Complaint, Condition, DownReason, Failed, Health, HealthState, Out, Part, Place,
    Turned,
};
pub use hint::KeyHint;
pub use id::{AccountId, AuditId, BudgetId, CallId, ChannelId, DeliveryId, KeyId, WebhookId};
pub use key::{ApiKey, Digest, KeyStatus, MalformedSecret, Masked, Secret, without_keys};
pub use model::{Model, ModelName, PriceSource};
pub use money::{Money, MoneyError};
pub use pace::Took;
pub use permissions::{PatternError, Permissions};
pub use policy::KeyPolicy;
pub use price::{LongContext, MediaPrice, Most, PiecePrice, Price};
pub use quota::{Caps, Consumption, Exceeded, Headroom, Quota, RateLimit, Unit, Window, Windows};
pub use rate::{Pace, Rps, RpsError};
pub use session::{Session, SetupToken};
pub use strategy::{Merits, ModelRouting, RoutingPolicy, Strategy, order_candidates};
pub use tally::{Grain, Period, Scope, ScopeKind, Taken, Tally, TotalKey};
pub use time::{Day, Hour, Month, TimeZone, Timestamp};
pub use usage::{Drawn, Geography, Media, Pieces, Quality, ServiceTier, Speed, Usage, UsagePart};
pub use webhook::{Alert, Delivery, DeliveryAttempt, DeliveryState, Event, Webhook, WebhookStatus};
