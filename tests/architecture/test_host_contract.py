"""A host app that nobody has listed is held to the import contract like any other."""

from tests.architecture.host_contract import HostsUseExtend

IMPORTS = {
    "apps.bookshop.apps": {"apps.opie.extend", "django.apps", "apps.bookshop.models"},
    "apps.bookshop.models": {"apps.opie.models", "apps.accounts.models"},
    "apps.bookshop.migrations.0001_initial": {"apps.api.ids"},
    "apps.bookshop.tests.test_it": {"apps.opie.models", "apps.api.errors"},
    "apps.bookshop.cards": {"apps.opie", "apps.other.models"},
    "apps.opie.engine": {"apps.bookshop.models", "apps.accounts.models"},
    "config.settings": {"apps.opie.jobs"},
}


class Imports:
    """As import-linter shows them."""

    modules = set(IMPORTS)

    def find_modules_directly_imported_by(self, module: str) -> set[str]:
        return IMPORTS[module]


def test_only_what_goes_past_the_door_is_told() -> None:
    contract = HostsUseExtend("Hosts", {}, {})
    check = contract.check(Imports(), verbose=False)
    assert not check.kept
    assert check.metadata["found"] == [
        "apps.bookshop.cards imports apps.opie",
        "apps.bookshop.migrations.0001_initial imports apps.api.ids",
        "apps.bookshop.models imports apps.accounts.models",
        "apps.bookshop.models imports apps.opie.models",
        "apps.opie.engine imports apps.bookshop.models",
    ]
