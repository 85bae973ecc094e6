"""What random streams are made of: one file per family, each ending with its table of generators."""
