"""Keys, tokens and passwords: the plug-ins of detect-secrets, and patterns of our own for what they miss."""

import base64
import re

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

CREDENTIAL, PRIVATE_KEY = "a credential", "a private key"
# Called value by value: `scan_line` obeys a comment by which whoever sends a secret could switch it off. Not among them: entropy, which
# takes digests for secrets; public addresses; keywords and Artifactory, which take plain words for secrets and are below, stricter;
# npm, whose pattern takes time with the square of a text's length.
PLUGINS = tuple(
    plugin()
    for plugin in (
        AWSKeyDetector, AzureStorageKeyDetector, CloudantDetector, DiscordBotTokenDetector, GitHubTokenDetector, GitLabTokenDetector,
        IbmCloudIamDetector, IbmCosHmacDetector, JwtTokenDetector, MailchimpDetector, OpenAIDetector, PrivateKeyDetector,
        PypiTokenDetector, SendGridDetector, SlackDetector, SoftlayerDetector, SquareOAuthDetector, StripeDetector,
        TelegramBotTokenDetector, TwilioKeyDetector,
    )
)  # fmt: skip
KEY_BLOCK = re.compile(
    r"(?:BEGIN|END) (?:[A-Z0-9]+ ){0,3}PRIVATE KEY|PRIVATE KEY-----|BEGIN PGP (?:PRIVATE|MESSAGE)|PuTTY-User-Key-File|AGE-SECRET-KEY-1"
    r"|BEGIN SSH2 ENCRYPTED|\"kty\"[^{}]{0,2000}\"(?:d|k)\"\s*:|\"(?:d|k)\"\s*:[^{}]{0,2000}\"kty\"",
    re.I,
)
TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"github_pat_\w{20,}|gh[opsur]_\w{30,}|gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[\w-]{16,}|xox[abeoprs]-[\w-]{8,}|xapp-\d-[\w-]{8,}"
    r"|(?:sk|rk|pk)_(?:live|test)_\w{10,}|whsec_[\w+/=-]{16,}|npm_\w{30,}|pypi-[\w-]{16,}|AIza[\w-]{30,}|ya29\.[\w.-]{16,}|GOCSPX-[\w-]{16,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{12,}|hv[sbr]\.[\w-]{16,}|do[opr]_v1_\w{32,}|sk-[A-Za-z0-9_-]{20,}|hf_\w{20,}"
    r"|SG\.[\w-]{10,}\.[\w-]{10,}|SK[0-9a-f]{32}|key-[0-9a-f]{32}|shp(?:at|ca|pa|ss)_\w{16,}|lin_api_\w{16,}|dckr_pat_[\w-]{16,}"
    r"|AT(?:ATT|BB|CTT)[\w=-]{16,}|rdy_\w{20,}|figd_[\w-]{16,}|PMAK-[\w-]{16,}|sq0(?:atp|csp|idp)-[\w-]{16,}|EAAA[\w-]{30,}"
    r"|gls?a_\w{16,}|glc_\w{16,}|nfp_\w{16,}|ntn_\w{16,}|secret_\w{32,}|tfp_\w{16,}|\w{14}\.atlasv1\.[\w-]{16,}|dapi[0-9a-f]{32}"
    r"|dop_v1_\w{16,}|pul-\w{32,}|sntry[su]_[\w=+/-]{16,}|NRAK-\w{20,}|NRJS-\w{16,}|AKC[a-zA-Z0-9]{10,}|cio[a-zA-Z0-9]{30,}"
    r"|v1\.0-[0-9a-f]{16,}|sbp_\w{16,}|r8_\w{20,}|gsk_\w{20,}|xai-\w{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\d{8,10}:AA[\w-]{30,}"
    r"|oy2[a-z0-9]{40,}|CfDJ8[\w-]{20,}|FwoGZXIvYXdz[\w+/=-]{8,}|\$(?:2[aby]|argon2(?:id|i|d)|6|5|1|y|scrypt)\$[^\s]{16,}|\{SSHA\}\S{8,})"
)
ASSIGNED = re.compile(
    r"(?<![A-Za-z])(?:client[\s_-]?secret|api[\s_-]?key|app[\s_-]?key|access[\s_-]?key|account[\s_-]?key|secret[\s_-]?key"
    r"|private[\s_-]?key|signing[\s_-]?key|encryption[\s_-]?key|shared[\s_-]?key|password|passwd|passwort|passphrase|pwd|auth[\s_-]?token"
    r"|access[\s_-]?token|refresh[\s_-]?token|id[\s_-]?token|session[\s_-]?token|bearer[\s_-]?token|bot[\s_-]?token|secret|token|sig"
    r"|shared[\s_-]?access[\s_-]?signature|credential|credentials|cookie|sessionid|x-api-key)[\"']?\s*(?:[:=]|=>|\bis\b)\s*[\"']?([^\s\"',;&]{6,})",
    re.I,
)
BEARER = re.compile(r"\bbearer\s+([A-Za-z0-9._~+/=-]{12,})", re.I)
BASIC = re.compile(r"\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})(?![\w-])", re.I)
USER_IN_URL = re.compile(r"[a-z][a-z0-9+.-]{1,30}://[^\s/:@]{0,100}:[^\s/@]{1,200}@", re.I)
PARAMETER = re.compile(
    r"[?&#;](?:[\w.-]*(?:token|secret|passw\w*|pwd|signature|credential|session|api[_-]?key|access[_-]?key|auth|jwt)[\w.-]*|sig|key|code|sid|pass)"
    r"=([^&#;\s]{4,})",
    re.I,
)
# Where the secret lies, said instead of the secret.
REFERENCE = re.compile(
    r"(?:[\[<{$*%]|vault:|env:|arn:|ssm:|op://|secretsmanager|projects/|kv/|x{3,}|redacted|none|null|removed|rotated|stored|held)", re.I
)
DER_KEY = re.compile(rb"0(?:[\x20-\x7f]|\x81.|\x82..)\x02\x01[\x00\x01][\x02\x04\x30]", re.S)
RUN = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
LINK = re.compile(r"https?://\S+", re.I)
COMMITMENT = re.compile(r"rdc1_[\w-]{43}|sha(?:256|384|512)-[A-Za-z0-9+/]+={0,2}")


def credential_in(text: str) -> str:
    """The kind of a credential that stands in a text; empty when there is none."""
    if KEY_BLOCK.search(text):
        return PRIVATE_KEY
    if TOKEN.search(text) or USER_IN_URL.search(text) or _assigned(text) or _linked(text) or _high_entropy(text):
        return CREDENTIAL
    return CREDENTIAL if any(found for plugin in PLUGINS for found in plugin.analyze_string(text)) else ""


def link_credential_in(url: str) -> str:
    """A credential among the parameters of an address."""
    return CREDENTIAL if PARAMETER.search(url) else ""


def private_key_in(content: bytes) -> bool:
    """A private key in DER (PKCS#8, PKCS#1, SEC 1): a sequence that begins with its version."""
    return DER_KEY.match(content) is not None and len(content) >= 40


def _linked(text: str) -> bool:
    return any(link_credential_in(link) for link in LINK.findall(text))


def _assigned(text: str) -> bool:
    return any(_secret_like(value) for pattern in (ASSIGNED, BEARER) for value in pattern.findall(text)) or any(
        _is_basic(value) for value in BASIC.findall(text)
    )


def _is_basic(value: str) -> bool:
    """RFC 7617: base64 of a user, a colon and a password."""
    bare = value.rstrip("=")
    return len(bare) % 4 != 1 and b":" in base64.b64decode(bare + "=" * (-len(bare) % 4))


def _secret_like(value: str) -> bool:
    """Not a plain word, and not a place where the secret lies."""
    if REFERENCE.match(value):
        return False
    return any(letter.isdigit() for letter in value) or not value.isalpha() and any(letter in "!@#$%^&*+=~" for letter in value)


def _high_entropy(text: str) -> bool:
    """A run of 32 or more in which small letters, capitals and digits change places like dice. Ids in addresses are left alone."""
    if len(text) < 32:
        return False
    bare = COMMITMENT.sub(" ", LINK.sub(" ", text))
    return any(_like_dice(part) for run in RUN.findall(bare) for part in re.split(r"[_=-]", run) if len(part) >= 32)


def _like_dice(run: str) -> bool:
    sorts = ["a" if letter.islower() else "A" if letter.isupper() else "0" for letter in run]
    changes = sum(one != other for one, other in zip(sorts, sorts[1:], strict=False))
    return len(set(sorts)) == 3 and changes >= 0.4 * len(run)
