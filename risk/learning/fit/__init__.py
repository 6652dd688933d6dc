"""Fitting and measuring of learners. Pure: arrays and dataclasses in and out, no Django, no database."""
