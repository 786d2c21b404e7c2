"""LangChain's ChatOpenAI."""

import os

import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL = os.environ["GOSLING_URL"] + "/v1"


@pytest.fixture
def model():
    return ChatOpenAI(base_url=URL, api_key="none", model="demo", max_tokens=16, seed=7, max_retries=0)


def test_invoke(model):
    answer = model.invoke("Hello. Who are you?")
    assert answer.content
    assert answer.usage_metadata["output_tokens"] > 0


def test_stream(model):
    chunks = list(model.stream("Hello. Who are you?"))
    assert "".join(chunk.content for chunk in chunks) == model.invoke("Hello. Who are you?").content


def test_batch(model):
    assert all(answer.content for answer in model.batch(["Hello.", "Who are you?", "And I?"]))


def test_stop(model):
    text = model.invoke("Hello. Who are you?").content
    stop = text[len(text) // 2]
    assert model.invoke("Hello. Who are you?", stop=[stop]).content == text[: text.index(stop)]


def test_embeddings():
    # Without check_embedding_ctx_length=False it would send tokens of OpenAI's vocabulary.
    vectors = OpenAIEmbeddings(base_url=URL, api_key="none", model="demo", check_embedding_ctx_length=False).embed_documents(["a goose", "a gander"])
    assert len(vectors) == 2 and vectors[0] != vectors[1]
