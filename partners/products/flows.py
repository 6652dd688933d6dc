"""The lives of a product and of a version of its credit policy."""

from hub.flow import flow

PRODUCT = flow("product", "draft", draft="live closed", live="paused closed", paused="live closed", closed="")
# A submitted version that is written again is a draft again: nobody approves what was changed under his eyes.
POLICY = flow("credit policy", "draft", draft="submitted", submitted="draft live", live="retired", retired="")
