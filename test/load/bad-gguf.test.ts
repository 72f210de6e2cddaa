import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type ModelSource } from '../../src/index.ts';
import {
  buildGguf,
  type GgufParts,
  ggufValue,
  partName,
  splitGguf,
  splitMetadata,
  splitParts,
} from '../helpers/files/build-gguf.ts';
import { chatGgufParts } from '../helpers/files/chat-gguf.ts';
import { byteLevelMetadata } from '../helpers/files/gguf-vocabulary.ts';
import { refused } from '../helpers/checks/refused.ts';

const PARTS = chatGgufParts(byteLevelMetadata());
const FILE = buildGguf(PARTS);
const COUNT = 3;
const NAMES = Array.from({ length: COUNT }, (_, i) => partName(i, COUNT));
const SPLIT = splitParts(PARTS, COUNT);

const test = suite<{ root: string }>('GGUF files that are not what they should be');

const bytes = (text: string) => new TextEncoder().encode(text);

const load = (source: ModelSource) => loadModel(source, { simd: 'baseline', backend: 'wasm' });

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-bad-gguf-'));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

test('another magic, a cut and text in its place name the file and the cure', async ({ root }) => {
  const path = join(root, 'model.gguf');
  const cases: [Uint8Array, RegExp][] = [
    [bytes('GGML'), /expected GGUF as its first letters, found others: the file is damaged/],
    [new Uint8Array(), /expected at least 4 bytes, found 0: the file is damaged/],
    [FILE.slice(0, 3), /expected at least 4 bytes, found 3: the file is damaged/],
    [FILE.slice(0, -1000), /expected tensor "[\w.]+" up to byte \d+, found its end at \d+/],
    [bytes('version https://git-lfs.github.com/spec/v1\noid sha256:0'), /a git-lfs pointer/],
    [bytes('<!DOCTYPE html><title>Log in</title>'), /a web page/],
  ];
  for (const [content, message] of cases) {
    await writeFile(path, content);
    for (const source of [path, content]) {
      await refused(() => load(source), 'CHECKPOINT_INVALID', /"model\.gguf"/, message);
    }
  }
});

test('a part that is missing is named, whichever was opened', async ({ root }) => {
  const files = [...splitGguf(PARTS, COUNT)];
  for (const missing of NAMES) {
    for (const [name, content] of files) {
      if (name !== missing) await writeFile(join(root, name), content);
    }
    const there = NAMES.filter((name) => name !== missing);
    for (const source of [root, ...there.map((name) => join(root, name))]) {
      await refused(
        () => load(source),
        'MODEL_NOT_FOUND',
        { file: missing },
        new RegExp(`^there is no file "${missing}", one of 3 parts,`),
      );
    }
    for (const name of there) await rm(join(root, name));
  }
  const few = files.slice(1).map(([, content]) => content);
  await refused(
    () => load({ gguf: few }),
    'CHECKPOINT_INVALID',
    /expected a part of 2, found part/,
  );
});

/** The three files with one of them replaced. */
const replacing = (at: number, part: GgufParts): readonly GgufParts[] => SPLIT.with(at, part);

/** The second part with other facts of its set. */
const withFacts = (facts: Partial<Parameters<typeof splitMetadata>[0]>): readonly GgufParts[] =>
  replacing(1, {
    ...SPLIT[1]!,
    metadata: splitMetadata({ number: 1, count: COUNT, tensors: PARTS.tensors.length, ...facts }),
  });

const also = (key: string, value: string): GgufParts => ({
  ...SPLIT[1]!,
  metadata: [...SPLIT[1]!.metadata, [key, ggufValue(value)]],
});

const SETS: readonly (readonly [label: string, readonly GgufParts[], RegExp])[] = [
  ['a part twice', replacing(2, SPLIT[1]!), /found the same part 2 as in "model-00002-of-00003/],
  ['the first part twice', replacing(1, SPLIT[0]!), /"model-00002-of-00003\.gguf" .* same part 1/],
  ['a part of two', withFacts({ count: 2 }), /"model-00002.* expected a part of 3, found part 2/],
  [
    'a whole model',
    replacing(1, PARTS),
    /"model-00002.* expected a part of 3, found a whole model/,
  ],
  ['a part that is number 4', withFacts({ number: 3 }), /expected a part of 3, found number 4/],
  ['a part that counts other tensors', withFacts({ tensors: 7 }), /"split\.tensors\.count" as in/],
  [
    'another architecture',
    replacing(1, also('general.architecture', 'qwen2')),
    /"general\.architecture" as in/,
  ],
  [
    'a tensor in two parts',
    replacing(1, { ...SPLIT[1]!, tensors: [SPLIT[0]!.tensors[0]!, ...SPLIT[1]!.tensors.slice(1)] }),
    /tensor "[\w.]+" expected in one part, found in "model-00001.*" and "model-00002/,
  ],
  [
    'a tensor less',
    replacing(1, { ...SPLIT[1]!, tensors: SPLIT[1]!.tensors.slice(1) }),
    /"model-00001-of-00003\.gguf" expected \d+ tensors in all parts, found \d+/,
  ],
];

for (const [label, parts, message] of SETS) {
  test(`split files with ${label}`, async ({ root }) => {
    const files = parts.map((part) => buildGguf(part));
    for (const [i, content] of files.entries()) await writeFile(join(root, NAMES[i]!), content);
    await refused(() => load(join(root, NAMES[0]!)), 'CHECKPOINT_INVALID', message);
    await refused(() => load({ gguf: files }), 'CHECKPOINT_INVALID', /part-\d\.gguf/);
  });
}

test('a part under another name, and names of parts that cannot be', async ({ root }) => {
  const part = join(root, 'renamed.gguf');
  await writeFile(part, buildGguf(SPLIT[1]!));
  await refused(
    () => load(part),
    'CHECKPOINT_INVALID',
    /"renamed\.gguf" expected a whole model, found part 2 of 3: pass all parts, or one whose name ends/,
  );
  const odd = ['00000-of-00002', '00003-of-00002', '00001-of-00000', '00001-of-99999'];
  for (const numbers of odd) {
    const path = join(root, `model-${numbers}.gguf`);
    await writeFile(path, FILE);
    const error = await refused(() => load(path), 'MODEL_NOT_FOUND', /number of a part in 1\.\./);
    assert.is(error.data['file'], `model-${numbers}.gguf`);
    await rm(path);
  }
});

test.run();
