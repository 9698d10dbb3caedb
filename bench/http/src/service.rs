//! What the services are called and told.

/// Which middleware a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None.
    Bare,
    /// One that knows the token of the load and nothing else.
    Floor,
    /// This suite's.
    Suite,
    /// `tower-oauth2-resource-server`.
    Rival,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Floor, Self::Suite, Self::Rival];

    /// Its name, on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Floor => "floor",
            Self::Suite => "suite",
            Self::Rival => "rival",
        }
    }

    /// The one with that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A service, as its process is told on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// Its middleware.
    pub(crate) kind: Kind,
    /// The URL of the issuer whose tokens it accepts.
    pub(crate) issuer: String,
    /// The audience that they are meant for.
    pub(crate) audience: String,
    /// The algorithm that they are signed with.
    pub(crate) algorithm: String,
    /// A token that it accepts.
    pub(crate) token: String,
}

/// The path that is asked for.
pub(crate) const PATH: &str = "/orders";
