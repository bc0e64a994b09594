"""Questions asked of an input at the public entrances; each answer is one sentence."""


def check_features(name, array, expected, owner):
    """Refuse an array whose last axis does not have the `expected` size."""
    if array.shape[-1] != expected:
        raise ValueError(f"{name} has {array.shape[-1]} features, this {owner} expects {expected}")
