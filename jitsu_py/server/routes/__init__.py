"""HTTP on one side, calls on the other: one router a noun, nothing else."""
