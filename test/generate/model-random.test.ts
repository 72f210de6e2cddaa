import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model, type Session } from '../../src/index.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { refused } from '../helpers/checks/refused.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { livelyT6 } from '../helpers/models/t6-model.ts';

/** Logits of other chunks differ by at most 6e-6 · (1 + max), see golden.test.ts; max is 1 here. */
const ATOL = 1.2e-5;
/** Three cache pages. */
const CONTEXT = 240;
const VOCAB = 97;
const MAX_SESSIONS = 5;

const KINDS = ['prefill', 'decode', 'generate', 'abort', 'fork', 'truncate', 'dispose'] as const;

interface Step {
  readonly kind: (typeof KINDS)[number];
  /** Which session. */
  readonly on: number;
  /** What the call's arguments are made from. */
  readonly n: number;
}

const { source } = livelyT6(CONTEXT);

const test = suite('calls on sessions at random');

test(`60 runs of 8 to 24 calls equal a model without a cache to ${ATOL}, and give all memory back`, async () => {
  using model = await loadModel(source, { simd: 'baseline' });
  const idle = model.memory().used;
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom(...KINDS),
    on: fc.nat(9),
    n: fc.nat(75),
  });
  const done = new Map(KINDS.map((kind) => [kind, 0]));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24 }), async (steps) => {
      const sessions = [model.createSession()];
      for (const each of steps) {
        await take(model, sessions, each);
        done.set(each.kind, done.get(each.kind)! + 1);
        if (sessions.length === 0) sessions.push(model.createSession());
      }
      for (const on of sessions.keys()) await take(model, sessions, { kind: 'decode', on, n: 1 });
      for (const session of sessions) session.dispose();
      assert.is(model.memory().used, idle);
    }),
    { numRuns: 60, seed: 2 },
  );
  assert.ok(Math.min(...done.values()) > 50, JSON.stringify([...done]));
});

test.run();

/** Does one call and compares it with logits computed from nothing but the ids. */
async function take(model: Model, sessions: Session[], { kind, on, n }: Step): Promise<void> {
  const session = sessions[on % sessions.length]!;
  const before = session.tokens;
  switch (kind) {
    case 'prefill':
    case 'decode':
      return evaluate(model, session, kind === 'decode' ? 1 : n + 1, n);
    case 'generate':
      return generate(model, session, n, Infinity);
    case 'abort':
      return generate(model, session, n, 1 + (n % 3));
    case 'fork':
      if (sessions.length === MAX_SESSIONS) return;
      sessions.push(session.fork());
      assert.equal(sessions.at(-1)!.tokens, before);
      return;
    case 'truncate':
      session.truncate(n % (before.length + 1));
      assert.equal(session.tokens, before.slice(0, n % (before.length + 1)));
      return;
    case 'dispose':
      session.dispose();
      sessions.splice(sessions.indexOf(session), 1);
  }
}

async function evaluate(model: Model, session: Session, count: number, n: number): Promise<void> {
  const before = session.tokens;
  const added = Array.from({ length: count }, (_, i) => (7 * n + 5 * i) % VOCAB);
  if (before.length + count > CONTEXT) {
    await refused(() => session.prefill(added), 'CONTEXT_OVERFLOW');
    assert.equal(session.tokens, before);
    return;
  }
  const logits = await (count === 1 ? session.decode(added[0]!) : session.prefill(added));
  assert.equal(session.tokens, [...before, ...added]);
  const plain = await model.logits(session.tokens);
  assertClose(logits, plain.subarray(-VOCAB), { atol: ATOL, what: `prefill of ${count}` });
}

/** Leaves after `limit` tokens. */
async function generate(model: Model, session: Session, n: number, limit: number): Promise<void> {
  const before = session.tokens;
  const isEmpty = before.length === 0;
  if (isEmpty) await refused(() => readAll(session.generate([])), 'PROMPT_EMPTY');
  const prompt = !isEmpty && n % 2 === 0 ? [] : [n, 1, n % 5].slice(0, CONTEXT - before.length);
  const generation = session.generate(prompt, { temperature: 0, maxTokens: 1 + (n % 6) });
  for await (const _ of generation) if (generation.tokens.length === limit) break;

  const start = before.length + prompt.length;
  assert.equal(session.tokens, [...before, ...prompt, ...generation.tokens]);
  assert.is(generation.tokens.length === 0, start === CONTEXT);
  const plain = await model.logits(session.tokens);
  for (const [i, id] of generation.tokens.entries()) {
    const row = plain.subarray((start + i - 1) * VOCAB, (start + i) * VOCAB);
    assert.ok(row[id]! > Math.max(...row) - 2 * ATOL, `token ${i} is not the likeliest`);
  }
}
