// The official SDKs openai and @anthropic-ai/sdk for Node, unchanged, against channels of each kind: what with_gateway.py
// started, with recorded answers behind it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set: run this through with_gateway.py`);
const gateway = new URL(env('REAL200_TEST_BASE_URL')).origin;
const replay = env('REAL200_TEST_REPLAY');
const key = env('REAL200_TEST_KEY');
const lastRequest = async () => (await fetch(`${replay}/last`)).json();

const parameters = { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] };
const openai = (origin, apiKey = key) => new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0, timeout: 30_000 });
const anthropic = (origin, apiKey = key) => new Anthropic({ baseURL: origin, apiKey, maxRetries: 0, timeout: 30_000 });

// Each SDK behind the same words: ask, whole or streamed by its own helper, and go on with the results of calls.
const chat = {
  dialect: 'chat',
  BadRequest: OpenAI.BadRequestError,
  Failed: OpenAI.APIError,
  async ask(origin, model, streamed, ask) {
    const body = { model, reasoning_effort: ask.thinking ? 'high' : undefined, messages: ask.turns ?? [{ role: 'user', content: 'Hi' }] };
    if (ask.tools) body.tools = [{ type: 'function', function: { name: 'get_weather', parameters } }];
    const completions = openai(origin).chat.completions;
    const answer = streamed
      ? await completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion()
      : await completions.create(body);
    const { message } = answer.choices[0];
    const calls = (message.tool_calls ?? []).map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
    const results = (message.tool_calls ?? []).map((call) => ({ role: 'tool', tool_call_id: call.id, content: 'sunny' }));
    const next = results.length ? results : [{ role: 'user', content: 'Go on.' }];
    const usage = [answer.usage.prompt_tokens, answer.usage.completion_tokens];
    return { said: { text: message.content ?? '', calls, usage }, turns: [...body.messages, message, ...next] };
  },
  async *pieces(model) {
    const stream = await openai(gateway).chat.completions.create({ model, messages: [{ role: 'user', content: 'Hi' }], stream: true });
    for await (const chunk of stream) yield chunk.choices[0]?.delta.content;
  },
};

const responses = {
  dialect: 'responses',
  BadRequest: OpenAI.BadRequestError,
  Failed: OpenAI.APIError,
  async ask(origin, model, streamed, ask) {
    const body = { model, store: false, include: ['reasoning.encrypted_content'], input: ask.turns ?? [{ role: 'user', content: 'Hi' }] };
    if (ask.thinking) body.reasoning = { effort: 'high', summary: 'auto' };
    if (ask.tools) body.tools = [{ type: 'function', name: 'get_weather', parameters, strict: false }];
    const { responses } = openai(origin);
    const answer = streamed ? await responses.stream(body).finalResponse() : await responses.create(body);
    const called = answer.output.filter((item) => item.type === 'function_call');
    const calls = called.map((call) => [call.name, JSON.parse(call.arguments)]);
    const results = called.map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }));
    const next = results.length ? results : [{ role: 'user', content: 'Go on.' }];
    const usage = [answer.usage.input_tokens, answer.usage.output_tokens];
    return { said: { text: answer.output_text, calls, usage }, turns: [...body.input, ...answer.output, ...next] };
  },
  async *pieces(model) {
    for await (const event of await openai(gateway).responses.create({ model, input: 'Hi', stream: true })) {
      if (event.type === 'response.output_text.delta') yield event.delta;
      // Not an exception of the SDK: its users look for the event.
      if (event.type === 'response.failed') throw new OpenAI.APIError(undefined, event.response.error, undefined, undefined);
    }
  },
};

const messages = {
  dialect: 'messages',
  BadRequest: Anthropic.BadRequestError,
  Failed: Anthropic.APIError,
  async ask(origin, model, streamed, ask) {
    const body = { model, max_tokens: 4096, messages: ask.turns ?? [{ role: 'user', content: 'Hi' }] };
    if (ask.thinking) body.thinking = { type: 'adaptive', display: 'summarized' };
    if (ask.tools) body.tools = [{ name: 'get_weather', input_schema: parameters }];
    const client = anthropic(origin);
    const answer = streamed ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
    const text = answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    const called = answer.content.filter((block) => block.type === 'tool_use');
    const calls = called.map((call) => [call.name, call.input]);
    const results = called.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }));
    const next = { role: 'user', content: results.length ? results : 'Go on.' };
    const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens } = answer.usage;
    const usage = [input_tokens + cache_read_input_tokens + cache_creation_input_tokens, output_tokens];
    return { said: { text, calls, usage }, turns: [...body.messages, { role: 'assistant', content: answer.content }, next] };
  },
  async *pieces(model) {
    const stream = anthropic(gateway).messages.stream({ model, max_tokens: 4096, messages: [{ role: 'user', content: 'Hi' }] });
    for await (const event of stream) if (event.type === 'content_block_delta') yield event.delta.text;
  },
};

const clients = [chat, responses, messages];
const providers = [
  { kind: 'openai', dialect: 'chat', family: 'gpt-4.1' },
  { kind: 'anthropic', dialect: 'messages', family: 'claude-opus-4-6' },
  { kind: 'gemini', dialect: 'gemini', family: 'gemini-3-pro' },
];
const recorded = (dialect, kase) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/crossing/${dialect}/${kase}.answer.json`, import.meta.url), 'utf8'));
const spokenTo = (provider, client) => (provider.kind === 'openai' && client === responses ? 'responses' : provider.dialect);

// What the provider's answer says: as the SDK of its own dialect has it without a gateway, or, of Google's, as it is recorded.
async function expected(provider, client, kase, streamed) {
  const dialect = spokenTo(provider, client);
  const own = clients.find((one) => one.dialect === dialect);
  if (own) return (await own.ask(replay, `${provider.family}-${kase}`, streamed, {})).said;
  const { candidates, usageMetadata } = recorded(dialect, kase);
  const { parts } = candidates[0].content;
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount } = usageMetadata;
  return {
    text: parts.map((part) => (part.thought ? '' : (part.text ?? ''))).join(''),
    calls: parts.filter((part) => part.functionCall).map(({ functionCall }) => [functionCall.name, functionCall.args]),
    usage: [promptTokenCount, candidatesTokenCount + thoughtsTokenCount],
  };
}

const seals = (value) => {
  if (value === null || typeof value !== 'object') return [];
  const own = ['signature', 'data', 'thoughtSignature', 'encrypted_content'].map((name) => value[name]).filter((seal) => typeof seal === 'string');
  return [...own, ...Object.values(value).flatMap(seals)];
};

for (const client of clients) {
  for (const provider of providers) {
    const name = `${client.dialect} to ${provider.kind}`;
    const model = (kase) => `${provider.family}-${kase}`;

    for (const streamed of [false, true]) {
      const how = streamed ? 'streamed' : 'whole';

      test(`${name}: a ${how} answer says what the provider said`, async () => {
        const { said } = await client.ask(gateway, model('plain'), streamed, {});
        assert.deepEqual(said, await expected(provider, client, 'plain', streamed));
      });

      test(`${name}: calls of a ${how} answer and their results come back to the provider`, async () => {
        const { said, turns } = await client.ask(gateway, model('tool_calls_parallel'), streamed, { tools: true });
        assert.deepEqual(said, await expected(provider, client, 'tool_calls_parallel', streamed));
        assert.equal(said.calls.length, 2);
        await client.ask(gateway, model('plain'), false, { tools: true, turns });
        assert.equal(JSON.stringify(await lastRequest()).split('sunny').length - 1, 2);
      });

      // Of a member that it does not know, the helper for chat keeps what the last chunk has: here one seal of two.
      const loses = client === chat && streamed && provider.kind === 'anthropic';
      if (provider.kind !== 'openai' && !loses) {
        test(`${name}: the seal of a ${how} thought comes back as its maker made it`, async () => {
          const { turns } = await client.ask(gateway, model('thinking'), streamed, { thinking: true });
          await client.ask(gateway, model('plain'), false, { thinking: true, turns });
          assert.deepEqual(seals(await lastRequest()), seals(recorded(provider.dialect, 'thinking')));
        });
      }
    }

    test(`${name}: what the client got wrong is its SDK's bad request`, async () => {
      await assert.rejects(client.ask(gateway, model('400'), false, {}), (error) => {
        assert.ok(error instanceof client.BadRequest, `${error}`);
        return /scripted 400/.test(error.message);
      });
    });

    for (const kase of ['error', 'cut']) {
      test(`${name}: a stream that fails in the middle (${kase}) rejects with the SDK's own error`, async () => {
        const pieces = [];
        const reading = (async () => {
          for await (const piece of client.pieces(model(kase))) pieces.push(piece);
        })();
        await assert.rejects(reading, (error) => error instanceof client.Failed || assert.fail(`${error}`));
        assert.ok(pieces.some(Boolean), 'what came before is delivered');
      });
    }
  }
}

test('anthropic: the models are listed and tokens are counted for any of them', async () => {
  const client = anthropic(gateway);
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  for (const { family } of providers) {
    assert.ok(listed.includes(`${family}-plain`));
    const counted = await client.messages.countTokens({ model: `${family}-plain`, messages: [{ role: 'user', content: 'one two three' }] });
    assert.ok(counted.input_tokens >= 3);
  }
});

test('anthropic: a key that is not known is an authentication error', async () => {
  const stranger = anthropic(gateway, `sk-real200-${'0'.repeat(32)}`);
  const asking = stranger.messages.create({ model: 'echo', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] });
  await assert.rejects(asking, Anthropic.AuthenticationError);
});
