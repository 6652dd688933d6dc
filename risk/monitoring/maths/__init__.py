"""The statistics of monitoring: pure functions from arrays to dataclasses."""
