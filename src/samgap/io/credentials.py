"""What a credential looks like: names of parameters, forms of tokens, and texts that are probably random."""

import re
from urllib.parse import unquote

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Environment variables that the hub's client reads a token from."""
TOKEN = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|gldt-|xox[abeprs]-|npm_|pypi-AgE|dckr_pat_|[sr]k_live_)[\w-]{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bAIza[\w-]{35}"
    r"|\bya29\.[\w-]{20,}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}(?:\.[\w-]*)?"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""Tokens of Hugging Face, GitHub, GitLab, Slack, npm, PyPI, AWS and Google, JSON web tokens, and private keys."""

_SECRET_NAME = re.compile(
    r"token(?!iz)|secret|passw|passphrase|passcode|signature|credential|session|bearer|authorization|jwt|hmac|cookie"
    r"|apikey|accesskey|accessid|keypairid|viewonly|privatelink|sharelink|shareid|ticket|invit|csrf|saml|assertion"
    r"|(?<!mon)(?<!don)(?<!tur)(?<!whis)(?<!joc)(?<!hoc)key$|(?:auth|sig)$"
    r"|^(?:auth|access|api|function|share|pass)?code$|^hdn[a-z]{2}$|^q?[as]k$"
    r"|^(?:sign|sid|pass|pwd|pw|otp|totp|pin|tk|tkn|tok)$|^x(?:amz|goog|oss|obs|cos)"
)
"""Lower case, without separators. S3 and Google sign with X-Amz-… and X-Goog-…; `view_only` is a link of OSF,
`private_link` of figshare, `code` of Azure functions, `hdnts` of Akamai, `q-ak` of Tencent. Some objects in images are
words with the ending "key"."""
_IDENTIFIER_NAME = re.compile(
    r"id$|^(?:id|doi|handle|hash|rev|revision|commit|ref|branch|tag|version|v|etag|oid|uuid|sha\d*|md5|checksum|digest"
    r"|path|file|files|filename|name|folder|dir|key|prefix|object|url|uri|q|query|download|format|date|se|st|expires)$"
)
"""Names whose value says which file is meant, so that it may look random. Secret names take precedence."""
_AMBIGUOUS_NAME = re.compile(
    r"^(?:[acehklpstu]|at|pk|access|acc|share|shared|sharing|link|grant|unlock|private|guest|invitation)$"
)
"""Names of keys and passwords (`e` of SharePoint, `h` of Vimeo), but also of pages and sizes: the value decides."""
_DATE_OR_NUMBER = re.compile(r"\d{4}-?\d\d-?\d\d(?:[T_ ][\d:.]*Z?)?|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_PLAIN_PART = re.compile(
    r"(?:[A-Z]?[a-z]{2,}+|[A-Z]{2,}+)+"  # words, `camelCase`, `GeoTIFF`
    r"|(?:\d++(?:px|mm|cm|dpi|ms|min|[kmgt]i?b|[hmsdxkmgt])?)+"  # sizes and durations: `640x480`, `100mb`, `1h30m`
    r"|(?i:v|page|part|chapter|section|volume|vol|image|img|photo|frame|scene|row|tree|file|item|set|slide|post|step|tile"
    r"|fig|figure|table|sheet|version|ver|rev|release|level|top|train|test|val|fold|split|sha|md|utf|base|iso|latin)\d+"
)
"""A part of a value that is a word, a number, a size or a numbered thing."""
_HEADER = re.compile(
    r"\b(?:authorization|private-token|x-api-key|x-auth-token)['\"]?\s*[:=]\s*['\"]?\S*\s*(?!\$\{)[\w.~+/=-]{8,}"
    r"|\bbearer +(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}",
    re.IGNORECASE,
)
_OPTION = re.compile(r"(?<!\S)--([A-Za-z][\w-]*)(?:=|\s+)(?![-$])\S*\d")
"""An option of a command line whose value has a digit."""
_OPTION_NAME = re.compile("token(?!iz)|secret|passw|passphrase|credential|apikey|accesskey|authorization|bearer")
_RUN = re.compile(r"[A-Za-z0-9]+")


def is_secret_name(name: str) -> bool:
    """Return whether the value of a parameter or variable of this name is a key, a token, a password or a signature."""
    return _SECRET_NAME.search(_normalize(name)) is not None


def is_secret_option(name: str, value: str) -> bool:
    """Return whether the value of an option of a plug-in is a credential.

    Fewer names than those of parameters count, because an option can be named "session", and a noun "key" or "token".
    """
    if is_header(value):
        return True
    is_name = re.fullmatch(r"[\w-]+", name) is not None  # not a part of an address that is a key, as in `mirrors`
    is_secret = is_name and _OPTION_NAME.search(_normalize(name)) is not None and not value.startswith("${")
    return is_secret and " " not in value.strip() and _has_letters_and_digits(value, 8)


def is_header(text: str) -> bool:
    """Return whether a text has a header of a request with a credential, or an option of a command line with one."""
    options = (match[1] for match in _OPTION.finditer(text))
    return _HEADER.search(text) is not None or any(map(is_secret_name, options))


def is_secret_parameter(name: str, value: str) -> bool:
    """Return whether a parameter of an address is a credential, by its name or by its value.

    Args:
        name: Its name; empty for a text without `=`, such as the key in `https://host/a.zip?8f14e45fceea167a`.
        value: Its value. An empty one is no credential, but its name can be one that ends with `=`, as base 64 does.
    """
    if not value.strip("="):
        return _has_letters_and_digits(name, 12)
    if not name:
        return is_random(value) or _has_letters_and_digits(value, 8) or _longest_run(value) >= 16
    if is_secret_name(name) or (_AMBIGUOUS_NAME.search(_normalize(name)) and _is_like_password(value)):
        return True
    return not _IDENTIFIER_NAME.search(_normalize(name)) and is_random(value)


def is_random(text: str) -> bool:
    """Return whether a text is probably random, as tokens are: a long run of letters and digits without a separator.

    A run of 20 characters with letters and digits counts (hexadecimal, base 32), or of 12 with small and capital
    letters and digits (base 64). Words, dates and numbers do not.
    """
    return any(
        _has_letters_and_digits(run, 20) or (_has_letters_and_digits(run, 12) and run.lower() != run != run.upper())
        for run in _RUN.findall(unquote(text))
    )


def _is_like_password(value: str) -> bool:
    """Return whether a value has 6 or more characters, is no path or file, and does not consist of words and numbers.

    A password that is a word is not recognized, unless it contains "secret" or "passw".
    """
    text = unquote(value)
    if len(text) < 6 or "/" in text or re.search(r"\.[A-Za-z]\w{1,4}$", text) or _DATE_OR_NUMBER.fullmatch(text):
        return False
    parts = [part for part in re.split(r"[-_.,:+\s]+", text) if part]
    return re.search("secret|passw", text.lower()) is not None or not all(map(_PLAIN_PART.fullmatch, parts))


def _normalize(name: str) -> str:
    return re.sub(r"[-_.\s\[\]]", "", unquote(name)).lower()


def _longest_run(text: str) -> int:
    return max(map(len, _RUN.findall(text)), default=0)


def _has_letters_and_digits(text: str, min_length: int) -> bool:
    return len(text) >= min_length and re.search("[A-Za-z]", text) is not None and re.search("[0-9]", text) is not None
