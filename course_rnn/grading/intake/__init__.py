"""Who handed in what, and when."""
