"""Access tokens as RFC 9068 has them. By itself django-oauth-toolkit issues random strings."""

import time
import uuid

from django.conf import settings
from jwcrypto import jwt
from oauth2_provider.settings import oauth2_settings


def generate(request):
    client = request.client
    is_machine = request.grant_type == "client_credentials"
    issued_at = int(time.time())
    key = client.jwk_key
    token = jwt.JWT(
        header={"typ": "at+jwt", "alg": "RS256", "kid": key.thumbprint()},
        claims={
            "iss": oauth2_settings.oidc_issuer(request),
            "aud": settings.ACCESS_TOKEN_AUDIENCE,
            "sub": client.client_id if is_machine else f"user:{request.user.pk}",
            "client_id": client.client_id,
            "scope": " ".join(request.scopes),
            "iat": issued_at,
            "exp": issued_at + request.expires_in,
            "jti": str(uuid.uuid4()),
        },
    )
    token.make_signed_token(key)
    return token.serialize()
