"""Job dispatch in one calling convention (Kaldi's run.pl), on a machine or a cluster; the records of what ran.

A dispatcher is parse_call (what was asked), shell_line (a task's command as bash text), an executor (local.run_tasks; a
scheduler's submit-and-wait beside it) and failure_report. What a recipe's stages depend on and leave behind: shell_text
and code_closure read the recipe, file_states its files, stage_records compares, stage_runner is what utils/stages.sh
starts, run_report adds it up. Standard library only: a recipe starts many of them.
"""
