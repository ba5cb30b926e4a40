from hypothesis import HealthCheck, Phase, settings

settings.register_profile("default", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=250, derandomize=False)
settings.register_profile(
    "mutants",
    settings.get_profile("default"),
    database=None,
    phases=(Phase.explicit, Phase.generate),  # a failure is enough, it need not be small
    suppress_health_check=list(HealthCheck),  # a slow machine kills no mutant
)
settings.load_profile("default")
