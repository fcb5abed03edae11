"""Secrets, read when they are needed: what stands in a function's configuration, many may read."""

import json

from winroom import aws
from winroom.settings import settings


def read(secret_id: str) -> str:
    """A secret's text by its ARN. Raises aws.Refused."""
    endpoint = aws.Endpoint(settings().secrets_url, "secretsmanager")
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
    }
    try:
        answer = endpoint.send("POST", "/", json.dumps({"SecretId": secret_id}).encode(), headers)
    finally:
        endpoint.close()
    return str(json.loads(answer)["SecretString"])
