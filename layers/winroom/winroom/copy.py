"""Every sentence that people read, in one place. English, helpful, no jargon of ours."""

SLUG_TAKEN = "The slug {slug} is taken: choose another."

NOT_JSON = "The body is not valid JSON: {reason}"
NOT_AN_OBJECT = "The body must be a JSON object."

# What is wrong with a field, by the validator's name for it.
PROBLEM_OTHERWISE = "{field} is invalid"
_NUMBER = "{field} must be a number, such as 1800.50"
_TIMESTAMP = "{field} must be a valid ISO 8601 timestamp with an offset, such as 2026-01-31T15:30:00Z"
_UUID = "{field} must be a UUID"
_INTEGER = "{field} must be a whole number"
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
    "email": "{field} must be an email address, such as ada@example.com",
    "slug": "{field} must be lower-case letters, digits and hyphens, 63 at most, such as acme-sons",
    "slug_like_id": "{field} must not look like an id: choose a name, such as acme-sons",
    "password_length": "{field} must be 12 to 128 characters long",
    "password_common": "{field} is one of the first that anybody would try: choose another",
    "bool_type": "{field} must be true or false",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "dict_type": "{field} must be a JSON object",
    "status_code": "{field} must be a status such as 403, or a class of them such as 4xx",
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "bool_parsing": "{field} must be true or false",
    "list_type": "{field} must be a list",
    "too_short": "{field} must not be empty",
    "too_long": "{field} must hold at most {max_length} items",
}

TOO_LARGE = "The body is larger than {limit} KB: send less at once."
WRONG_MEDIA_TYPE = "Send the body as {media_type} without a Content-Encoding."
NOT_UTF_8 = "The body is not UTF-8 text: see byte {position}."
FILE_NOT_UTF_8 = "{field} must be text in UTF-8: in Excel, save it as CSV UTF-8"
FORM_UNREADABLE = "The form could not be read: please fill it in again."
NOT_THROUGH_THE_EDGE = "This address is not for direct use: call Win Room by its public name."
OTHER_ORIGIN = "A session's cookie changes things only from our own pages: send the token as a Bearer header."
PEOPLE_ONLY = "This needs a person's session: keys and displays have none."
UNKNOWN_VERSION = "X-API-Version must be 1, or left out."

EVENT_RECEIVED = "Event received and queued for processing"
EVENT_KEPT = "Event received and kept; it is processed as soon as our database is back"
EVENT_KNOWN = "This event was received before; nothing was changed"
EVENT_CONFLICT = (
    "The sale_id or external_event_id already belongs to event {event_id} with other content. "
    "This body was kept for an admin to accept as a correction or to discard."
)

MANUAL_WITHOUT_ID = (
    "external_event_id is required where there is no sale_id: make one for each form, so that a double click "
    "is one sale"
)
MANUAL_WITHOUT_SELLER = "seller_external_id is required: you act for no seller of your own"
MANUAL_FOR_ANOTHER = "A seller enters sales for itself only: leave seller_external_id out."

IMPORT_EMPTY = "The file is empty: its first row must name the columns, and each row after it is a sale."
IMPORT_NO_ROWS = "The file has no rows besides its header: each row after the first is a sale."
IMPORT_NO_HEADER = (
    "None of the columns is known: the first row must name them, such as sale_id, occurred_at, customer_name "
    "and sell_price. Or say which one is which with mapping=their_column:our_field."
)
IMPORT_TOO_MANY_ROWS = "The file has more than {most} rows: split it, and import the parts one by one."
IMPORT_TOO_MANY_COLUMNS = "The file has more than {most} columns: is the first row really its header?"
IMPORT_SAME_COLUMNS = "The column {column} is there twice: give the columns different names."
IMPORT_BROKEN = (
    "The file cannot be read at row {row} ({reason}): a quoted cell must end with a quote, and quotes within "
    "it must be doubled."
)
IMPORT_NO_COLUMN = (
    "{field} is required: no column has this name. Say which one it is with mapping=their_column:{field}"
)
IMPORT_NO_SELLER = (
    "seller_external_id is required: no column has this name. Say which one it is with "
    "mapping=their_column:seller_external_id, or name the seller of all rows with default_seller"
)
IMPORT_BAD_MAPPING = (
    "mapping must be their_column:our_field pairs with commas in between, or a JSON object of them"
)
IMPORT_UNKNOWN_FIELD = "mapping leads to {field}, which must be one of: {fields}"
IMPORT_UNKNOWN_COLUMN = "mapping names the column {column}, which the file does not have"
IMPORT_MAPPED_TWICE = "mapping leads to {field} twice"
IMPORT_ROW_TOO_LONG = (
    "The row has {cells} cells, the header only {columns}: put quotes around a cell that holds a delimiter"
)
IMPORT_LETTER_LOST = (
    "A letter of this row could not be read: save the file as UTF-8 (CSV UTF-8 in Excel), and import it again"
)
IMPORT_ROW_REFUSED = "The database refused this row: {reason}"
IMPORT_FAILED = (
    "The import stood still for an hour and was given up. Import the same file again: what was recorded "
    "is not recorded twice."
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
KEY_SHUT_OUT = "It arrived while the database was away, with a key that was revoked or paused before"

PRODUCT_NAME_TAKEN = "A product of this name exists already, perhaps a deactivated one."
SKU_TAKEN = "A product with this SKU exists already, perhaps a deactivated one."
SELLER_TAKEN = "A seller with the id {seller_id} exists already: change that one instead."
TOO_MANY_KEYS = "Your company has {at_most} keys that work: revoke one that nobody needs first."
KEY_NOT_LIVE = "This key is {state}: only a live key can be rotated. Create a new one instead."
TOO_MANY_DISPLAYS = "Your company has {at_most} displays that work: revoke one that hangs nowhere first."
NO_SUCH_SELLER = "{field} must be a seller of your company"
EMAIL_TAKEN = "Somebody of your company has this email already, perhaps somebody disabled."
LAST_ADMIN = "Nobody else could look after your company then: make somebody else an admin first."
UNKNOWN_TIME_ZONE = "{field} must be the name of a time zone, such as Europe/Istanbul"
BEYOND_PLAN = "{field} must be at most {most}: your plan grants no more"

WRONG_LOGIN = "The company, the email or the password is wrong."
WRONG_PASSWORD = "{field} is not your password"  # noqa: S105 (a sentence)
PASSWORD_IS_EMAIL = "{field} must not be the email"  # noqa: S105 (a sentence)
LOGIN_FROM_ELSEWHERE = "A page of another site may not log you in: open our own."
SIGN_UP_PAUSED = "Signing up is switched off for now: nothing was made. Please try again later."
INGESTION_PAUSED = (
    "New sales are paused for everybody for now, and this was not recorded. Keep it, and send the same again "
    "later: nothing is lost or counted twice."
)
COMPANY_PAUSED = (
    "Your company is paused for now. Nothing of it is lost, and it goes on where it stood; whoever runs "
    "Win Room can tell why. What is sent meanwhile is not recorded: keep it, and send the same again later."
)
KEY_PAUSED = (
    "This API key is paused for now: nothing was done. Keep what you send, and send the same again later; "
    "whoever runs Win Room can tell why."
)
FIRST_EVENT = (
    "Send your first sale: POST /api/events with the header Authorization: Bearer {api_key} "
    'and the body {{"sale_id": "S-1", "occurred_at": "{now}", "customer_name": "Ada Lovelace", '
    '"sell_price": 1250.00, "seller_external_id": "grace"}}. '
    "Keep the key: it is not shown again. To log in, POST /api/session."
)

SETTLED_BEFORE = "This failed event was already {resolution} at {at} by {by}: nothing was changed."
LOST_SALE = "All that is known of this event is that there was one: fill in the whole sale first."
ID_IS_KEPT = (
    "{field} cannot be changed: by it, whoever sent the event would send it again. "
    "Discard this one and send another sale instead"
)
SALE_ID_TAKEN = "Its sale_id belongs to event {event_id}: change it, or discard this one."
EXTERNAL_ID_TAKEN = "Its external_event_id belongs to event {event_id}: remove or change it, then replay."
EVENT_MISSING = (
    "Its event is missing: whoever runs Win Room can restore it from a backup. Else discard this one."
)
SALE_MISSING = (
    "The sale that it contradicts is missing: whoever runs Win Room can restore it from a backup. Accept "
    "this one then, or discard it."
)
EVENT_RECORDED = "The event was recorded in the meantime: discard this one."
PRODUCT_STILL_UNKNOWN = "The product {product} is unknown: create it or change the event, then replay it."
NEEDS_A_DECISION = "It contradicts another sale: replay it alone to accept it as a correction, or discard it."
NO_SUCH_FAILED_EVENT = "There is no such failed event."
IDS_OR_FILTER = "ids stand for themselves: leave out reason, since and cursor"

UNKNOWN_SELLER = "{field} must be an active seller of your company"
ITEM_EXCLUDED = "This item is excluded from the queue: restore it first."
CLAIMED_BY_ANOTHER = "This item was already claimed by {seller} as {kind}."
WHOSE_CLAIM = "seller_id is required: say who made this sale, for you have no seller of your own"
NO_SELLER_OF_ONES_OWN = "You have no seller of your own to claim for: ask an admin to link you to one."
OWN_CLAIMS_ONLY = "You may claim for {seller_id} only: ask a manager to claim for others."
OWN_RELEASES_ONLY = "This item was claimed by {seller_id}: ask them or a manager to release it."
NOT_CLAIMED = "This item is not claimed: there is nothing to release."
RELEASE_FIRST = "This item was claimed by {seller_id}: release it first."
EXCLUDED_BEFORE = "This item is excluded already."
NOT_EXCLUDED = "This item is not excluded: there is nothing to restore."
CLAIM_DECIDED = "This claim is {state}: only a pending one can be approved or rejected."
MARGIN_HIDDEN = (
    "Margins are for managers, and for everybody who logs in where your company shares them: "
    "ask for metric=revenue or metric=wins instead."
)

SUMMARY_SUBJECT = "Win Room on {day}: {processed} sales, {errors} errors"
SUMMARY = """\
Win Room on {day} (UTC), {companies} companies

Sales received    {received}
  processed       {processed}
  failed          {failed}
Requests          {requests}
  refused (4xx)   {refused}
  errors (5xx)    {errors}
"""
