"""Mutants of minillm.evaluation that compute the same."""

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "evaluation/interpolated.py": {
        (
            "never_counted = [[1 / vocab_size]] + [[0.0]] * order",
            f"never_counted = [[{other}]] + [[0.0]] * order",
        ): "The one component that gives this token a chance is responsible for all of it, "
        "however large the chance: w p / (w p) is 1, to rounding."
        for other in ("(1 * vocab_size)", "(1)", "(vocab_size / 1)", "(2) / vocab_size")
    }
    | {
        (
            "weights = np.full(len(components), 1 / len(components))",
            f"weights = np.full(len(components), {other})",
        ): "A factor of all weights cancels in the first step, which divides by their "
        "mixture: to rounding the steps are the same."
        for other in (
            "(1 * len(components))",
            "(1)",
            "(len(components) / 1)",
            "(2) / len(components)",
        )
    }
    | {
        (
            "return np.stack(components)",
            "return (components)",
        ): "Both who ask for the list of rows make an array of it: hstack and `weights @`.",
    },
}

ENDLESS: dict[str, dict[tuple[str, str], str]] = {
    "evaluation/interpolated.py": {
        (
            "if not (np.abs(weights - before) > tolerance).any():",
            "if (False):",
        ): "A search that never looks whether it has arrived never returns.",
    },
}
