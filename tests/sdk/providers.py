"""The replayed providers behind the gateway, a channel of each kind."""

import dataclasses
import itertools


@dataclasses.dataclass(frozen=True)
class Provider:
    """A channel's kind, the dialect that it is spoken to, and a model whose abilities the gateway knows by its name."""

    kind: str
    dialect: str
    base_path: str
    family: str
    # Recorded both whole and as a stream.
    cases: tuple
    thinking_family: str = ""

    def model(self, case, thinking=False):
        return f"{(thinking and self.thinking_family) or self.family}-{case}"

    def spoken_to(self, client):
        """The dialect in which a call of this client reaches it."""
        return "responses" if (self.kind, client) == ("openai", "responses") else self.dialect

    def add_channel(self, gateway, origin, models, **settings):
        name = f"{self.kind} {next(_NUMBER)}"
        return gateway.channel(name, origin + self.base_path, models, **settings | {"kind": self.kind})


_NUMBER = itertools.count()
_COMMON = ("plain", "tool_calls_parallel", "length", "cached", "refusal")
OPENAI = Provider("openai", "chat", "/v1", "gpt-4.1", (*_COMMON, "filtered"), thinking_family="gpt-5.1")
ANTHROPIC = Provider(
    "anthropic", "messages", "/v1", "claude-opus-4-6", (*_COMMON, "thinking", "tool_call_no_arguments", "stop_sequence")
)
GEMINI = Provider("gemini", "gemini", "/v1beta", "gemini-3-pro", (*_COMMON[:-1], "thinking", "filtered", "prompt_blocked"))
PROVIDERS = (OPENAI, ANTHROPIC, GEMINI)


def add_channels(gateway, origin):
    """Makes a channel to each, for what goes well."""
    for provider in PROVIDERS:
        cases = {*provider.cases, "thinking", "thinking_signed", "logprobs", "json_schema"}
        models = {provider.model(case, thinking) for case in cases for thinking in (False, True)}
        provider.add_channel(gateway, origin, sorted(models))
