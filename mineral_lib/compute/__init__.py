"""Where runs are trained: processes of this machine or a cluster, sharing a run, running out of memory."""
