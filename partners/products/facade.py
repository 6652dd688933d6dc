"""What other apps may use of `products`."""

from partners.products.budgets import BudgetLeft, budgets_left, release, reserve, use
from partners.products.launch import launch_product
from partners.products.live import LiveProduct, evaluate, is_live, live_products, policy_versions
from partners.products.policy import FACTS, GRADES, REASONS, Exclusion, Policy, drawn, reason_text
from partners.products.policy import evaluate as evaluate_policy
from partners.products.queries import budget_faults

__all__ = [
    "FACTS",
    "GRADES",
    "REASONS",
    "BudgetLeft",
    "Exclusion",
    "LiveProduct",
    "Policy",
    "budget_faults",
    "budgets_left",
    "drawn",
    "evaluate",
    "evaluate_policy",
    "is_live",
    "launch_product",
    "live_products",
    "policy_versions",
    "reason_text",
    "release",
    "reserve",
    "use",
]
