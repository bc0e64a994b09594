"""From verdicts to marks: late rules, attempts, marks by hand, and what an instructor decides."""
