"""What a user launches: the `kalander` command, its verbs as functions, reports, cards."""
