"""What goes back to students, to an LMS and to the instructor."""
