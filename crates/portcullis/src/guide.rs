//! The guides, one task each. They are also in the repository, in `docs/guide/`.

#[doc = include_str!("../guide/api-keys.md")]
pub mod api_keys {}

#[doc = include_str!("../guide/calling.md")]
pub mod calling {}

#[doc = include_str!("../guide/errors.md")]
pub mod errors {}

#[doc = include_str!("../guide/hyper.md")]
pub mod hyper {}

#[doc = include_str!("../guide/importing-keys.md")]
pub mod importing_keys {}

#[doc = include_str!("../guide/issuers.md")]
pub mod issuers {}

#[doc = include_str!("../guide/leaked-keys.md")]
pub mod leaked_keys {}

#[doc = include_str!("../guide/limits.md")]
pub mod limits {}

#[doc = include_str!("../guide/migrating.md")]
pub mod migrating {}

#[doc = include_str!("../guide/operating.md")]
pub mod operating {}

#[doc = include_str!("../guide/protect-a-route.md")]
pub mod protect_a_route {}

#[doc = include_str!("../guide/rotating-peppers.md")]
pub mod rotating_peppers {}

#[doc = include_str!("../guide/scopes.md")]
pub mod scopes {}

#[doc = include_str!("../guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../guide/tonic.md")]
pub mod tonic {}
