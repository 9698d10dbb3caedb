//! End-to-end tests: whole flows, over real sockets.

mod attacks;
mod browser;
mod clients;
mod command_line;
mod demonstration;
mod django_oauth_toolkit;
mod fleet;
mod glewlwyd;
mod lemonldap_ng;
mod oidc_provider;
mod outages;
mod promises;
mod serving;
mod stacks;
