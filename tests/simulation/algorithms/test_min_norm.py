"""The shortest mean, by its optimality conditions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fedss_opt as fo
from fedss_opt.simulation.algorithms.min_norm import min_norm_weights

# The ridge of 1e-12 of the largest squared length, the tolerance of 1e-11 on prices, and rounding beneath both.
ERROR = 2e-11


@st.composite
def vectors(draw):
    """Up to ten vectors, also parallel, opposite, equal and zero ones, of any scale."""
    n, dimensions = draw(st.integers(1, 10)), draw(st.integers(1, 6))
    entries = draw(st.lists(st.integers(-4, 4), min_size=n * dimensions, max_size=n * dimensions))
    noise = draw(st.sampled_from([0.0, 1e-9, 1e-4, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    array = np.array(entries, dtype=np.float64).reshape(n, dimensions)
    return (array + noise * rng.normal(size=array.shape)) * 10.0 ** draw(st.integers(-8, 8))


def excess(gram, weights, low=0.0, high=1.0):
    """Bound how far the weights' value is from the least one (Frank and Wolfe), in largest squared lengths."""
    scale = float(gram.diagonal().max()) or 1.0
    n = len(gram)
    least, most = np.broadcast_to(np.clip(low, 0, 1), n), np.broadcast_to(np.clip(high, 0, 1), n)
    gradient = gram @ weights / scale
    vertex, rest = least.copy(), 1.0 - least.sum()
    for i in np.argsort(gradient):
        vertex[i] += min(rest, most[i] - least[i])
        rest -= vertex[i] - least[i]
    return float(gradient @ (weights - vertex))


@given(vectors())
def test_the_simplex(given_vectors):
    gram = given_vectors @ given_vectors.T
    weights = min_norm_weights(gram)
    assert (weights >= 0.0).all()
    assert abs(weights.sum() - 1.0) <= 1e-14
    assert excess(gram, weights) <= ERROR
    # MGDA's property: the mean descends for everybody.
    mean = weights @ given_vectors
    assert (given_vectors @ mean >= mean @ mean - ERROR * gram.diagonal().max()).all()


@given(vectors(), st.sampled_from([0.0, 1e-3, 0.05, 0.3, 1.0]), st.integers(0, 1000))
def test_weights_near_given_ones(given_vectors, radius, seed):
    gram = given_vectors @ given_vectors.T
    centre = np.random.default_rng(seed).dirichlet(np.ones(len(gram)))
    weights = min_norm_weights(gram, low=centre - radius, high=centre + radius)
    assert (np.abs(weights - centre) <= radius + 1e-15).all()
    assert (weights >= 0.0).all()
    # The weights sum as exactly as the centre does; with radius 0 they are the centre.
    assert abs(weights.sum() - 1.0) <= 1e-14
    assert excess(gram, weights, centre - radius, centre + radius) <= ERROR


@given(vectors(), st.sampled_from([1e-6, 3.0, 1e6]))
def test_the_scale_of_the_vectors_does_not_matter(given_vectors, scale):
    """The mean scales with them; the weights need not be unique, its length is."""
    gram = given_vectors @ given_vectors.T
    first, second = min_norm_weights(gram), min_norm_weights(scale**2 * gram)
    largest = float(gram.diagonal().max())
    assert abs(first @ gram @ first - second @ gram @ second) <= 2 * ERROR * largest


@given(st.integers(0, 200))
def test_two_vectors(seed):
    """In closed form: the point of a segment nearest to 0."""
    u, v = np.random.default_rng(seed).normal(size=(2, 3))
    share = np.clip(v @ (v - u) / ((u - v) @ (u - v)), 0.0, 1.0)
    found = min_norm_weights(np.array([[u @ u, u @ v], [u @ v, v @ v]]))
    # The ridge moves the optimum by at most itself over the curvature, which is above 1e-3 for these seeds.
    np.testing.assert_allclose(found, [share, 1.0 - share], atol=1e-8)


def test_many_vectors_in_few_dimensions():
    """0 is among the means: found to rounding, whatever the rank."""
    points = np.random.default_rng(0).normal(size=(100, 4))
    weights = min_norm_weights(points @ points.T)
    assert np.linalg.norm(weights @ points) <= 1e-5  # the root of what the ridge allows of the squared length


def test_one_vector_and_none_that_has_a_length():
    np.testing.assert_array_equal(min_norm_weights([[4.0]]), [1.0])
    np.testing.assert_allclose(min_norm_weights(np.zeros((4, 4))), np.full(4, 0.25), rtol=1e-15)


def test_what_is_no_product_of_vectors_is_refused():
    with pytest.raises(fo.OptionError, match="positive semidefinite"):
        min_norm_weights([[1.0, -3.0], [-3.0, 1.0]])
