"""The feature catalogue: what each column of a model line is. Pure: no Django, no database."""
