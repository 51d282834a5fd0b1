// The official openai SDK for Node, unchanged, against the gateway that with_gateway.py started.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set: run this through with_gateway.py`);
const connect = (apiKey) => new OpenAI({ baseURL: env('REAL200_TEST_BASE_URL'), apiKey, maxRetries: 0, timeout: 30_000 });
const client = connect(env('REAL200_TEST_KEY'));

const messages = [{ role: 'user', content: 'Say hello to the harbour' }];
const tools = [
  {
    type: 'function',
    function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];
const backends = [
  { name: 'echo', chat: 'echo', embeddings: 'echo', expected: /harbour/ },
  { name: 'scripted', chat: 'scripted-chat', embeddings: 'scripted-embed', expected: /^The answer is 42\.$/ },
];

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

for (const { name, chat, embeddings, expected } of backends) {
  test(`${name}: a chat is answered with usage`, async () => {
    const answer = await client.chat.completions.create({ model: chat, messages });
    assert.match(answer.choices[0].message.content, expected);
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  });

  test(`${name}: a streamed chat arrives in pieces and without a usage frame`, async () => {
    const chunks = await all(await client.chat.completions.create({ model: chat, messages, stream: true }));
    const pieces = chunks.map((chunk) => chunk.choices[0].delta.content).filter(Boolean);
    assert.match(pieces.join(''), expected);
    assert.ok(pieces.length > 1);
    assert.ok(chunks.every((chunk) => !chunk.usage));
  });

  test(`${name}: the usage frame comes last when it was asked for`, async () => {
    const options = { model: chat, messages, stream: true, stream_options: { include_usage: true } };
    const chunks = await all(await client.chat.completions.create(options));
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
    assert.equal(chunks.filter((chunk) => chunk.usage).length, 1);
  });

  test(`${name}: embeddings are made for each input`, async () => {
    const answer = await client.embeddings.create({ model: embeddings, input: ['one', 'two'] });
    assert.deepEqual(answer.data.map((item) => item.index), [0, 1]);
    assert.ok(answer.data.every((item) => typeof item.embedding[0] === 'number'));
  });

  test(`${name}: a response is answered`, async () => {
    const answer = await client.responses.create({ model: chat, input: 'Say hello to the harbour' });
    assert.match(answer.output_text, expected);
    assert.ok(answer.usage.output_tokens > 0);
  });

  test(`${name}: a streamed response ends with the whole response`, async () => {
    const events = await all(await client.responses.create({ model: chat, input: 'Say hello to the harbour', stream: true }));
    assert.equal(events.at(-1).type, 'response.completed');
    const deltas = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta);
    assert.match(deltas.join(''), expected);
  });

  test(`${name}: its model is in the list`, async () => {
    const listed = await all(client.models.list());
    assert.ok(listed.some((model) => model.id === chat));
  });
}

test('tool calls pass through', async () => {
  const answer = await client.chat.completions.create({ model: 'scripted-chat', messages, tools });
  const [call] = answer.choices[0].message.tool_calls;
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['weather', { city: 'Hamburg' }]);
});

test('streamed tool calls keep their pieces', async () => {
  const stream = await client.chat.completions.create({ model: 'scripted-chat', messages, tools, stream: true });
  const calls = (await all(stream)).map((chunk) => chunk.choices[0].delta.tool_calls).filter(Boolean);
  assert.deepEqual(calls.map(([call]) => call.function.arguments), ['', '{"ci', 'ty":"Ham', 'burg"}']);
});

test('a cut stream rejects instead of ending cleanly', async () => {
  const stream = await client.chat.completions.create({ model: 'scripted-cut', messages, stream: true });
  await assert.rejects(all(stream));
});

const ask = (apiKey, model = 'echo') => connect(apiKey).chat.completions.create({ model, messages });

for (const [what, key, model, type, code] of [
  ['an unknown key', () => `sk-real200-${'0'.repeat(32)}`, 'echo', OpenAI.AuthenticationError, 'invalid_api_key'],
  ['a disabled key', () => env('REAL200_TEST_DISABLED_KEY'), 'echo', OpenAI.AuthenticationError, 'api_key_disabled'],
  ['a deleted key', () => env('REAL200_TEST_DELETED_KEY'), 'echo', OpenAI.AuthenticationError, 'invalid_api_key'],
  ['an unknown model', () => env('REAL200_TEST_KEY'), 'no-such-model', OpenAI.NotFoundError, 'model_not_found'],
  ['a forbidden model', () => env('REAL200_TEST_NARROW_KEY'), 'echo', OpenAI.PermissionDeniedError, 'model_not_allowed'],
  ["the provider's 400", () => env('REAL200_TEST_KEY'), 'scripted-400', OpenAI.BadRequestError, 'context_length_exceeded'],
  ["the provider's 429", () => env('REAL200_TEST_KEY'), 'scripted-429', OpenAI.RateLimitError],
  ["the provider's 500", () => env('REAL200_TEST_KEY'), 'scripted-500', OpenAI.InternalServerError],
]) {
  test(`${what} is a ${type.name}`, async () => {
    await assert.rejects(ask(key(), model), (error) => {
      assert.ok(error instanceof type, `${error}`);
      if (code) assert.equal(error.code, code);
      return true;
    });
  });
}
