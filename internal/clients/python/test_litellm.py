"""litellm, with both of its prefixes for servers like OpenAI's."""

import os

import litellm
import pytest

URL = os.environ["GOSLING_URL"] + "/v1"
HELLO = [{"role": "user", "content": "Hello. Who are you?"}]
litellm.telemetry = False


def ask(prefix, **more):
    return litellm.completion(model=f"{prefix}/demo", api_base=URL, api_key="none", messages=HELLO, max_tokens=16, num_retries=0, **more)


@pytest.mark.parametrize("prefix", ["openai", "hosted_vllm"])
def test_chat(prefix):
    answer = ask(prefix, seed=7)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize("prefix", ["openai", "hosted_vllm"])
def test_stream(prefix):
    chunks = list(ask(prefix, seed=7, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == ask(prefix, seed=7).choices[0].message.content
    assert litellm.stream_chunk_builder(chunks).choices[0].message.content == text


def test_text():
    answer = litellm.text_completion(model="text-completion-openai/demo", api_base=URL, api_key="none", prompt="ROMEO:", max_tokens=8)
    assert answer.choices[0].text


def test_embedding():
    answer = litellm.embedding(model="openai/demo", api_base=URL, api_key="none", input=["a goose", "a gander"])
    assert len(answer.data) == 2


def test_error():
    with pytest.raises(litellm.BadRequestError, match="temperature"):
        ask("openai", temperature=-1)
