"""The demo company: Brinehaven Harbour Logistics, its people, machines and mailboxes. An invention, like its names."""

from exercises.company.directory import COMPANY, Account, Company, Machine, SharedMailbox

__all__ = ["COMPANY", "Account", "Company", "Machine", "SharedMailbox"]
