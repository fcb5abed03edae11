"""Notices: what the operator is told by mail or chat, through SNS."""

from urllib.parse import urlencode

from winroom import aws, copy
from winroom.db import Row
from winroom.settings import settings


def publish_summary(summary: Row) -> None:
    """Tells the operator of a day (gauges.of_yesterday), where somebody wants to know. Raises aws.Refused."""
    if (topic := settings().info_topic_arn) is None:
        return
    notice = {
        "Action": "Publish",
        "Version": "2010-03-31",
        "TopicArn": topic,
        "Subject": copy.SUMMARY_SUBJECT.format_map(summary),
        "Message": copy.SUMMARY.format_map(summary),
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    endpoint = aws.Endpoint(settings().notices_url, "sns")
    try:
        endpoint.send("POST", "/", urlencode(notice).encode(), headers)
    finally:
        endpoint.close()
