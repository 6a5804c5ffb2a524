"""Controllers of rules and order: disruption budgets, quotas, garbage collection, namespaces."""
