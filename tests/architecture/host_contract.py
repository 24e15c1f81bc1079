"""The import contract of hosts: every app under apps/ that is not Opie's own, without being listed anywhere."""

from typing import Any

from importlinter import Contract, ContractCheck, output

OWN = {"apps.opie", "apps.accounts", "apps.api"}
DOOR = "apps.opie.extend"


class HostsUseExtend(Contract):
    """A host imports nothing of Opie but its door, and nothing of Opie imports a host. A host's tests may look inside."""

    def check(self, graph: Any, verbose: bool) -> ContractCheck:
        found = sorted(
            f"{importer} imports {imported}"
            for importer in graph.modules
            for imported in (graph.find_modules_directly_imported_by(importer) if _app_of(importer) else ())
            if _is_wrong(importer, imported)
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(line)
        output.print_error(f"A host's app imports {DOOR}, and Opie's apps import no host: docs/extending.md.")


def _is_wrong(importer: str, imported: str) -> bool:
    of, to = _app_of(importer), _app_of(imported)
    if of is None or to is None or of == to:
        return False
    if of in OWN:
        return to not in OWN
    return to in OWN and imported != DOOR and not _is_test(importer)


def _app_of(module: str) -> str | None:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "apps" and len(parts) > 1 else None


def _is_test(module: str) -> bool:
    return any(part in ("tests", "conftest") or part.startswith("test_") for part in module.split(".")[2:])
