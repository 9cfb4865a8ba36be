"""What the stages of a recipe depend on and leave behind; which of them run.

shell_text and code_closure read the recipe, file_states its files, stage_records compares, stage_runner is what
utils/stages.sh starts, run_report adds it up; memory watches a run and, by run_lock, keeps others away; relocate mends
lists of a folder that has moved. Standard library only: a recipe starts many of them.
"""
