"""Calls to the API in tests: a client that carries a token and, where asked, the version it read."""

from datetime import timedelta

from rest_framework.test import APIClient

from access.models import User
from access.tokens import create_token

ALL_SCOPES = ("read", "draft", "request")


class Caller:
    """One token's client: `get`, `post`, `put`, `patch`, `delete`; `version=` becomes If-Match."""

    def __init__(self, user: User, *scopes: str, partners: list[str] | None = None) -> None:
        self.token = create_token(user, scopes=list(scopes or ALL_SCOPES), partners=partners, lifetime=timedelta(hours=1))
        self.client = APIClient(raise_request_exception=False)
        self.client.credentials(HTTP_AUTHORIZATION=f"Token {self.token}")

    def call(self, method: str, path: str, body=None, *, version: int | str | None = None, **headers):
        if version is not None:
            headers["HTTP_IF_MATCH"] = f'"{version}"'
        return getattr(self.client, method)(f"/api/v1/{path}", body, **headers)

    def get(self, path: str, **parameters):
        return self.client.get(f"/api/v1/{path}", parameters)

    def post(self, path: str, body=None, **options):
        return self.call("post", path, {} if body is None else body, **options)

    def put(self, path: str, body, **options):
        return self.call("put", path, body, **options)

    def patch(self, path: str, body, **options):
        return self.call("patch", path, body, **options)

    def delete(self, path: str, **options):
        return self.call("delete", path, **options)


def codes(response) -> list[str]:
    return [error["code"] for error in response.json()["errors"]]


def pointers(response) -> list[str]:
    return [error["pointer"] for error in response.json()["errors"]]
