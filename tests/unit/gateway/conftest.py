"""A world for each test, checked as a whole when the test is over."""

import pytest

from unit.gateway.harness import World


@pytest.fixture
def worlds():
    made = []

    def make(**given):
        made.append(World(**given))
        return made[-1]

    yield make
    for one in made:
        if not one.node.halted:
            one.check()


@pytest.fixture
def world(worlds):
    return worlds()


@pytest.fixture
def till(world):
    return world.till()
