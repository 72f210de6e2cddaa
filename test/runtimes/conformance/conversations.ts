import type * as Tpa from '../../../src/index.ts';
import { type Assets, decodeAssets } from './assets.ts';
import type { Setting } from './suite.ts';

/** A snapshot as a runtime took it, and how its own session went on. */
export interface Taken {
  /** The model, and how its factors are cached. */
  readonly name: string;
  /** The model alone. */
  readonly model: string;
  /** Of the snapshot, base64. */
  readonly bytes: string;
  /** Tokens that were generated before the snapshot. */
  readonly before: readonly number[];
  readonly next: Next;
  /** The tokens of one generation as long as both, without a snapshot in between. */
  readonly whole: readonly number[];
}

/** How a session went on from a snapshot. */
export interface Next {
  readonly tokens: readonly number[];
  /** Of a second snapshot after them, base64. */
  readonly bytes: string;
}

/** A snapshot of another runtime. */
export interface Given extends Pick<Taken, 'name' | 'model' | 'bytes'> {
  /** The title of that runtime. */
  readonly from: string;
}

/** How a session went on here from a snapshot of another runtime. */
export interface Resumed extends Next, Pick<Given, 'name' | 'from'> {}

/** What a runtime made of all conversations. */
export interface Conversations {
  readonly taken: readonly Taken[];
  readonly resumed: readonly Resumed[];
  /** Where the models computed. */
  readonly place: Required<Setting>;
}

const DTYPES = ['f32', 'i16', 'q8'] as const;
/** Tokens before a snapshot, and as many after it. */
const TOKENS = 12;
const SAMPLING = { temperature: 0.9, topK: 30, repetitionPenalty: 1.1 } as const;
const SEED = 11;
/** Of the shipped model: its snapshot has one full page of 96 tokens and a part of a second. */
const LONG_PROMPT = 90;

/**
 * Takes a snapshot in the middle of a conversation with every model and every kind of cache, and
 * goes on with those of other runtimes.
 *
 * @param setting JSON of a {@link Setting}
 */
export async function converse(
  tpa: typeof Tpa,
  text: string,
  given: readonly Given[],
  setting: string,
): Promise<Conversations> {
  const options = {
    ...(JSON.parse(setting) as Setting),
    backend: 'wasm',
    simd: 'baseline',
  } as const;
  const taken: Taken[] = [];
  const resumed: Resumed[] = [];
  let place = { threads: 0, worker: false };
  for (const { name, source, prompt } of subjectsOf(decodeAssets(text))) {
    using model = await tpa.loadModel(source, options);
    const { threads, worker } = model.info();
    place = { threads, worker };
    for (const dtype of DTYPES) taken.push(await take(model, name, prompt, dtype));
    for (const one of given.filter((each) => each.model === name)) {
      using session = await model.restore(bytesOf(one.bytes));
      resumed.push({ name: one.name, from: one.from, ...(await goOn(session)) });
    }
  }
  return { taken, resumed, place };
}

/** The models: each mechanism that golden files have, and the one in the package. */
function subjectsOf({ models, shipped }: Assets) {
  const prompt = [...shipped.prompt, ...shipped.greedy, ...shipped.greedy].slice(0, LONG_PROMPT);
  const tiny = models.map(({ name, source, ids }) => ({ name, source, prompt: ids.slice(0, 5) }));
  return [...tiny, { name: 'shipped', source: shipped.source, prompt }];
}

async function take(
  model: Tpa.Model,
  name: string,
  prompt: readonly number[],
  cacheDtype: (typeof DTYPES)[number],
): Promise<Taken> {
  using once = model.createSession({ cacheDtype });
  const whole = await write(once, prompt, { seed: SEED, maxTokens: 2 * TOKENS });
  using session = model.createSession({ cacheDtype });
  const before = await write(session, prompt, { seed: SEED, maxTokens: TOKENS });
  const bytes = base64Of(await session.snapshot({ metadata: { name }, sha256: true }));
  const next = await goOn(session);
  return { name: `${name}, ${cacheDtype}`, model: name, bytes, before, next, whole };
}

async function goOn(session: Tpa.Session): Promise<Next> {
  const tokens = await write(session, [], { seed: 'continue', maxTokens: TOKENS });
  return { tokens, bytes: base64Of(await session.snapshot({ sha256: true })) };
}

async function write(
  session: Tpa.Session,
  prompt: readonly number[],
  options: Tpa.GenerateOptions,
): Promise<readonly number[]> {
  const generation = session.generate(prompt, { ...SAMPLING, ...options });
  for await (const _ of generation);
  return generation.tokens;
}

function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0));
}
