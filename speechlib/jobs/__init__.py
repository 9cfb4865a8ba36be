"""Job dispatch: one calling convention (Kaldi's run.pl) for a single machine and for schedulers.

A dispatcher is parse_call (what was asked), shell_line (a task's command as bash text), an executor (local.run_tasks; a
scheduler's submit-and-wait beside it) and failure_report. Standard library only: a recipe starts many of them.
"""
