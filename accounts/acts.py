"""The dangerous acts of people, rights and tokens; other rooms register theirs beside their own services."""

from accounts import step_up

CHANGE_RIGHTS = step_up.register("rights_change", "Changing what somebody may do or see")
CHANGE_ROLE = step_up.register("role_change", "Changing what a role may do")
RESET_SIGN_IN = step_up.register("sign_in_reset", "Resetting somebody's password or factors")
FORCE_PASSWORDS = step_up.register("passwords_force", "Forcing new passwords for many people at once")
MAKE_TOKEN = step_up.register("token_make", "Making, rotating or elevating an API token")
CHANGE_FACTORS = step_up.register("factors_change", "Changing one's own ways to sign in")
EXPORT_AUDIT = step_up.register("audit_export", "Exporting the audit log")
CHANGE_OPTION = step_up.register("option_change", "Changing an option")
CHANGE_PROVIDER = step_up.register("provider_change", "Changing who may vouch for people")
