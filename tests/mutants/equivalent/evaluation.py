"""Mutants of minillm.evaluation that compute the same."""

EQUIVALENT: dict[str, dict[tuple[str, str], str]] = {
    "evaluation/interpolated.py": {
        (
            "never_counted = [[1 / vocab_size]] + [[0.0]] * order",
            f"never_counted = [[{other}]] + [[0.0]] * order",
        ): "The one component that gives this token a chance is responsible for all of it, "
        "however large the chance: w p / (w p) is 1, to rounding."
        for other in ("(1 * vocab_size)", "(1)", "(vocab_size / 1)", "(2) / vocab_size")
    },
}
