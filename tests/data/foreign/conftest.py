from __future__ import annotations

import pytest

from symjax.data.foreign import distinct


@pytest.fixture(autouse=True, scope="session")
def few_files():
    """Fewer files for keys: opening them is most of what a small import does."""
    before, distinct.FILES = distinct.FILES, 8
    yield
    distinct.FILES = before
