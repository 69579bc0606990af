"""One test for each threat of docs/security.md, at the part that holds it off."""
