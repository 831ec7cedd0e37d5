"""Settings and fixtures of the whole suite."""

from pathlib import Path

import pytest
from hypothesis import settings
from lxml import etree

# No deadline: on two shared cores a slow example says nothing about the code.
settings.register_profile("suite", deadline=None, max_examples=60)
settings.load_profile("suite")

SCHEMA_DIR = Path(__file__).parent / "schema"


class _LocalResolver(etree.Resolver):
    """The schema refers to its modules by their web addresses; they lie beside it."""

    def resolve(self, url, pubid, context):
        return self.resolve_filename(str(SCHEMA_DIR / url.rpartition("/")[2]), context)


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    """The W3C schema of MusicXML 4.0."""
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_LocalResolver())
    return etree.XMLSchema(etree.parse(str(SCHEMA_DIR / "musicxml.xsd"), parser))
