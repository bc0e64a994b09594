"""Grading a class: strangers' code runs in a sandbox that knows no answers, and leaves a verdict for each student."""
