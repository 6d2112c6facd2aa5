"""The recipe's `pii:`: what happens to each kind of personal data and secrets in the corpus that is written."""

from typing import Literal

from gristmill.schemas.paths import RecipePath
from gristmill.schemas.strict import Strict
from pydantic import model_validator

Action = Literal["keep", "mask", "pseudonym", "drop"]
MaskOnly = Literal["keep", "mask", "drop"]


class Pii(Strict):
    """Actions: `keep`, `mask` (a typed placeholder), `pseudonym` (a keyed replacement), `drop` (the whole document).

    others: the action of the kinds that are not named. key_env, key_file: where the pseudonyms' secret key comes from.
    How values are found (`min_score`, `model`) are options of the signal family `pii`.
    """

    email: Action | None = None
    phone: Action | None = None
    credit_card: Action | None = None
    iban: Action | None = None
    ip_address: Action | None = None
    national_id: Action | None = None
    url_credentials: Action | None = None
    secret: Action | None = None
    crypto_address: Action | None = None
    person: MaskOnly | None = None
    location: MaskOnly | None = None
    organization: MaskOnly | None = None
    others: MaskOnly = "mask"
    key_env: str = "GRISTMILL_PII_KEY"
    key_file: RecipePath | None = None

    @model_validator(mode="after")
    def _key_is_used(self) -> "Pii":
        if self.key_file is not None and not self.uses_pseudonyms:
            raise ValueError("key_file is given, but no kind has the action pseudonym")
        return self

    @property
    def actions(self) -> dict[str, str]:
        """Kind -> action, the unnamed ones included."""
        return {kind: getattr(self, kind) or self.others for kind in KINDS}

    @property
    def replaced(self) -> dict[str, str]:
        """Kind -> mask or pseudonym, for the kinds whose values are replaced."""
        return {kind: action for kind, action in self.actions.items() if action in ("mask", "pseudonym")}

    @property
    def uses_pseudonyms(self) -> bool:
        return "pseudonym" in self.actions.values()


KINDS = tuple(name for name in Pii.model_fields if name not in ("others", "key_env", "key_file"))
