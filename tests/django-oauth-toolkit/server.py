"""A Django project in one file, with django-oauth-toolkit as an authorization server for machines.

Run by the test that needs it: `python server.py FOLDER`. It keeps its database in that folder, listens on a free loopback
port, prints its issuer as one line of JSON, and ends when its standard input does.
"""

import json
import os
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from jwcrypto import jwk


def end_with_parent():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()

signing_key = jwk.JWK.generate(kty="RSA", size=2048).export_to_pem(private_key=True, password=None)
settings.configure(
    SECRET_KEY="of no value outside this test",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(sys.argv[1]) / "database"}},
    MIGRATION_MODULES=dict.fromkeys(["auth", "contenttypes", "oauth2_provider"]),  # tables at once, without their history
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # fast, as tests need it
    USE_TZ=True,
    ACCESS_TOKEN_AUDIENCE="https://orders.example.com",
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_GENERATOR": "access_token.generate",
        "REFRESH_TOKEN_GENERATOR": "oauthlib.oauth2.rfc6749.tokens.random_token_generator",
        "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": signing_key.decode(),
        "SCOPES": {"orders:read": "Read orders", "reports:read": "Read reports"},
    },
)
django.setup()

from oauth2_provider import urls  # noqa: E402: needs the settings
from oauth2_provider.models import Application  # noqa: E402

# RFC 8414 wants its document at the root of the host, whatever the path of the issuer.
urlpatterns = [
    path("o/", include("oauth2_provider.urls")),
    path("", include((urls.metadata_urlpatterns, "metadata"))),
]

call_command("migrate", run_syncdb=True, verbosity=0)
Application.objects.create(
    client_id="billing",
    client_secret="a-secret.of_no~value-outside-this-test",
    client_type=Application.CLIENT_CONFIDENTIAL,
    authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    algorithm=Application.RS256_ALGORITHM,
)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]  # without asking for its name


server = make_server("127.0.0.1", 0, get_wsgi_application(), Server, Handler)
print(json.dumps({"issuer": f"http://127.0.0.1:{server.server_port}/o"}), flush=True)
server.serve_forever()
