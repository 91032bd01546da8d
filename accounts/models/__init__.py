from accounts.models.device_group import DeviceGroup
from accounts.models.provider import LinkedIdentity, SignInProvider
from accounts.models.role import Role
from accounts.models.token import ApiToken
from accounts.models.user import User

__all__ = ["ApiToken", "DeviceGroup", "LinkedIdentity", "Role", "SignInProvider", "User"]
