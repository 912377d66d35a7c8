"""The study files and the one command that runs them."""
