"""GitOps CI/CD for machine learning: pull requests are run, measured, judged and reported."""

__version__ = "0.1.0"
