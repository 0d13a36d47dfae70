import hashlib
import secrets
from datetime import timedelta

from odoo import api, fields, models

LIFETIME = 3600  # seconds
_GC_LIMIT = 10_000


def _hash(token):
    # A token is 256 random bits: there is nothing to guess that a slow hash would slow.
    return hashlib.sha256(token.encode()).hexdigest()


class DairyApiToken(models.Model):
    """Who may call the API until when. The token itself is known to its holder only."""

    _name = "dairy.api.token"
    _description = "API Token"
    _order = "id desc"
    _log_access = False

    user_id = fields.Many2one(
        "res.users", required=True, ondelete="cascade", index=True, readonly=True
    )
    token_hash = fields.Char(required=True, readonly=True, groups=fields.NO_ACCESS)
    expires_at = fields.Datetime(required=True, index=True, readonly=True)

    _token_hash_unique = models.Constraint("UNIQUE(token_hash)", "Tokens are unique.")

    @api.model
    def _issue(self, user):
        """A new token of ``user``, and the seconds for which it is good."""
        token = secrets.token_urlsafe(32)
        self.sudo().create(
            {
                "user_id": user.id,
                "token_hash": _hash(token),
                "expires_at": fields.Datetime.now() + timedelta(seconds=LIFETIME),
            }
        )
        return token, LIFETIME

    @api.model
    def _user_id_of(self, token):
        """The id of the user that ``token`` stands for, None when it is not good."""
        self.env.cr.execute(
            """
            SELECT token.user_id
              FROM dairy_api_token token
              JOIN res_users u ON u.id = token.user_id AND u.active
             WHERE token.token_hash = %s
               AND token.expires_at > %s
            """,
            [_hash(token), fields.Datetime.now()],
        )
        row = self.env.cr.fetchone()
        return row and row[0]

    @api.autovacuum
    def _gc_expired(self):
        domain = [("expires_at", "<", fields.Datetime.now())]
        expired = self.sudo().search(domain, limit=_GC_LIMIT)
        expired.unlink()
        return len(expired), len(expired) == _GC_LIMIT
