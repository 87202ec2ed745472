"""A library of tasks, written as a guest of the package would write it."""
