from accounts.models import DeviceGroup, User


def test_eve_sees_one_group_and_the_others_see_all(
    ada: User, rita: User, mona: User, adam: User, eve: User, elsewhere: DeviceGroup
) -> None:
    assert all(user.scope.everything for user in (ada, rita, mona, adam))
    assert eve.scope.group_ids == {elsewhere.pk}
