"""Job dispatch in one calling convention (Kaldi's run.pl), on a machine or a cluster.

A dispatcher is dispatch (the main program) with an executor: local runs tasks here, cluster submits them to a scheduler
and waits, slurm and grid_engine know the schedulers' commands, on_node is what their jobs start. call reads what was
asked, script makes bash text of it, report says what failed, job_records notes what ran. Standard library only: a
recipe starts many of them.
"""
