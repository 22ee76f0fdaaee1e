"""Jobs: pods that have to end well so many times."""
