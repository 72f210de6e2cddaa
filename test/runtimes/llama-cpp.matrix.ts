import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCheckpoint, type GgufDtype } from '../../src/convert.ts';
import { SPLITTINGS } from '../../src/format/gguf/vocabulary/splittings.ts';
import { loadModel, type Model } from '../../src/index.ts';
import { buildCheckpoint } from '../helpers/files/build-checkpoint.ts';
import { convertedBytes, folderCheckpoint, openedGguf } from '../helpers/files/converted.ts';
import { byteLevelJson } from '../helpers/files/tokenizer-json.ts';
import { buildLlama, llamaVariant } from '../helpers/models/llama-model.ts';
import { sentencePieceJson } from '../helpers/models/sentencepiece.ts';
import { findRuntime } from './find.ts';
import type { LlamaCppJob, LlamaCppResult } from './hosts/llama-cpp.ts';
import type { Checkpoint } from '../../src/convert.ts';

const run = promisify(execFile);
const HOST = fileURLToPath(new URL('hosts/llama-cpp.ts', import.meta.url));
const REAL = fileURLToPath(new URL('../../../shared/real/stories260K', import.meta.url));

/** Tokens that are compared, and by how much their log-probabilities may differ. */
const TOP = 12;
const TOLERANCE = 0.1;
/** The same where llama.cpp computes with the same numbers in float32; its cache is float16. */
const FLOAT_TOLERANCE = 0.02;
/** llama.cpp rounds activations to 8 bits too: in rows of 64 that shows (0.11 measured). */
const SMALL_TOLERANCE = 0.25;
/** What the logits of random models are multiplied by, which then deviate by about 1 as real ones. */
const LOGIT_SCALE = 0.4;
const DTYPES: readonly GgufDtype[] = ['f16', 'q8_0', 'q4_0'];
const TEXTS = ['the then', ' the  12345 e', "it's\n\nthe", 'été 漢字 \u{1f600}'];

/** Rows of whole blocks of 32, in all shapes. */
const SIZES = { hidden_size: 64, intermediate_size: 192, vocab_size: 320, num_attention_heads: 4 };
const MERGES = [
  ['t', 'h'],
  ['th', 'e'],
  ['Ġ', 'the'],
] as const;

function byteLevel(pre: string): object {
  const { normalizer, preTokenizer, ignoresMerges } = SPLITTINGS.get(pre)!;
  const model = { ignore_merges: ignoresMerges };
  return byteLevelJson(MERGES, { normalizer, pre_tokenizer: preTokenizer, model });
}

const SCALINGS = {
  linear: { rope_type: 'linear', factor: 4 },
  yarn: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 },
  llama3: {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  },
};

interface Case {
  readonly label: string;
  readonly dtypes: readonly GgufDtype[];
  /** Of quantised types, {@link TOLERANCE} unless given. */
  readonly tolerance?: number;
  /** One context. */
  readonly ids?: readonly number[];
  open(): Promise<Checkpoint>;
}

const IDS = Array.from({ length: 40 }, (_, i) => (i * 37 + 5) % 250);
/** `Once upon a time, there was a little girl named Lily. She loved to play outside in the park.` */
const STORY = [
  1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267,
  337, 410, 408, 419, 292, 411, 322, 265, 282, 295, 433, 426,
];

/** A random model of the sizes above. */
function random(
  variant: string,
  tokenizer: object,
  seed: number,
  more: object = {},
): () => Promise<Checkpoint> {
  return () => {
    const config = { ...llamaVariant(variant).config, ...SIZES, num_hidden_layers: 1, ...more };
    const { tensors } = buildLlama(config, seed);
    const norm = tensors.get('model.norm.weight')!;
    for (const [i, weight] of norm.values.entries()) norm.values[i] = LOGIT_SCALE * weight;
    return folderCheckpoint({ ...buildCheckpoint(config, tensors).source, tokenizer });
  };
}

const CASES: readonly Case[] = [
  { label: 'llama', dtypes: DTYPES, open: random('llama-untied', byteLevel('llama-bpe'), 5) },
  { label: 'llama, tied', dtypes: DTYPES, open: random('llama-gqa', byteLevel('gpt-2'), 6) },
  {
    label: 'llama with SentencePiece',
    dtypes: ['f16'],
    open: random('llama-untied', sentencePieceJson([]), 7),
  },
  { label: 'qwen2', dtypes: DTYPES, open: random('qwen2', byteLevel('qwen2'), 8) },
  { label: 'qwen3', dtypes: DTYPES, open: random('qwen3', byteLevel('qwen2'), 9) },
  ...Object.entries(SCALINGS).map(([name, scaling]) => ({
    label: `llama, ${name}`,
    dtypes: ['f16'] as const,
    open: random('llama-untied', byteLevel('llama-bpe'), 10, { rope_scaling: scaling }),
  })),
  ...(existsSync(REAL)
    ? [
        {
          label: 'stories260K',
          dtypes: DTYPES,
          open: () => openCheckpoint(REAL),
          ids: STORY,
          tolerance: SMALL_TOLERANCE,
        },
      ]
    : []),
];

const found = findRuntime('node-llama-cpp');
const missing = 'missing' in found ? found.missing : undefined;
const test = suite<{ root: string }>('files of the LLaMA family in llama.cpp');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-llama-cpp-'));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

/** What llama.cpp says, in a process of its own: what fails there ends there. */
async function ask(job: LlamaCppJob): Promise<readonly LlamaCppResult[]> {
  const { modules } = found as Extract<typeof found, { modules: string }>;
  const module = `${modules}node-llama-cpp/dist/index.js`;
  const words = ['--import', 'tsx', HOST, module, JSON.stringify(job)];
  const { stdout } = await run(process.execPath, words, { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as LlamaCppResult[];
}

/** Log-probabilities of all tokens behind each id. */
async function logProbabilities(model: Model, ids: readonly number[]): Promise<Float64Array[]> {
  const logits = await model.logits(ids);
  const { vocabSize } = model.config;
  return ids.map((_, place) => {
    const row = Float64Array.from(logits.subarray(place * vocabSize, (place + 1) * vocabSize));
    const most = Math.max(...row);
    const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
    return row.map((value) => value - most - Math.log(sum));
  });
}

/** Fails where the most probable tokens of the other have other log-probabilities here. */
function checkClose(
  ours: readonly Float64Array[],
  { next }: LlamaCppResult,
  tolerance: number,
  what: string,
): void {
  assert.is(next.length, ours.length);
  for (const [place, top] of next.entries()) {
    assert.is(top.length, TOP);
    for (const [id, theirValue] of top) {
      const value = ours[place]![id]!;
      const isClose = Math.abs(value - theirValue) <= tolerance;
      assert.ok(isClose, `${what}, place ${place}, token ${id}: ${value}, there ${theirValue}`);
    }
  }
}

async function ggufBytes(checkpoint: Checkpoint, dtype: GgufDtype): Promise<Uint8Array> {
  const written = await convertedBytes(checkpoint, { format: 'gguf', dtype });
  await checkpoint.close();
  return written.get('model.gguf')!;
}

for (const { label, dtypes, open, ids = IDS, tolerance = TOLERANCE } of CASES) {
  const name = `${label}: ${TOP} most probable tokens, and the same ids of texts`;
  const check = async ({ root }: { root: string }) => {
    const models: string[] = [];
    const save = async (file: string, bytes: Uint8Array) => {
      models.push(join(root, file));
      await writeFile(join(root, file), bytes);
    };
    const files: Uint8Array[] = [];
    for (const dtype of dtypes) {
      const bytes = await ggufBytes(await open(), dtype);
      files.push(bytes);
      await save(`${dtype}.gguf`, bytes);
      // The same numbers, which llama.cpp then multiplies as they are.
      await save(`${dtype}-f32.gguf`, await ggufBytes(await openedGguf(bytes), 'f32'));
    }
    const results = await ask({ models, ids, texts: TEXTS, top: TOP });
    for (const [i, bytes] of files.entries()) {
      const dtype = dtypes[i]!;
      const [stored, widened] = [results[2 * i]!, results[2 * i + 1]!];
      using model = await loadModel({ gguf: bytes }, { simd: 'baseline' });
      const ours = await logProbabilities(model, ids);
      checkClose(ours, stored, dtype === 'f16' ? FLOAT_TOLERANCE : tolerance, dtype);
      checkClose(ours, widened, FLOAT_TOLERANCE, `${dtype} as f32`);
      const texts = TEXTS.map((text) => model.tokenizer!.encode(text));
      assert.equal(stored.ids, texts);
    }
  };
  if (missing === undefined) test(name, check);
  else test.skip(`${name} (skipped, ${missing})`, check);
}

const PARTS = 'parts of a file, the metadata alone in the first: the model that they are of';
async function checkParts({ root }: { root: string }): Promise<void> {
  const { open } = CASES[0]!;
  const parts = await convertedBytes(await open(), { format: 'gguf', shardBytes: 15_000 });
  assert.ok(parts.size > 5);
  for (const [name, bytes] of parts) await writeFile(join(root, name), bytes);
  const [first] = parts.keys();
  const job = { models: [join(root, first!)], ids: IDS, texts: [], top: TOP };
  const [result] = await ask(job);
  using model = await loadModel({ gguf: [...parts.values()] }, { simd: 'baseline' });
  checkClose(await logProbabilities(model, IDS), result!, FLOAT_TOLERANCE, 'parts');
}
if (missing === undefined) test(PARTS, checkParts);
else test.skip(`${PARTS} (skipped, ${missing})`, checkParts);

test.run();
