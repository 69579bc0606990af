"""`kubectl thinksafe`: runs on a cluster as a person looks at them. It works through the user's own kubectl."""
