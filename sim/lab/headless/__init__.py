"""Labs without a learner: `runner` plays one by its solutions, a script or a recording; `prove` proves that it works."""
