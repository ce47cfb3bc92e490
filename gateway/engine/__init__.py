"""The use cases: submit, toss, deliver, relay, retry. Decisions live here and nowhere else."""
