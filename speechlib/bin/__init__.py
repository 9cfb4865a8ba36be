"""Commands: each reads arguments and files, computes, and writes files."""
