// OpenAI's client for Node, used as its users do.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.GOSLING_URL + "/v1", apiKey: "none", maxRetries: 0 });
const hello = { model: "demo", max_tokens: 24, seed: 7, temperature: 0.8, messages: [{ role: "user", content: "Hello. Who are you?" }] };

test("chat", async () => {
  const answer = await client.chat.completions.create(hello);
  assert.ok(answer.choices[0].message.content);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test("stream", async () => {
  const whole = await client.chat.completions.create(hello);
  let text = "";
  for await (const chunk of await client.chat.completions.create({ ...hello, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
  }
  assert.equal(text, whole.choices[0].message.content);
});

test("helpers of streams", async () => {
  const runner = client.chat.completions.stream(hello);
  const final = await runner.finalChatCompletion();
  assert.ok(final.choices[0].message.content);
});

test("embeddings", async () => {
  const answer = await client.embeddings.create({ model: "demo", input: ["a goose", "a gander"] });
  assert.equal(answer.data.length, 2);
  assert.ok(answer.data[0].embedding.length > 1);
});

test("error", async () => {
  await assert.rejects(client.chat.completions.create({ ...hello, temperature: -1 }), (error) => {
    assert.equal(error.status, 400);
    assert.equal(error.param, "temperature");
    return true;
  });
});

test("cancel", async () => {
  const stream = await client.chat.completions.create({ ...hello, max_tokens: 100000, ignore_eos: true, stream: true });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    stream.controller.abort();
    break;
  }
  assert.ok((await client.chat.completions.create(hello)).choices[0].message.content);
});

test("models", async () => {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names, ["demo"]);
});
