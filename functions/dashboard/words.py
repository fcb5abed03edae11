"""Every word of the pages, page by page. What is refused is told in the words of winroom/copy.py."""

PRODUCT = "Win Room"
TAGLINE = "Every win, seen at once."
UNKNOWN = "unknown"
NONE = "none"
SKIP = "Skip to the content"
MENU = "Menu"
NEXT_PAGE = "Older"
SAVE = "Save"
CANCEL = "Cancel"
SEARCH = "Search"
FILTER = "Filter"
MORE_FILTERS = "More filters"
ALL = "All"
NO = "No"
OPTIONAL = "optional"
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
    "product_hidden": "Deactivated: nobody can choose it any more.",
    "product_back": "Back: people can choose it again.",
    "seller_hidden": "Deactivated: this seller claims nothing any more.",
    "seller_back": "Back: this seller can claim again.",
    "person_disabled": "Disabled: within a minute they can do nothing here.",
    "person_back": "Enabled: they can log in again.",
    "settings_saved": "Saved. It takes effect within a minute.",
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
PAUSED = "Paused"
NOT_FOUND = "There is nothing here, or it is not yours to see."
WAIT = "Please wait {seconds} seconds, then try again."
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
# Said after a number beside an entry.
WAITING = "waiting"
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
LINE_PAUSED = "Updated once a minute. Numbers are as of {time}"
LINE_STATIC = "Not live: reload for newer numbers"
VIEWERS = "{viewers} here"

# Queue
QUEUES = {"pending": "Waiting for a seller", "claimed": "Claimed", "excluded": "Set aside"}
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
CLAIM_SALE_OF = "Claim the sale of {customer}"
CLAIM_FAILED = "No connection: whether the claim arrived, the list tells once the line is back."
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
HISTORY_GONE = "What happened more than 90 days ago is not kept."
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
OPERATOR = "Win Room's operator"
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

# Leaderboard
BOARD_LEDE = {
    "today": "Today so far.",
    "week": "This week so far, from Monday.",
    "month": "This month so far.",
    "quarter": "This quarter so far.",
    "year": "This year so far.",
    "all": "From the first win on.",
}
BOARD_ZONE = "Days end at midnight in {zone}."
BOARD_EMPTY = "No wins yet"
BOARD_EMPTY_LEDE = "The first claim of this period opens the board."
PERIOD = "Period"
PERIODS = {
    "today": "Today",
    "week": "This week",
    "month": "This month",
    "quarter": "This quarter",
    "year": "This year",
    "all": "All time",
}
METRIC = "Ranked by"
METRICS = {"wins": "Wins", "revenue": "Revenue", "margin": "Margin"}
CURRENCY = "Currency"
HOME_CURRENCY_IS = "Home ({currency})"
SHOW = "Show"
RANK = "Rank"
WINS = ("win", "wins")
YOUR_PLACE = "You are number {rank} of {of}."

# Me
ME_NO_SELLER = "You sell nothing yourself"
ME_NO_SELLER_LEDE = "An admin can link you to a seller; then your wins and your best days stand here."
STREAK = "Current streak"
STREAK_LEDE = "Wins in a row, before anybody else has one."
IN_A_ROW = ("in a row", "in a row")
MONTH_RANK = "Place this month"
RANK_OF = "{rank} of {of}"
NOT_YET = "not yet"
BEST_DAY_WINS = "Most wins in a day"
BEST_DAY_REVENUE = "Best day"
LAST_THIRTY = "The last thirty days"
LAST_THIRTY_SAID = "Revenue of each day in {currency}, {wins} wins in all. The table below says the same."
AS_TABLE = "As a table"
DAY = "Day"
RECENT_CLAIMS = "Your newest claims"
NO_CLAIMS_YET = "No claims yet"
NO_CLAIMS_YET_LEDE = "Claim a sale in the queue: it appears here at once."

# New sale
NEW_SALE_LEDE = "It goes the same way as a sale that your CRM sends, and appears in the queue a moment later."
SALES_PAUSED = "New sales are paused for everybody for now: none is recorded until they go on."
PRICE_HINT = "Such as 1800.50"
SELLER_HINT = "The id of the seller. An unknown one is created."
COST_HINT = "Left empty, the product's own cost is taken."
SALE_ID_HINT = "Your own id of this sale, if it has one."
ENTER_SALE = "Enter the sale"

# Wallboard
WALL_STALE = "Stale since {time}"
WALL_EMPTY_LEDE = "The first win takes over this screen."
WALL_GONE = "This wallboard link has ended"
WALL_GONE_LEDE = "Somebody revoked it, or it was mistyped. A manager makes a new one under Wallboards."
NEWEST_WINS = "Newest wins"
SOUND_ON = "Sound is on"
SOUND_OFF = "Sound is off"
# Lists that people keep
NAME = "Name"
NAME_SEARCH = "Name starts with"
SHOW_WHICH = "Show"
ACTIVES = {"true": "Active", "false": "Deactivated", "all": "All"}
INACTIVE = "Deactivated"
DEACTIVATE = "Deactivate"
BRING_BACK = "Bring back"
NOTHING_MATCHES = "Nothing found"
NAMED_NOTHING = "No name starts like this. Try fewer letters, or show all."
MADE_BY = "made by"
ENDED = "ended"
REVOKE = "Revoke"
REVOKED = "Revoked"

# Products
PRODUCTS_LEDE = "What you sell. Sales that come without a cost take it from here."
ADD_PRODUCT = "Add a product"
PRODUCTS_EMPTY = "No products yet"
PRODUCTS_EMPTY_LEDE = "Sales come in without them, too. With them, margins are known."
PRODUCTS_NONE_HIDDEN_LEDE = "Products that you deactivate are kept here, for history names them."
SKU = "SKU"
SKU_HINT = "Your CRM can name the product by it."
DEFAULT_COST = "Default cost"
DEFAULT_COST_HINT = "For sales that come without a cost, in the currency of the sale."
DEFAULT_COST_LATER_HINT = "For sales to come: those that are here already keep the cost they have."
CATEGORY_HINT = "Such as software or services."
PRODUCT_DEACTIVATE_WHY = (
    "People can no longer choose it. Sales that name it still come in, and history keeps it. "
    "You can bring it back at any time."
)
PRODUCT_INACTIVE = (
    "Nobody can choose this product for now. History keeps it, and sales that name it still come in."
)

# Sellers
SELLERS_LEDE = "Who sells and claims. A sale of somebody unknown adds them by itself."
ADD_SELLER = "Add a seller"
SELLERS_EMPTY = "No sellers yet"
SELLERS_EMPTY_LEDE = "They appear with their first sale, or you add them now."
SELLERS_NONE_HIDDEN_LEDE = "Sellers who left are kept here: boards and history name them."
SELLER_ID = "Seller id"
SELLER_ID_HINT = "The id that your CRM sends with each sale. It cannot be changed later."
SELLER_CLAIMS = "Claims that count"
SELLER_CLAIMS_OF = "Claims of {name} that count"
SELLER_SINCE = "Seller since"
SELLER_DEACTIVATE_WHY = (
    "This seller can claim nothing any more. Boards and history keep the name, and sales in it still come in."
    " A person who logs in as this seller still can: disable them under People as well."
)
SELLER_INACTIVE = "This seller claims nothing for now. Boards and history keep the name."

# Wallboards
DISPLAYS_LEDE = "Links that let a screen on the wall watch the room. They show no costs and change nothing."
ADD_DISPLAY = "Add a wallboard"
DISPLAY_NAME_HINT = "Where it hangs, such as Office, second floor."
DISPLAYS_EMPTY = "No wallboards yet"
DISPLAYS_EMPTY_LEDE = "Add one, and open its link on the screen: it needs no login."
DISPLAY_LIVE = "Works"
DISPLAY_REVOKE_WHY = "Within a minute its link opens nothing and its screens go dark. This cannot be undone."
DISPLAY_ADDED = "{name} is ready"
DISPLAY_LINK = "Open this link on the screen"
DISPLAY_ONCE = "Keep it now: it is not shown again. Whoever has the link can watch until you revoke it."
OPEN_DISPLAY = "Open it here"
BACK_TO_DISPLAYS = "All wallboards"

# People
USERS_LEDE = "Who may log in, and what they may do."
ADD_PERSON = "Add a person"
ROLE_LINES = {
    "watcher": ("Watcher", "Looks on, and changes nothing."),
    "seller": ("Seller", "Claims sales and enters their own."),
    "manager": ("Manager", "Claims for everybody, approves, and keeps products, sellers and wallboards."),
    "admin": ("Admin", "May do everything, also people, keys and settings."),
}
PERSON_STATES = {"": "All", "active": "Can log in", "disabled": "Disabled"}
PERSON_DISABLED = "Disabled"
YOU = "You"
ACTS_FOR = "sells as"
USERS_NONE_LEDE = "Nobody is disabled."
PERSON_SELLER = "Sells as"
PERSON_SELLER_HINT = "The id of a seller. Left empty, somebody with the role Seller gets one by their email."
PERSON_PASSWORD_HINT = "Left empty, one is made and shown to you once."
PERSON_ADDED = "{name} can log in"
PERSON_PASSWORD = "The password of {email}"
PERSON_PASSWORD_ONCE = "Keep it now: it is not shown again. They log in to {slug} and can change it there."
BACK_TO_USERS = "All people"
PERSON_SINCE = "Here since"
POWERS_HINT = "With another role or seller they have to log in again."
RESET_PASSWORD = "Reset password"
RESET_PASSWORD_WHY = (
    "Their password ends at once, and they are logged out everywhere. The new one is shown to you, once."
)
PASSWORD_RESET = "{name} has a new password"
DISABLE = "Disable"
DISABLE_WHY = "They are logged out within a minute and cannot log in. Their sales and claims stay."
DISABLE_OWN_WHY = (
    "You are logged out within a minute and cannot log in until another admin enables you again."
)
ENABLE = "Enable"
PERSON_IS_DISABLED = "They cannot log in for now. Their sales and claims stay."

# API keys
API_KEYS_LEDE = "Keys let your other systems in: your CRM sends sales with one."
ADD_KEY = "Create a key"
KEY_NAME_HINT = "What it is for, such as CRM."
SCOPE = "May"
SCOPES = {"ingest": "Sends sales", "full": "Manages"}
SCOPE_LINES = {
    "ingest": ("Send sales", "Sends sales, and asks what became of them. Right for a CRM."),
    "full": ("Manage", "May do what a manager may. For scripts and tools that you trust."),
}
KEYS_EMPTY = "No keys yet"
KEYS_EMPTY_LEDE = "Create one, and give it to your CRM."
KEY_STATES = {"live": "Works", "ending": "Ends soon", "revoked": "Revoked"}
LAST_USED = "last used"
NEVER_USED = "never used"
KEY_ENDS = "ends"
KEY_MADE = "The key {name} is ready"
KEY_SECRET = "The key"
KEY_MADE_ONCE = "Keep it now: it is not shown again. Whoever has it can use it until you revoke it."
KEY_ROTATED = "A new key for {name}"
KEY_ROTATED_ONCE = "Keep it now: it is not shown again. Put it in place of the old one before that ends."
BACK_TO_KEYS = "All keys"
ROTATE = "Rotate"
ROTATE_WHY = (
    "Makes a new key of the same kind, shown to you once. The old one goes on for as long as you say here."
)
ROTATE_BUTTON = "Make the new key"
OVERLAP = "The old key ends"
OVERLAPS = {
    "0": "at once",
    "15": "in 15 minutes",
    "60": "in an hour",
    "1440": "in a day",
    "10080": "in a week",
}
KEY_REVOKE_WHY = (
    "Within a minute the key opens nothing, and what still uses it is refused. This cannot be undone."
)

# Settings
SETTINGS_LEDE = "How the room works for everybody in your company. Changes take effect within a minute."
SETTINGS_COMPANY = "Company"
SETTINGS_RULES = "Rules"
SETTINGS_LIMITS = "Limits"
TIME_ZONE_CHANGE_HINT = "Where your days begin and end. Another one cuts the days of all boards anew."
SUSPECT_DUPLICATES = "Set suspected duplicates aside"
SUSPECT_DUPLICATES_HINT = "A sale that looks like another one waits under Excluded until a manager decides."
CLAIM_APPROVAL = "Claims need approval"
CLAIM_APPROVAL_HINT = "They count on the boards once a manager has approved them."
SHARE_MARGIN = "Everybody sees cost and margin"
SHARE_MARGIN_HINT = "Otherwise only managers and admins do. Wallboards never show them."
INGESTION_PER_MINUTE = "Sales requests a minute"
INGESTION_PER_MINUTE_HINT = "{most} at most. Left empty, it is what your plan grants."
PLAN = "Plan"
PLANS = {"free": "Free", "pro": "Pro", "enterprise": "Enterprise"}
SHORT_NAME = "Short name"
SHORT_NAME_HINT = "Your people log in with it. It cannot be changed."
MOST_INGESTION = "Sales requests a minute, at most"
MOST_PEOPLE = "Other requests a minute, for each person, key and wallboard"
COMPANY_SINCE = "With us since"

# Claims
CLAIMS = "Claims"
CLAIMS_LEDE = "What boards are made of, newest first."
CLAIMS_STANDS_FOR = "What {seller} stands for"
CLAIMS_STANDS_FOR_LEDE = "The approved claims behind the place on the leaderboard."
CLAIMS_NUMBER = ("claim on this page", "claims on this page")
CLAIMS_NONE = "No claims here"
CLAIMS_NONE_LEDE = "Nobody has claimed a sale that fits what you chose."
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
    "lost": "It was never recorded: read what is known of it, and why.",
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
