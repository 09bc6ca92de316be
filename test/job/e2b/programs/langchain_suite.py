"""LangChain's own tests for sandboxes, against the server that the environment names. Fails when one of them fails."""

import sys

import pytest
from e2b import Sandbox
from langchain_e2b import E2BSandbox
from langchain_tests.integration_tests.sandboxes import SandboxIntegrationTests


class TestSandbox(SandboxIntegrationTests):
    @pytest.fixture(scope="class")
    def sandbox(self):
        with Sandbox.create() as box:
            yield E2BSandbox(sandbox=box)


if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "--disable-warnings", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", __file__]))
