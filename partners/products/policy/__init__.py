"""Credit policies, pure: their text, its faults, their evaluation, and what applicants are told. No Django."""

from partners.products.policy.arm import drawn
from partners.products.policy.document import PolicyText, RandomArm, Rule, faults
from partners.products.policy.evaluation import Exclusion, Policy, compile_policy, evaluate, offered_grades
from partners.products.policy.facts import FACTS, GRADES, PROTECTED, PROXIES
from partners.products.policy.texts import REASONS, reason_text

__all__ = [
    "FACTS",
    "GRADES",
    "PROTECTED",
    "PROXIES",
    "REASONS",
    "Exclusion",
    "Policy",
    "PolicyText",
    "RandomArm",
    "Rule",
    "compile_policy",
    "drawn",
    "evaluate",
    "faults",
    "offered_grades",
    "reason_text",
]
