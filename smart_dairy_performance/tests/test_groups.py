"""Who may see the measurements: nobody by default but administrators."""

from odoo.tests import TransactionCase, new_test_user, tagged

USER = "smart_dairy_performance.smart_dairy_performance_group_user"
MANAGER = "smart_dairy_performance.smart_dairy_performance_group_manager"


@tagged("post_install", "-at_install")
class TestGroups(TransactionCase):
    def test_internal_and_portal_users_are_in_neither_group(self):
        for login, group in (
            ("inside", "base.group_user"),
            ("out", "base.group_portal"),
        ):
            user = new_test_user(self.env, login, groups=group)
            self.assertFalse(user.has_group(USER))
            self.assertFalse(user.has_group(MANAGER))

    def test_user_is_an_internal_user_and_no_manager(self):
        user = new_test_user(self.env, "performance_user", groups=USER)
        self.assertTrue(user.has_group("base.group_user"))
        self.assertFalse(user.has_group(MANAGER))
        self.assertFalse(user.has_group("base.group_system"))

    def test_manager_is_a_user_and_no_administrator(self):
        manager = new_test_user(self.env, "performance_manager", groups=MANAGER)
        self.assertTrue(manager.has_group(USER))
        self.assertFalse(manager.has_group("base.group_system"))

    def test_administrator_is_a_manager(self):
        admin = new_test_user(self.env, "boss", groups="base.group_system")
        self.assertTrue(admin.has_group(MANAGER))
        self.assertTrue(admin.has_group(USER))

    def test_both_groups_are_one_choice_on_the_user(self):
        privilege = self.env.ref(
            "smart_dairy_performance.smart_dairy_performance_privilege"
        )
        self.assertEqual(
            privilege.group_ids.sorted("sequence").mapped("name"), ["User", "Manager"]
        )
        self.assertEqual(
            privilege.category_id, self.env.ref("base.module_category_administration")
        )
