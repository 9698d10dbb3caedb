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
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, TestIssuer};
use tower::BoxError;

use crate::{Body, ORIGIN, authorize::Authorize};

pub(crate) struct Huskarl(HttpAuthorizer);

impl Huskarl {
    pub(crate) fn new(issuer: &TestIssuer) -> Result<Self, BoxError> {
        // The future of its own builder is not `Send`; its example does it like this.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let grant = ClientCredentialsGrant::builder()
            .client_id(DEFAULT_CLIENT_ID)
            .client_auth(ClientSecret::new(Fixed))
            .token_endpoint(issuer.token_endpoint().parse()?)
            .http_client(ReqwestClient::from(http))
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        let cache = InMemoryTokenCache::builder()
            .source(source)
            .expires_margin(Duration::from_secs(30))
            .build();
        Ok(Self(HttpAuthorizer::builder().cache(cache).build()))
    }
}

impl Authorize for Huskarl {
    async fn authorize(&self, request: &mut Request<Body>) -> Result<(), BoxError> {
        let headers = self.0.get_headers(request.method(), request.uri()).await?;
        request.headers_mut().extend(headers);
        Ok(())
    }

    fn answered(&self, response: &Response<Body>) {
        self.0
            .process_response(&Uri::from_static(ORIGIN), response.headers());
    }
}

/// The client secret: huskarl has no type for one in memory.
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
