"""Every word of the pages, page by page. What is refused is told in the words of winroom/copy.py."""

PRODUCT = "Win Room"
TAGLINE = "Every win, seen at once."
UNKNOWN = "unknown"
NOBODY = "nobody"
NONE = "none"
SKIP = "Skip to the content"
MENU = "Menu"
NEXT_PAGE = "Older"
SAVE = "Save"
CANCEL = "Cancel"
SEARCH = "Search"
FILTER = "Filter"
ALL = "All"
YES = "Yes"
NO = "No"
OPTIONAL = "optional"
CLOSE = "Close"
MORE = "More"
FIX_FIELDS = "Please correct what is marked below."

# Told after a form has done its work; the address names one of them.
NOTICES = {
    "log_in": "Please log in to see this page.",
    "logged_out": "You are logged out everywhere.",
    "claimed": "Claimed. It counts on the board.",
    "claim_waits": "Claimed. It counts once a manager has approved it.",
    "released": "Released: it is back in the queue.",
    "excluded": "Set aside: it is no longer in the queue.",
    "restored": "Restored: it is in the queue again.",
    "approved": "Approved: it counts now.",
    "rejected": "Rejected: the sale is back in the queue.",
    "sale_entered": "Sale received. It appears in the queue in a moment.",
    "sale_known": "This sale was received before; nothing was changed.",
    "saved": "Saved.",
    "product_added": "Product added.",
    "seller_added": "Seller added.",
    "person_added": "Person added.",
    "key_revoked": "Revoked: within a minute the key opens nothing.",
    "display_revoked": "Revoked: within a minute its screens go dark.",
    "replayed": "Replayed: watch the queue.",
    "accepted": "Accepted: the sale was corrected.",
    "discarded": "Discarded.",
    "replayed_many": "Replayed. What could not be replayed is still listed.",
    "import_started": "The file is here. Its rows are worked one after the other; you may leave this page.",
    "password_changed": "Password changed. All your other sessions have ended.",
}

ERROR_TITLES = {
    400: "That did not work",
    401: "Please log in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    409: "Somebody was faster",
    413: "Too large",
    415: "That did not work",
    429: "Too many requests",
    500: "Something went wrong",
    503: "One moment, please",
}
NOT_FOUND = "There is nothing here, or it is not yours to see."
BACK_TO_QUEUE = "Go to the queue"
TELL_US = "If this goes on, tell us this number:"

# The frame
NAVIGATION = "Pages"
QUEUE = "Queue"
LEADERBOARD = "Leaderboard"
ME = "Me"
NEW_SALE = "New sale"
MANAGE = "Manage"
APPROVALS = "Approvals"
EXCLUDED = "Excluded"
PRODUCTS = "Products"
SELLERS = "Sellers"
DISPLAYS = "Wallboards"
IMPORTS = "Imports"
ADMINISTER = "Administer"
USERS = "People"
API_KEYS = "API keys"
FAILED_EVENTS = "Failed events"
AUDIT = "Audit"
SETTINGS = "Settings"
ACCOUNT = "Account"
LOG_OUT = "Log out"
# What the line to the room says of itself; the script chooses.
LINE_LIVE = "Live"
LINE_CONNECTING = "Connecting"
LINE_DOWN = "Offline. Numbers are as of {time}"
LINE_STATIC = "Not live: reload for newer numbers"
VIEWERS = "{viewers} here"

# Queue
QUEUE_WAITING = "Waiting for a seller"
QUEUE_CLAIMED = "Claimed"
QUEUE_EXCLUDED = "Set aside"
QUEUE_LEDE = {
    "pending": "Sales that wait to be claimed, newest first.",
    "claimed": "Sales that somebody has claimed, newest first.",
    "excluded": "Sales that were set aside. Suspected duplicates wait for a decision.",
}
QUEUE_EMPTY = "The queue is empty"
QUEUE_EMPTY_LEDE = "Every sale is claimed. The next one appears here by itself."
QUEUE_NOTHING_FOUND = "Nothing found"
QUEUE_NOTHING_FOUND_LEDE = "No sale matches. Try the start of a customer's name, or a whole sale id."
QUEUE_SEARCH = "Customer or sale id"
QUEUE_SHOW = "Show"
CLAIM = "Claim"
CLAIM_AS = "Claim as"
CLAIM_FOR = "for"
CLAIM_FOR_OWN = "the sale's seller"
CLAIM_FOR_ME = "me ({name})"
CLAIM_SALE_OF = "Claim the sale of {customer}"
CLAIM_FAILED = "The claim did not arrive: there is no connection. Please try again."
CLAIM_TYPES = {"first_touch": "First touch", "upsell": "Upsell", "retention": "Retention"}
CUSTOMER = "Customer"
PRICE = "Price"
COST = "Cost"
MARGIN = "Margin"
SELLER = "Seller"
PRODUCT_LABEL = "Product"
CATEGORY = "Category"
NOTES = "Notes"
SOLD = "Sold"
RECEIVED = "Received"
SOURCE = "Source"
# What came the usual way needs no remark.
SOURCES = {"api": "", "manual": "entered by hand", "import": "imported"}
SALE_ID = "Sale id"
STATUS = "Status"
STATUSES = {"pending": "Waiting", "claimed": "Claimed", "excluded": "Set aside"}
SUSPECTED = "Looks like"
REASON = "Reason"
CLAIMED_BY = "Claimed by"
HISTORY = "History"
RELEASE = "Release"
RELEASE_WHY = "Gives the sale back to the queue and takes it off the board."
EXCLUDE = "Set aside"
EXCLUDE_WHY = "Takes the sale out of the queue; it can be restored."
CONFIRM_DUPLICATE = "It is a duplicate"
RESTORE = "Restore"
RESTORE_WHY = "Puts the sale into the queue. A suspected duplicate becomes an honest sale."
HAPPENINGS = {
    "queue.created": "Entered the queue",
    "queue.claimed": "Claimed",
    "queue.released": "Released",
    "queue.excluded": "Set aside",
    "queue.restored": "Restored",
    "queue.corrected": "Corrected",
    "claim.approved": "Claim approved",
    "claim.rejected": "Claim rejected",
}
BY = "by"
SYSTEM = "Win Room"
STATES = {
    "pending": "Waits for approval",
    "approved": "Counts",
    "rejected": "Rejected",
    "released": "Released",
}

# The way in
LOG_IN = "Log in"
SIGN_UP = "Sign up"
SIGN_UP_LEDE = "Your company, its first admin, and a key for your CRM. The first sale is here in a minute."
NO_COMPANY_YET = "New here?"
HAVE_COMPANY = "Your company is here already?"
COMPANY = "Company"
COMPANY_SLUG = "Company's short name"
COMPANY_SLUG_HINT = "As your admin told you, such as acme."
EMAIL = "Email"
PASSWORD = "Password"
PASSWORD_HINT = "12 characters at least. A short sentence is easy to remember."
CURRENT_PASSWORD = "Current password"
NEW_PASSWORD = "New password"
CHANGE_PASSWORD = "Change password"
HOME_CURRENCY = "Home currency"
HOME_CURRENCY_HINT = "Boards rank by it. Sales keep their own currency."
CURRENCIES = {"USD": "US dollar", "EUR": "Euro", "GBP": "British pound", "TRY": "Turkish lira"}
TIME_ZONE = "Time zone"
TIME_ZONE_HINT = "Where your days begin and end, such as Europe/Istanbul. Without one: UTC."
ROLE = "Role"
ROLES = {"admin": "Admin", "manager": "Manager", "seller": "Seller", "watcher": "Watcher"}
WELCOME = "Welcome"
WELCOME_TO = "Welcome, {company}"
WELCOME_LEDE = "Two steps, and your sales appear here by themselves."
YOUR_KEY = "The key of your CRM"
KEY_ONCE = "Keep it now: it is not shown again. It sends sales, and asks what became of them; nothing else."
KEY_WAS_SHOWN = "Your key was shown when it was made. You can make another one:"
SEND_FIRST_SALE = "Send your first sale"
SEND_FIRST_SALE_LEDE = "Paste this into a terminal, or let your CRM send the same."
WAITING_FOR_FIRST_SALE = "Waiting for your first sale. This page notices it by itself."
FIRST_SALE_HERE = "Here it is: {customer}, {price}. You are live."
INVITE = "Invite your people"
READ_API = "Read about the API"

# Claims
CLAIMS = "Claims"
CLAIMS_LEDE = "What boards are made of, newest first."
CLAIMS_STANDS_FOR = "What {seller} stands for"
CLAIMS_STANDS_FOR_LEDE = "The approved claims behind the place on the leaderboard."
CLAIMS_NUMBER = ("claim on this page", "claims on this page")
CLAIMS_NONE = "No claims here"
CLAIMS_NONE_LEDE = "Nobody has claimed a sale that fits what you chose."
CURRENCY = "Currency"
DAY_FROM = "First day"
DAY_TO = "Last day"

# Approvals
APPROVALS_LEDE = "Claims that count once you have approved them."
APPROVALS_NONE = "Nothing waits for you"
APPROVALS_NONE_LEDE = "The next claim appears here by itself."
APPROVALS_OFF = "Claims count at once"
APPROVALS_OFF_LEDE = "Approval is switched off in your company. An admin can switch it on in Settings."
APPROVE = "Approve"
APPROVE_CLAIM_OF = "Approve the claim of {seller}: {customer}"
REJECT = "Reject"
REJECT_WHY = "The sale goes back to the queue, and {seller} sees your reason in its history."

# Excluded
EXCLUDED_LEDE = "Sales that look like another one wait here until you judge them."
EXCLUDED_TO_JUDGE = "To judge"
EXCLUDED_JUDGED = "Set aside by people"
EXCLUDED_JUDGED_LEDE = "Sales that somebody took out of the queue."
EXCLUDED_NONE = "Nothing to judge"
EXCLUDED_NONE_LEDE = "A sale that looks like another one appears here by itself."
EXCLUDED_NONE_JUDGED = "Nothing was set aside"
EXCLUDED_NONE_JUDGED_LEDE = "Every sale is in the queue, or claimed."
DUPLICATE_WHY = "It stays out of the queue for good, unless somebody restores it."
DUPLICATE_OF = "Duplicate of {sale_id}"
RESTORE_SALE_OF = "Restore the sale of {customer}"

# Failed events
FAILED_LEDE = "What could not become a sale. Nothing is lost: correct it, replay it, or discard it."
FAILED_KINDS = {
    "conflict": "Contradiction",
    "unknown_product": "Unknown product",
    "unreadable": "Not storable",
    "retries_exhausted": "Gave up trying",
    "lost": "Lost",
}
# The same of many.
FAILED_REASONS = {
    "conflict": "Contradictions",
    "unknown_product": "Unknown products",
    "unreadable": "Not storable",
    "retries_exhausted": "Gave up trying",
    "lost": "Lost",
}
FAILED_WHY = {
    "conflict": "Its id belongs to a sale that was received with other content.",
    "unknown_product": "It names a product that your catalogue does not have.",
    "unreadable": "It could not be stored as it is.",
    "retries_exhausted": "It failed four times in a row. Replay it once the cause is gone.",
    "lost": "A message told of it, but the sale itself never arrived.",
}
FAILED_NUMBER = "{number} or more"
FAILED_SHOW = "Show"
FAILED_OPEN = "Open"
FAILED_RESOLVED = "Settled"
FAILED_REASON = "Why it failed"
FAILED_NONE = "Nothing has failed"
FAILED_NONE_LEDE = "Every event became a sale. Should one fail, it waits here."
FAILED_NOTHING_FOUND = "Nothing found"
FAILED_NOTHING_FOUND_LEDE = "No failed event fits what you chose."
FAILED_NO_CUSTOMER = "Content unknown"
FAILED_ATTEMPTS = ("attempt", "attempts")
FAILED_AT = "Failed"
FAILED_ERROR = "In detail"
FAILED_CONTENT = "Content"
FAILED_EDITED = "edited by {name}"
FAILED_ORIGINAL = "What arrived"
FAILED_CONTRADICTS = "What is different"
FAILED_CONTRADICTS_LEDE = "The sale as it is, and as this event would have it."
FAILED_REPLACED_LEDE = "The sale as it was, and as it is since the correction."
FAILED_SAME = "Nothing is different any more."
FAILED_FIELD = "Field"
FAILED_EXISTING = "As it is"
FAILED_PROPOSED = "As this event says"
FAILED_BEFORE = "As it was"
FAILED_SINCE = "As it is since then"
FAILED_LOOK = "Look at the sale"
FAILED_FREE_IDS = "With another sale id it becomes a sale of its own."
FAILED_SAVE_AND_REPLAY = "Save and replay"
FAILED_SAVE_AND_ACCEPT = "Save and accept"
FAILED_REPLAY_ALL = "Replay all of these"
FAILED_EARLIER = "Earlier failures"
FAILED_RESOLUTIONS = {
    "replayed": "Replayed",
    "accepted": "Accepted as a correction",
    "discarded": "Discarded",
}
SOMEBODY = "somebody"
ACCEPT = "Accept as correction"
ACCEPT_WHY = "The sale takes this content: in the queue, in its claim and on the board."
REPLAY = "Replay"
DISCARD = "Discard"
DISCARD_WHY = "Settles it as no sale. Your reason is kept with it."
SALE_FIELDS = {
    "sale_id": "Sale id",
    "external_event_id": "Event id of the sender",
    "occurred_at": "Sold",
    "customer_name": "Customer",
    "sell_price": "Price",
    "cost_price": "Cost",
    "currency": "Currency",
    "seller_external_id": "Seller id",
    "product_id": "Product",
    "product_sku": "Product's SKU",
    "category": "Category",
    "notes": "Notes",
}
SALE_HINTS = {
    "occurred_at": "With the time zone, such as 2026-01-31T15:30:00Z.",
    "product_sku": "Names the product where none is chosen.",
    "cost_price": "Without it: the product's usual cost.",
}
REPLAY_ALL = "Replay all"
REPLAY_ALL_LEDE = "This is what would become of each. Nothing has changed yet."
REPLAY_BUTTON = ("Replay {number} event", "Replay {number} events")
REPLAY_NOTHING = "None of these can be replayed yet."
REPLAY_NONE = "There is nothing to replay"
REPLAY_NONE_LEDE = "No open event of this kind is left."
REPLAY_MORE = "The next ones"
OUTCOME = "What would happen"
OUTCOMES = {
    "replayed": "Would be replayed",
    "skipped": "Needs your decision",
    "refused": "Would fail again",
    "settled": "Settled already",
    "unknown": "Unknown",
}

# Imports
IMPORTS_LEDE = "Bring sales in from a CSV file. The same file twice is one import."
IMPORT_FILE = "CSV file"
IMPORT_FILE_HINT = "The first row names the columns, such as sale_id, occurred_at, customer_name, sell_price."
IMPORT_SELLER = "Seller of all rows"
IMPORT_SELLER_HINT = "For rows that do not name one."
IMPORT_IN_ROWS = "as the rows say"
IMPORT_CURRENCY = "Currency of all rows"
IMPORT_CURRENCY_HINT = "For rows that do not name one. Else: US dollar."
IMPORT_TIME_ZONE_HINT = "Of times that do not tell theirs, such as Europe/Istanbul. Else: your company's."
IMPORT_MAPPING = "Columns with other names"
IMPORT_MAPPING_HINT = "Theirs:ours, such as Invoice:sale_id,Client:customer_name."
IMPORT_MORE = "More about the file"
IMPORT_CHECK = "Check first"
IMPORT_NOW = "Import"
IMPORTS_SO_FAR = "Imports so far"
IMPORTS_NONE = "No imports yet"
IMPORTS_NONE_LEDE = "Choose a file above, and check first: nothing is stored then."
IMPORT_ROWS = ("row", "rows")
IMPORT_STATES = {"pending": "Waiting", "running": "Under way", "done": "Done", "failed": "Given up"}
IMPORT_PROGRESS = "{done} of {total} rows"
IMPORT_COUNTS = {
    "accepted": "new",
    "duplicates": "known already",
    "conflicts": "contradicting",
    "bad": "not readable",
}
IMPORT_CONFLICTS = "Contradictions wait under Failed events for an admin."
IMPORT_PROBLEMS = "What is wrong"
IMPORT_PROBLEMS_SOME = "The first {some} of {all}."
IMPORT_ROW = "Row"
IMPORT_PROBLEM = "Problem"
IMPORT_WHOLE_ROW = "whole row"
IMPORT_IGNORED = "Unused columns"
IMPORT_STARTED = "Started"
IMPORT_FINISHED = "Finished"
IMPORT_CHECKED = "What would become of {file}"
IMPORT_CHECKED_LEDE = "Nothing is stored yet."
IMPORT_TOLD = {
    "new": "new",
    "already_known": "known already",
    "conflicting": "contradicting",
    "unknown_products": "new, of an unknown product",
    "bad": "not readable",
}
IMPORT_GOOD = "Every row can be read."
IMPORT_THE_REST = "Rows that are not readable are left out."
IMPORT_AGAIN = "The file is too large to be kept here: please choose it once more."
IMPORT_OTHER = "Choose another file"

# Audit
AUDIT_LEDE = "Who asked what of us, and what became of it. Newest first."
AUDIT_PERSON = "Person"
AUDIT_KEY = "API key"
AUDIT_STATUS = "Outcome"
AUDIT_STATUSES = {
    "2xx": "Worked (2xx)",
    "4xx": "Refused (4xx)",
    "401": "Not logged in (401)",
    "403": "Not allowed (403)",
    "404": "Not found (404)",
    "409": "Somebody was faster (409)",
    "429": "Too many (429)",
    "5xx": "Failed (5xx)",
}
AUDIT_ENDPOINT = "Route"
AUDIT_REQUEST_ID = "Request number"
AUDIT_NONE = "Nothing found"
AUDIT_NONE_LEDE = "No request fits what you chose."
AUDIT_LOOK_ON = "Nothing so far"
AUDIT_LOOK_ON_LEDE = "The newest requests were looked through. There are older ones."
AUDIT_WHEN = "When"
AUDIT_WHO = "Who"
AUDIT_WHAT = "What"
AUDIT_FROM_WHERE = "From where"
AUDIT_TOOK = "Took"
AUDIT_MILLISECONDS = "{number} ms"
AUDIT_REPEATS = "{number} times"
AUDIT_BACK = "Without a first day, most searches look back seven days."
AUDIT_KINDS = {"user_id": "Person", "api_key_id": "API key", "display_id": "Wallboard"}
