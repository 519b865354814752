"""The command line.

- main.py: the root command, the lazy table of commands, exit codes and error lines
- flags.py: Go's flag syntax on click; options.py: flags that several commands share
- settings.py: which server, which token
- output.py: tables, csv, json, yaml; text.py: short ids, times, sizes
- job_file.py, template.py, template_parser.py: job files; spec.py: normalise and check a job
- sources.py: the short forms of inputs and publishers; selectors.py: of label conditions
- run_flags.py: a job from the flags of `docker run` and `wasm run`
- running.py: submit; waiting.py and progress.py: wait; ending.py: sum up
- log_stream.py: the log WebSocket; download.py: results of a job
- version.py, completion.py: commands of their own
- one module for each group: agent.py, docker.py, job.py (with job_columns.py, job_report.py), node.py, wasm.py
"""
