"""Trees as boxes: the only place that reads scikit-learn's private tree arrays (`_predictors`, 1.9).

A leaf reached through splits on at most two features adds its value to a box of code ranges. Such boxes add up to
tables, one per feature and one per pair.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.learning.fit.frame import Floats
from risk.learning.fit.grid import Codes

# The codes of one feature that reach a leaf: the real ones first..last, and whether the missing code does.
Side = tuple[int, int, bool]
# The sides by feature, and the leaf's value in logits.
Box = tuple[dict[int, Side], float]


def model_input(codes: Codes) -> Floats:
    """Codes as the model takes them: missing as NaN."""
    values = codes.astype(np.float64)
    values[codes == 0] = np.nan
    return values


def fit_on(model: Any, codes: Codes, labels: NDArray[Any], **held_back: Any) -> Any:
    """Fit a boosting model on codes, and return it."""
    values = model_input(codes)
    # scikit-learn cannot bin a column without any value; a constant one is never split either.
    values[:, (codes == 0).all(axis=0)] = 0.0
    return model.fit(values, labels, **held_back)


def baseline(model: Any) -> float:
    """The logit that boosting starts from."""
    return float(np.ravel(model._baseline_prediction)[0])


def boxes(model: Any, sizes: list[int]) -> Iterator[Box]:
    """The leaves of a binary boosting model fitted on codes; `sizes` are the numbers of codes by feature."""
    for (tree,) in model._predictors:
        if tree.nodes["is_categorical"].any():
            raise ValueError("Only numerical splits can be compiled.")
        yield from _leaves(tree.nodes, 0, {}, sizes)


def _leaves(nodes: Any, at: int, path: dict[int, Side], sizes: list[int]) -> Iterator[Box]:
    node = nodes[at]
    if node["is_leaf"]:
        yield path, float(node["value"])
        return
    feature = int(node["feature_idx"])
    first, last, missing = path.get(feature, (1, sizes[feature] - 1, True))
    # The threshold is infinite where a split parts the missing code from all others.
    end = int(min(node["num_threshold"], last))
    goes_left = bool(node["missing_go_to_left"])
    left, right = (first, min(last, end), missing and goes_left), (max(first, end + 1), last, missing and not goes_left)
    yield from _leaves(nodes, int(node["left"]), {**path, feature: left}, sizes)
    yield from _leaves(nodes, int(node["right"]), {**path, feature: right}, sizes)


def second_splits(model: Any) -> Iterator[tuple[int, int, float]]:
    """(root's feature, child's feature, child's gain) of every split below a root."""
    for (tree,) in model._predictors:
        nodes = tree.nodes
        root = nodes[0]
        for child in () if root["is_leaf"] else (nodes[root["left"]], nodes[root["right"]]):
            if not child["is_leaf"]:
                yield int(root["feature_idx"]), int(child["feature_idx"]), float(child["gain"])
