"""A supervisor that outlives whoever started it: a session of its own, no terminal, no pipe."""

START_ARGV = ("setsid",)
"""What stands in front of `bash job.sh`; launch.sh redirects and detaches."""
