"""LangChain's standard tests of chat models, without those for function calls and structured answers."""

import os

from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests


class TestStandard(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {"base_url": os.environ["GOSLING_URL"] + "/v1", "api_key": "none", "model": "demo", "max_tokens": 48, "seed": 7, "max_retries": 0, "stream_usage": True}

    @property
    def has_tool_calling(self):
        return False

    @property
    def has_structured_output(self):
        return False
