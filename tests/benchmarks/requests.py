"""Requests as API Gateway hands them to a handler, made beforehand as cheaply as can be."""

import base64
import json
from typing import Any
from uuid import uuid4

from tests.doors import context

__all__ = ["context", "get", "post"]


def post(path: str, body: object, key: str) -> dict[str, Any]:
    content = base64.b64encode(json.dumps(body).encode()).decode()
    return {**_request("POST", path, key), "body": content, "isBase64Encoded": True}


def get(path: str, key: str) -> dict[str, Any]:
    return _request("GET", path, key)


def _request(method: str, path: str, key: str) -> dict[str, Any]:
    raw_path, _, query = path.partition("?")
    return {
        "version": "2.0",
        "routeKey": "ANY /api/{proxy+}",
        "rawPath": raw_path,
        "rawQueryString": query,
        "cookies": [],
        "headers": {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "user-agent": "crm/1.0",
            "host": "api.example.com",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "crm/1.0",
            },
            "requestId": str(uuid4()),
            "routeKey": "ANY /api/{proxy+}",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
