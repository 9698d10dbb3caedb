//! huskarl's client.

use std::time::Duration;

use http::{Request, Response, Uri};
use huskarl::{
    authorizer::HttpAuthorizer,
    cache::{GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache},
    core::{
        Error,
        client_auth::ClientSecret,
        platform::MaybeSendBoxFuture,
        secrets::{Secret, SecretOutput, SecretString},
    },
    grant::client_credentials::{ClientCredentialsGrant, ClientCredentialsGrantParameters},
};
use huskarl_reqwest::ReqwestClient;
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET};
use tower::BoxError;

use super::Absent;
use crate::{Body, Site, wired::Authorize};

/// What its cache withholds of a token by default.
const MARGIN: Duration = Duration::from_secs(30);

pub(super) struct Huskarl(HttpAuthorizer);

impl Huskarl {
    pub(super) fn new(site: &Site) -> Result<Self, Absent> {
        // Its own builder's future is not `Send`; this is how its example does it.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(site.timeout)
            .build()?;
        let grant = ClientCredentialsGrant::builder()
            .client_id(DEFAULT_CLIENT_ID)
            .client_auth(ClientSecret::new(Fixed))
            .token_endpoint(site.issuer.token_endpoint().parse()?)
            .http_client(ReqwestClient::from(http))
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        let cache = InMemoryTokenCache::builder()
            .source(source)
            .expires_margin(MARGIN.min(site.lifetime / 10))
            .build();
        Ok(Self(HttpAuthorizer::builder().cache(cache).build()))
    }
}

impl Authorize for Huskarl {
    type Kept = Uri;

    async fn authorize(&self, request: &mut Request<Body>) -> Result<Uri, BoxError> {
        let headers = self.0.get_headers(request.method(), request.uri()).await?;
        request.headers_mut().extend(headers);
        Ok(request.uri().clone())
    }

    fn answered(&self, uri: &Uri, response: &Response<Body>) {
        self.0.process_response(uri, response.headers());
    }
}

/// The secret, which it has none of its own to hold in memory.
struct Fixed;

impl Secret for Fixed {
    type Output = SecretString;

    fn get_secret_value(
        &self,
    ) -> MaybeSendBoxFuture<'_, Result<SecretOutput<SecretString>, Error>> {
        Box::pin(async {
            Ok(SecretOutput {
                value: SecretString::new(DEFAULT_CLIENT_SECRET),
                identity: None,
            })
        })
    }
}
