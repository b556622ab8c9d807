"""Studies whose items are genes: what half of the patients say of them, told from the others."""
