"""Every sentence that people read, in one place. English, helpful, no jargon of ours."""

SLUG_TAKEN = "The slug {slug} is taken: choose another."

NOT_JSON = "The body is not valid JSON: {reason}"
NOT_AN_OBJECT = "The body must be a JSON object."

# What is wrong with a field, by the validator's name for it.
PROBLEM_OTHERWISE = "{field} is invalid"
_NUMBER = "{field} must be a number, such as 1800.50"
_TIMESTAMP = "{field} must be a valid ISO 8601 timestamp with an offset, such as 2026-01-31T15:30:00Z"
_UUID = "{field} must be a UUID"
PROBLEMS = {
    "missing": "{field} is required",
    "string_type": "{field} must be a string",
    "string_too_short": "{field} must not be empty",
    "string_too_long": "{field} must be at most {max_length} characters long",
    "nul": "{field} must not contain the NUL character",
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "less_than_equal": "{field} must be at most {le}",
    "decimal_max_places": "{field} must have at most 2 decimal places",
    "greater_than": "{field} must be greater than {gt}",
    "greater_than_equal": "{field} must be at least {ge}",
    "too_much": "{field} must be at most {most}",
    "literal_error": "{field} must be one of: {expected}",
    "timestamp": _TIMESTAMP,
    "datetime_type": _TIMESTAMP,
    "datetime_parsing": _TIMESTAMP,
    "datetime_from_date_parsing": _TIMESTAMP,
    "datetime_object_invalid": _TIMESTAMP,
    "timezone_aware": _TIMESTAMP,
    "future": "{field} must not be more than 5 minutes in the future",
    "out_of_range": "{field} is too far in the past",
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "list_type": "{field} must be a list",
    "too_short": "{field} must not be empty",
    "too_long": "{field} must hold at most {max_length} items",
}

TOO_LARGE = "The body is larger than {limit} KB: send less at once."
WRONG_MEDIA_TYPE = "Send the body as {media_type} without a Content-Encoding."
NOT_UTF_8 = "The body is not UTF-8 text: see byte {position}."
OTHER_ORIGIN = "A session's cookie changes things only from our own pages: send the token as a Bearer header."
PEOPLE_ONLY = "This needs a person's session: keys and displays have none."
UNKNOWN_VERSION = "X-API-Version must be 1, or left out."

EVENT_RECEIVED = "Event received and queued for processing"
EVENT_KNOWN = "This event was received before; nothing was changed"
EVENT_CONFLICT = (
    "The sale_id or external_event_id already belongs to event {event_id} with other content. "
    "This body was kept for an admin to accept as a correction or to discard."
)

# Answers to a websocket's frames.
FRAME_MALFORMED = 'A frame must be a JSON object, such as {"action": "ping"}.'
FRAME_ACTION = "The action must be one of: ping, resume."
FRAME_AFTER = "after must be the number of the last message you have seen, or null."

# Filled in by PostgreSQL's format(), hence %s.
SUSPECTED_DUPLICATE = "Suspected duplicate of %s"
UNKNOWN_PRODUCT = "The product %s is unknown: create it or correct the event, then replay it"
KEY_CONFLICT = "Its sale_id or external_event_id belongs to event %s with other content"
LOST_EVENT = "A message arrived for an event that is not recorded"

PRODUCT_NAME_TAKEN = "A product of this name exists already."
SKU_TAKEN = "A product with this SKU exists already."
UNKNOWN_SELLER = "{field} must be an active seller of your company"
ITEM_EXCLUDED = "This item is excluded from the queue: restore it first."
CLAIMED_BY_ANOTHER = "This item was already claimed by {seller_id}."
