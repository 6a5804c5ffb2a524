"""Controllers of rules and housekeeping: disruption budgets, garbage collection, namespaces and their accounts."""
