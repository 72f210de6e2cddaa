import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  loadModel,
  type Model,
  readSnapshotInfo,
  type SnapshotInfo,
  type SnapshotOptions,
  TpaError,
} from '../../src/index.ts';
import { outcomeOf, refused } from '../helpers/checks/refused.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { patched, sectionsOf } from '../helpers/sessions/sections.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { streamOf } from '../helpers/sessions/streams.ts';

const OPTIONS = { simd: 'baseline', backend: 'wasm' } as const;
const WORDS = { 0: 'zero', 1: 'one', 0xffffffff: 'the most', 0x80000000: 'the sign' };
/** Of HEAD, after the fingerprint. */
const FIELDS = [
  'dtype',
  'layers',
  'tokens',
  'before',
  'present',
  'pieces',
  'tokens of a piece',
  'bytes of a piece',
  'bytes of the last',
  'bytes of metadata',
  'flags',
  'reserved',
];

const random = createRandom(9);
const test = suite('snapshots that are damaged, or lie');

for (const name of ['tpa', 'linear-gqa']) {
  const { source } = mechanismVariant(name).build();

  test(`${name}: every byte flipped, every length cut: refused, and nothing is left`, async () => {
    using model = await loadModel(source, OPTIONS);
    const bytes = await small(model);
    const { used, size } = await settled(model, bytes);
    for (let at = 0; at < bytes.length; at++) {
      const bad = new Uint8Array(bytes);
      bad[at]! ^= 1 << random.integer(0, 7);
      // a fingerprint is checked as bytes are: by the CRC, before it is compared
      await refused(() => model.restore(bad), 'SNAPSHOT_INVALID', `byte ${at}`);
      await refused(() => readSnapshotInfo(bad), 'SNAPSHOT_INVALID', `byte ${at}`);
    }
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      await refused(() => model.restore(cut), 'SNAPSHOT_INVALID', `${length} bytes`);
      await refused(() => readSnapshotInfo(cut), 'SNAPSHOT_INVALID', `${length} bytes`);
    }
    const longer = Uint8Array.of(...bytes, 0);
    await refused(() => model.restore(longer), 'SNAPSHOT_INVALID', /more bytes/);
    assert.equal(model.memory().used, used);
    assert.is(model.memory().size, size);
    assert.is((await model.restore(bytes)).length, 3);
  });

  test(`${name}: every number of the header at its edges, with a right CRC`, async () => {
    using model = await loadModel(source, OPTIONS);
    const bytes = await small(model);
    const { used } = await settled(model, bytes);
    for (const [i, field] of FIELDS.entries()) {
      for (const [word, label] of Object.entries(WORDS)) {
        const at = 16 + 4 * i;
        const bad = patched(bytes, 'HEAD', (head) => head.setUint32(at, Number(word), true));
        if (Buffer.compare(bad, bytes) === 0) continue;
        const codes = ['SNAPSHOT_INVALID', 'CONTEXT_OVERFLOW'] as const;
        await refused(() => model.restore(bad), codes, `${field}: ${label}`);
        // which caches a model has is not known without it
        const info = await outcomeOf(() => readSnapshotInfo(bad));
        if (info instanceof TpaError) assert.is(info.code, 'SNAPSHOT_INVALID');
        else assert.is((info as SnapshotInfo).byteLength, bytes.length, `${field}: ${label}`);
      }
    }
    for (const { id, at, bytes: length } of sectionsOf(bytes)) {
      for (const wrong of [0, 1, length - 1, length + 1, 2 ** 31, 2 ** 32 - 1]) {
        const bad = new Uint8Array(bytes);
        new DataView(bad.buffer).setUint32(at + 4, wrong, true);
        if (Buffer.compare(bad, bytes) === 0) continue;
        await refused(() => model.restore(bad), 'SNAPSHOT_INVALID', `${id}: ${wrong} bytes`);
        await refused(() => readSnapshotInfo(bad), 'SNAPSHOT_INVALID', `${id}: ${wrong} bytes`);
      }
    }
    assert.is(model.memory().used, used);
  });

  test(`${name}: numbers that are not finite, ids of no token, metadata that is no object`, async () => {
    using model = await loadModel(source, OPTIONS);
    const bytes = await small(model);
    const { used } = await settled(model, bytes);
    for (const bits of [0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff]) {
      const bad = patched(bytes, 'CACH', (payload) =>
        payload.setUint32(payload.byteLength - 4, bits, true),
      );
      await refused(() => model.restore(bad), 'SNAPSHOT_INVALID', /not all finite/);
      await readSnapshotInfo(bad);
    }
    for (const id of [model.config.vocabSize, 2 ** 32 - 1]) {
      const bad = patched(bytes, 'TOKS', (payload) => payload.setUint32(8, id, true));
      await refused(() => model.restore(bad), 'SNAPSHOT_INVALID', /token ids/);
    }
    for (const text of ['[1,2345]', '12345678', '"123456"', '{"a": 1,', '{"a":\xff1}']) {
      const bad = patched(bytes, 'META', (payload) => {
        for (let i = 0; i < text.length; i++) payload.setUint8(i, text.charCodeAt(i));
      });
      await refused(() => model.restore(bad), 'SNAPSHOT_INVALID', /metadata/);
      await refused(() => readSnapshotInfo(bad), 'SNAPSHOT_INVALID', /metadata/);
    }
    assert.is(model.memory().used, used);
  });
}

test('scales and codes that no cache of codes has', async () => {
  using model = await loadModel(mechanismVariant('tpa').build().source, OPTIONS);
  for (const [dtype, codes] of [
    ['i16', [4096, -4096, -32_768]],
    ['q8', [-128]],
  ] as const) {
    const bytes = await small(model, { dtype });
    const { used } = await settled(model, bytes);
    // a record begins with a scale, and the codes of it follow
    const bad = [
      ...[NaN, Infinity, -Infinity, -1].map((scale) =>
        patched(bytes, 'CACH', (payload) => payload.setFloat32(0, scale, true)),
      ),
      ...codes.map((code) =>
        patched(bytes, 'CACH', (payload) =>
          dtype === 'i16' ? payload.setInt16(4, code, true) : payload.setInt8(4, code),
        ),
      ),
    ];
    for (const each of bad) {
      await refused(() => model.restore(each), 'SNAPSHOT_INVALID', /scales or codes/);
    }
    for (const other of [0, 1, 2, 3]) {
      const lie = patched(bytes, 'HEAD', (head) => head.setUint32(16, other, true));
      if (Buffer.compare(lie, bytes) === 0) continue;
      await refused(() => model.restore(lie), 'SNAPSHOT_INVALID', `${dtype} as ${other}`);
    }
    assert.is(model.memory().used, used);
  }
});

test('of another model, of another version, of more tokens than fit', async () => {
  using model = await loadModel(mechanismVariant('tpa').build().source, OPTIONS);
  const bytes = await small(model);
  using other = await loadModel(mechanismVariant('mla').build().source, OPTIONS);
  const { fingerprint } = model.info();
  const data = { found: fingerprint, expected: other.info().fingerprint };
  await refused(() => other.restore(bytes), 'SNAPSHOT_MISMATCH', data);
  const newer = new Uint8Array(bytes);
  newer[8] = 2;
  await refused(() => model.restore(newer), 'SNAPSHOT_INVALID', /version 2; this release reads 1/);
  const { source } = mechanismVariant('tpa').build();
  using short = await loadModel(source, { ...OPTIONS, contextLength: 2 });
  assert.is(short.info().fingerprint, fingerprint);
  await refused(() => short.restore(bytes), 'CONTEXT_OVERFLOW', { tokens: 3, limit: 2 });
});

test('a wrong SHA-256, and one that is right', async () => {
  using model = await loadModel(mechanismVariant('tpa').build().source, OPTIONS);
  const bytes = await small(model, { sha256: true });
  assert.is((await model.restore(streamOf(bytes, 7))).length, 3);
  assert.ok((await readSnapshotInfo(bytes)).hasHash);
  const bad = patched(bytes, 'DONE', (payload) => payload.setUint8(31, payload.getUint8(31) ^ 1));
  await refused(() => model.restore(bad), 'SNAPSHOT_INVALID', /SHA-256/);
  await refused(() => readSnapshotInfo(bad), 'SNAPSHOT_INVALID', /SHA-256/);
});

test.run();

/** A snapshot of 3 tokens, one of them not cached, with every section. */
async function small(model: Model, options: SnapshotOptions = {}): Promise<Uint8Array> {
  using session = model.createSession();
  await readAll(session.generate([1], { seed: 3, maxTokens: 2 }));
  return session.snapshot({ metadata: { a: 12 }, ...options });
}

/** The memory of a model that has restored a session once. */
async function settled(model: Model, bytes: Uint8Array) {
  (await model.restore(bytes)).dispose();
  return model.memory();
}
