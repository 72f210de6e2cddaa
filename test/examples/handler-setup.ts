import * as assert from 'uvu/assert';
import { Session } from '../../src/generate/session.ts';
import { byteTokenizer } from '../helpers/models/byte-tokenizer.ts';
import { FakeBackend, type FakeOptions } from '../helpers/fakes/fake-backend.ts';
import { settle } from '../helpers/fakes/silence.ts';

type Handler = (
  request: Request,
  waitUntil?: (work: Promise<unknown>) => void,
) => Promise<Response>;
/** What it sends. */
export type Event = { text?: string; finishReason?: string; error?: string };

export const ADDRESS = 'http://localhost/';
export const { createHandler } = (await import(
  new URL('../../examples/bun/handler.js', import.meta.url).href
)) as { createHandler: (load: () => Promise<unknown>) => Handler };

interface Options extends FakeOptions {
  /** What the first loads fail with. */
  readonly failures?: readonly Error[];
}

/** A handler over a fake backend. */
export function setUp({ failures = [], ...options }: Options = {}) {
  const backend = new FakeBackend({ vocabSize: 128, maxChunk: 64, ...options });
  const host = { backend, tokenizer: byteTokenizer, eosTokenIds: [], sessions: new Set<Session>() };
  const model = {
    tokenizer: byteTokenizer,
    config: { contextLength: backend.contextLength },
    createSession: () => new Session(host),
  };
  let loads = 0;
  const handle = createHandler(async () => {
    loads += 1;
    await settle();
    if (loads <= failures.length) throw failures[loads - 1];
    return model;
  });
  return {
    handle,
    backend,
    loads: () => loads,
    reference: (prompt: string, generate: object) =>
      model.createSession().generate(prompt, generate).text(),
  };
}

/** A request with this body. */
export function post(body: object, signal?: AbortSignal): Request {
  const init = { method: 'POST', body: JSON.stringify(body), ...(signal && { signal }) };
  return new Request(ADDRESS, init);
}

/** The whole stream. */
export async function textOf(handle: Handler, body: object): Promise<string> {
  return (await handle(post(body))).text();
}

/** The events of a stream. */
export function parse(stream: string): Event[] {
  const lines = stream.split('\n\n');
  assert.is(lines.pop(), '');
  return lines.map((line) => {
    assert.match(line, /^data: \{/);
    return JSON.parse(line.slice('data: '.length)) as Event;
  });
}
