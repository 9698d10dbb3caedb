//! Who is compared.

mod aliri;
mod by_hand;
mod checked;
mod huskarl;
mod suite;

use http::{Request, Response, header::AUTHORIZATION};
use tower::{BoxError, Layer, Service, util::MapRequest};

use crate::{
    Bare, Body, Options, Site,
    wired::{self, Wired},
};

/// One that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// A client without credentials.
    Bare,
    /// A header that is ready, put on every call: what nobody does without.
    Floor,
    /// The same, only where it may go and while it may be sent: what nobody should do without.
    Checked,
    /// The suite, as it comes.
    Suite,
    /// The suite, its service cloned for each call.
    Cloned,
    /// The suite, ready to send a request once more.
    Replaying,
    /// The suite, with tokens that are bound to a key.
    Dpop,
    /// The suite, with an API key.
    ApiKey,
    /// `oauth2`, its token kept by hand in the usual way.
    Mutex,
    /// `oauth2`, its token kept by hand with more care.
    RwLock,
    /// `aliri_tokens`, started beforehand.
    Aliri,
    /// `aliri_tokens`, started by the first call.
    AliriAtFirstCall,
    /// huskarl's client.
    Huskarl,
}

/// Why one is not there.
#[derive(Clone, Debug)]
pub struct Absent(pub String);

impl<E: Into<BoxError>> From<E> for Absent {
    fn from(error: E) -> Self {
        Self(explain(&*error.into()))
    }
}

/// An error with all its causes.
#[must_use]
pub fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// What is done with a contender that is ready.
pub trait Visit {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<S>(self, service: S) -> Self::Output
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send;
}

impl Contender {
    /// Those that are timed, and watched while they allocate.
    pub const TIMED: [Self; 12] = [
        Self::Bare,
        Self::Floor,
        Self::Checked,
        Self::Suite,
        Self::Cloned,
        Self::Replaying,
        Self::Dpop,
        Self::ApiKey,
        Self::Mutex,
        Self::RwLock,
        Self::Aliri,
        Self::Huskarl,
    ];

    /// Those whose behaviour is looked at.
    pub const WATCHED: [Self; 5] = [
        Self::Suite,
        Self::Mutex,
        Self::RwLock,
        Self::AliriAtFirstCall,
        Self::Huskarl,
    ];

    /// Whether it takes part. What the others are compared with always does.
    #[must_use]
    pub fn is_wanted(self, options: &Options) -> bool {
        matches!(self, Self::Bare | Self::Floor | Self::Checked | Self::Suite)
            || options.wants(self.name())
    }

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Floor => "the floor, one header",
            Self::Checked => "the floor, checked",
            Self::Suite => "portcullis",
            Self::Cloned => "portcullis, cloned",
            Self::Replaying => "portcullis, replay",
            Self::Dpop => "portcullis, DPoP",
            Self::ApiKey => "portcullis, API key",
            Self::Mutex => "oauth2 + Mutex",
            Self::RwLock => "oauth2 + RwLock",
            Self::Aliri | Self::AliriAtFirstCall => "aliri_tokens",
            Self::Huskarl => "huskarl",
        }
    }

    /// How it is set up, and what it is made of.
    #[must_use]
    pub const fn note(self) -> &'static str {
        match self {
            Self::Bare => "a tower service that answers at once",
            Self::Floor => {
                "tower's MapRequest, which puts a clone of one header on each call, wherever it goes and whether it \
                 has expired or not"
            }
            Self::Checked => {
                "the same by hand, to calls of one origin that name no other Host, before one point in time on the \
                 suite's clock. It knows of no second origin and no second token, and looks at no answer"
            }
            Self::Suite => "AddTokenLayer over a TokenSource by client credentials",
            Self::Cloned => {
                "the same, the service cloned for each call, as `oneshot` would have it"
            }
            Self::Replaying => "the same with Full::replay",
            Self::Dpop => {
                "the same as the first, its tokens bound to a P-256 key: a proof is signed for each call"
            }
            Self::ApiKey => "AddApiKeyLayer",
            Self::Mutex => {
                "5.0; a tokio Mutex around the token and when it expires, held while another is fetched, as much code \
                 of its users has it; the header is made for each call"
            }
            Self::RwLock => {
                "5.0; a tokio RwLock around the header, renewed in its last tenth (30 s at most) by the first that \
                 gets the lock; the type of the token is looked at"
            }
            Self::Aliri | Self::AliriAtFirstCall => {
                "0.3; a TokenWatcher of ClientCredentialsTokenSource, its token borrowed for each call. Tokens are \
                 renewed at 75 % of their life as by default, and not before 1 s, where its default is 30 s, as these \
                 live for seconds; no jitter. Where behaviour is looked at it starts with the first call, in a \
                 OnceCell: it does not start without a token"
            }
            Self::Huskarl => {
                "0.11; HttpAuthorizer over InMemoryTokenCache over GrantTokenSource. Its margin before expiry is a \
                 tenth of the life of tokens of seconds, as its 30 s are of five minutes. When to ask again, which \
                 its errors advise, is left to its user, and not heeded here"
            }
        }
    }

    /// Sets it up at a site, and hands it to `visit`.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn set_up<V: Visit>(
        self,
        site: &Site,
        inner: Bare,
        visit: V,
    ) -> Result<V::Output, Absent> {
        Ok(match self {
            Self::Bare => visit.visit(inner),
            Self::Floor => {
                let header = wired::header(&site.issuer.token().mint())?;
                visit.visit(MapRequest::new(inner, move |mut request: Request<Body>| {
                    let headers = request.headers_mut();
                    headers.insert(AUTHORIZATION, header.clone());
                    request
                }))
            }
            Self::Checked => {
                let header = wired::header(&site.issuer.token().mint())?;
                visit.visit(checked::Checked::new(header, inner))
            }
            Self::Suite => visit.visit(suite::tokens(site)?.layer(inner)),
            Self::Cloned => visit.visit(wired::Cloned(suite::tokens(site)?.layer(inner))),
            Self::Replaying => {
                let layer = suite::tokens(site)?.replay(suite::replay());
                visit.visit(layer.layer(inner))
            }
            Self::Dpop => visit.visit(suite::bound(site)?.layer(inner)),
            Self::ApiKey => visit.visit(suite::api_key()?.layer(inner)),
            Self::Mutex => visit.visit(Wired::new(by_hand::UnderMutex::new(site)?, inner)),
            Self::RwLock => visit.visit(Wired::new(by_hand::UnderRwLock::new(site)?, inner)),
            Self::Aliri => visit.visit(aliri::Watching::start(site, inner).await?),
            Self::AliriAtFirstCall => {
                visit.visit(Wired::new(aliri::AtFirstCall::new(site)?, inner))
            }
            Self::Huskarl => visit.visit(Wired::new(huskarl::Huskarl::new(site)?, inner)),
        })
    }
}
