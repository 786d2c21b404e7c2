"""OpenAI's client, used as its users do."""

import asyncio
import os

import openai
import pytest

URL = os.environ["GOSLING_URL"] + "/v1"
HELLO = [{"role": "system", "content": "You are a goose."}, {"role": "user", "content": "Hello. Who are you?"}]


@pytest.fixture
def client():
    with openai.OpenAI(base_url=URL, api_key="none", max_retries=0) as c:
        yield c


def chat(client, **more):
    return client.chat.completions.create(model="demo", messages=HELLO, max_tokens=24, seed=7, temperature=0.8, **more)


def test_chat(client):
    answer = chat(client)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    again = chat(client)
    assert again.choices[0].message.content == answer.choices[0].message.content
    assert again.usage.prompt_tokens_details.cached_tokens > 0


def test_stream(client):
    text, usage, ends = "", None, []
    for chunk in chat(client, stream=True, stream_options={"include_usage": True}):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            ends.append(choice.finish_reason)
        usage = chunk.usage or usage
    assert text == chat(client).choices[0].message.content
    assert [end for end in ends if end] == ends[-1:]
    assert 0 < usage.completion_tokens <= 24


def test_helpers_of_streams(client):
    # The helper refuses answers that a limit has ended.
    with client.chat.completions.stream(model="demo", messages=HELLO, max_tokens=2000, seed=7, temperature=0.8) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content.startswith(chat(client).choices[0].message.content)


def test_choices_and_logprobs(client):
    answer = chat(client, n=2, logprobs=True, top_logprobs=3)
    assert [c.index for c in answer.choices] == [0, 1]
    for choice in answer.choices:
        assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
        assert all(len(token.top_logprobs) == 3 for token in choice.logprobs.content)


def test_completion(client):
    answer = client.completions.create(model="demo", prompt=["ROMEO:", "JULIET:"], max_tokens=8, echo=True)
    assert [c.text[:5] for c in answer.choices] == ["ROMEO", "JULIE"]


def test_embeddings(client):
    # The client asks for base64 unless told otherwise.
    answer = client.embeddings.create(model="demo", input=["a goose", "a gander"])
    floats = client.embeddings.create(model="demo", input="a goose", encoding_format="float")
    assert len(answer.data) == 2
    assert answer.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-6)


def test_errors(client):
    with pytest.raises(openai.BadRequestError) as wrong:
        chat(client, extra_body={"temperature": -1})
    assert wrong.value.param == "temperature"
    assert wrong.value.type == "invalid_request_error"
    with pytest.raises(openai.APIStatusError):
        client.files.list()


def test_cancel(client):
    stream = client.chat.completions.create(model="demo", messages=HELLO, max_tokens=100_000, stream=True, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    assert chat(client).choices[0].message.content


def test_models(client):
    assert [model.id for model in client.models.list()] == ["demo"]
    assert client.models.retrieve("demo").id == "demo"


def test_many_at_once():
    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=URL, api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(client.chat.completions.create(model="demo", messages=HELLO, max_tokens=16, seed=i) for i in range(12)))

    assert all(answer.choices[0].message.content for answer in asyncio.run(all_of_them()))
