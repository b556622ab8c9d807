"""A network for patients of any cohort, trained on others: simulated ones and real ones."""
