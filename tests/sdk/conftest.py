"""One gateway and one scripted upstream for the whole session; a key of its own for each test.

The cases that any OpenAI-compatible server can answer run against each backend: the built-in `echo` channel and the
scripted upstream, or, with `--peer BASE_URL`, a server that others wrote.
"""

import dataclasses

import clients
import openai
import pytest
import upstream as scripted
from gateway import Gateway, find_binary
from providers import PROVIDERS, add_channels
from replay import Replay


@dataclasses.dataclass(frozen=True)
class Backend:
    """The model names of one server behind the gateway, and what it can do."""

    name: str
    chat: str
    embeddings: str
    responses: str
    # What it answers, where it is known.
    text: str | None
    streams_responses: bool = True


ECHO = Backend("echo", chat="echo", embeddings="echo", responses="echo", text=None)
SCRIPTED = Backend("scripted", chat="scripted-chat", embeddings="scripted-embed", responses="scripted-chat", text=scripted.TEXT)
# LiteLLM's mock answers 500 to a streamed response, with or without a gateway before it.
PEER = Backend("peer", "peer-chat", "peer-embed", "peer-chat", "The answer is 42.", streams_responses=False)


def pytest_addoption(parser):
    parser.addoption("--peer", metavar="BASE_URL", help="run the common cases against this server instead")


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        backends = [PEER] if metafunc.config.getoption("--peer") else [ECHO, SCRIPTED]
        metafunc.parametrize("backend", backends, ids=lambda b: b.name)


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--peer"):
        return
    # A foreign server cannot be told to fail: the cases with a script stay out.
    common = [item for item in items if "backend" in item.fixturenames]
    config.hook.pytest_deselected(items=[item for item in items if item not in common])
    items[:] = common


@pytest.fixture(scope="session")
def upstream():
    with scripted.Upstream() as server:
        yield server


@pytest.fixture(scope="session")
def replay():
    with Replay() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(request, upstream, replay, tmp_path_factory):
    # The images that the gateway fetches for a provider are on this machine.
    with Gateway(find_binary(), tmp_path_factory.mktemp("data"), {"REAL200_OUTBOUND__ALLOW_PRIVATE": '["127.0.0.1"]'}) as running:
        running.channel("scripted", upstream.base_url, scripted.MODELS)
        add_channels(running, replay.origin)
        if peer := request.config.getoption("--peer"):
            running.channel("peer", peer, [PEER.chat, PEER.embeddings], credential="sk-peer")
        yield running


@pytest.fixture
def key(gateway, request):
    """A fresh key, so that the call log can be asked for one test's calls."""
    return gateway.key(request.node.name)


@pytest.fixture
def client(gateway, key):
    with connect(gateway, key["key"]) as made:
        yield made


@pytest.fixture(scope="session")
def session_key(gateway):
    """One key for the many cases that only look at what is asked and answered."""
    return gateway.key("session")


_CONNECTED = {}


@pytest.fixture(params=clients.ALL, ids=lambda sdk: sdk.name)
def sdk(request, gateway, session_key):
    """Each official SDK."""
    if request.param not in _CONNECTED:
        _CONNECTED[request.param] = request.param(f"http://{gateway.address}", session_key["key"])
    return _CONNECTED[request.param]


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.kind)
def provider(request):
    """Each kind of provider."""
    return request.param


def connect(gateway, secret):
    """The SDK as a user sets it up, but for retries: a test wants the first answer."""
    return openai.OpenAI(base_url=gateway.base_url, api_key=secret, max_retries=0, timeout=30.0)
