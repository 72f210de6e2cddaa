import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/format/config/config.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { TENSORS, attention, t6Config } from '../../helpers/models/tiny-configs.ts';
import { TINY_JSON, tensorNames, tinyConfig } from '../../helpers/models/tiny-model.ts';
import type { Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() tells the mechanism');

type Kind = keyof typeof TENSORS;
const KINDS = Object.keys(TENSORS) as Kind[];

/** The tensors of a kind with a full query in place of the query's factors. */
function withFullQuery(kind: Kind): Map<string, never> {
  const kept = [...TENSORS[kind]].filter(([name]) => !/_q(\.weight)?$/.test(name));
  return new Map([...kept, ...attention(['c_qkv.c_q.weight'])]) as Map<string, never>;
}

test('each mechanism is told from the names and shapes of its tensors alone', () => {
  const table: Record<Kind, [string, string, number, number, number]> = {
    tpa: ['contextual', 'contextual', 4, 3, 2],
    'tpa-kvonly': ['contextual', 'contextual', 4, 0, 2],
    'tpa-nonctx-a': ['fixed', 'contextual', 4, 3, 2],
    'tpa-nonctx-b': ['contextual', 'fixed', 4, 3, 2],
    'tpa-shared-b': ['contextual', 'shared', 4, 3, 2],
    'tpa-third-order': ['contextual', 'outer', 4, 3, 2],
    mha: ['groups', 'contextual', 4, 0, 4],
    gqa: ['groups', 'contextual', 2, 0, 2],
    mqa: ['groups', 'contextual', 1, 0, 1],
    mla: ['groups', 'latent', 4, 0, 1],
  };
  for (const kind of KINDS) {
    const config = t6Config(kind);
    const { headFactors, featureFactors, kvHeads, rankQ, rankK } = config;
    assert.is(config.mechanism, kind);
    assert.equal([headFactors, featureFactors, kvHeads, rankQ, rankK], table[kind], kind);
    assert.is(config.rankV, rankK);
    assert.is(config.outerDim, kind === 'tpa-third-order' ? 2 : 1);
    assert.is(config.latent === undefined, kind !== 'mla');
    assert.not.ok(config.isLinear || config.usesSigmoid);
  }
});

test('"attention" may name the mechanism the tensors have: all pairs of key and tensors', async () => {
  const accepted: Record<string, readonly Kind[]> = {
    tpa: ['tpa'],
    'tpa-ropek': ['tpa'],
    'tpa-kvonly': ['tpa-kvonly'],
    'tpa-kvonly-ropek': ['tpa-kvonly'],
    'tpa-sigmoid': ['tpa', 'tpa-kvonly'],
    linear: ['tpa', 'tpa-kvonly', 'mha', 'mqa', 'gqa'],
    'tpa-nonctx-a': ['tpa-nonctx-a'],
    'tpa-nonctx-b': ['tpa-nonctx-b'],
    'tpa-shared-b': ['tpa-shared-b'],
    'tpa-third-order': ['tpa-third-order'],
    mha: ['mha'],
    mqa: ['mqa'],
    gqa: ['gqa'],
    mla: ['mla'],
  };
  for (const [key, kinds] of Object.entries(accepted)) {
    for (const kind of KINDS) {
      if (kinds.includes(kind)) {
        const config = t6Config(kind, { attention: key });
        assert.is(config.mechanism, key.replace('-ropek', ''));
        assert.is(config.isLinear, key === 'linear');
        assert.is(config.usesSigmoid, key === 'tpa-sigmoid');
        assert.is(config.rankQ, t6Config(kind).rankQ);
        continue;
      }
      const label = `${key} with ${kind}`;
      const run = (): unknown => t6Config(kind, { attention: key });
      const error = await refused(run, 'MODEL_MISMATCH', label);
      assert.ok(error.message.includes(`"attention" ${key}`), error.message);
      assert.is(error.data['found'], kind, label);
    }
  }
});

test('one head is multi-head and multi-query attention at once', () => {
  const one = attention(['c_q.weight'], { 'c_k.weight': [4, 12] });
  const mechanism = (changes: Json): string => t6Config(one, { n_head: 1, ...changes }).mechanism;
  assert.equal(
    [mechanism({}), mechanism({ attention: 'mha' }), mechanism({ attention: 'mqa' })],
    ['mha', 'mha', 'mqa'],
  );
});

test('a full query may stand in for the factors of each variant but the third order: rankQ 0', async () => {
  await refused(
    () => t6Config(withFullQuery('tpa-third-order'), { q_rank: undefined }),
    'MODEL_UNSUPPORTED',
  );
  for (const kind of ['tpa-nonctx-a', 'tpa-nonctx-b', 'tpa-shared-b'] as const) {
    const config = t6Config(withFullQuery(kind), { q_rank: undefined });
    assert.equal([config.mechanism, config.rankQ], [kind, 0]);
  }
  const kvonly = tinyConfig({ q_rank: 0 }, 'tpa-kvonly');
  assert.equal([kvonly.mechanism, kvonly.rankQ, kvonly.ignoredKeys], ['tpa-kvonly', 0, ['q_rank']]);
});

test('tensors of two mechanisms, of both queries or of none are refused by name', async () => {
  for (const a of KINDS) {
    for (const b of KINDS) {
      const isDense = (kind: Kind): boolean => ['mha', 'mqa', 'gqa'].includes(kind);
      const isPart = [a, b].includes('tpa') && /^tpa-(?!kvonly)/.test(a === 'tpa' ? b : a);
      if (a === b || (isDense(a) && isDense(b)) || isPart) continue;
      const both = new Map([...TENSORS[a], ...TENSORS[b]]);
      const error = await refused(() => t6Config(both), 'MODEL_MISMATCH', `${a} and ${b}`);
      assert.match(String(error.data['found']), / and |both/, `${a} and ${b}`);
    }
  }
  const both = new Map([...tensorNames(), ...tensorNames('tpa-kvonly')]);
  await refused(() => parseConfig(TINY_JSON, both), 'MODEL_MISMATCH');
  for (const [kind, name] of [
    ['tpa-nonctx-a', 'c_qkv.A_q'],
    ['tpa-nonctx-b', 'c_qkv.B_q'],
  ] as const) {
    const queries = new Map([...withFullQuery(kind), ...attention([name])]);
    await refused(() => t6Config(queries), 'MODEL_MISMATCH', name, { found: 'both' });
  }
  await refused(() => parseConfig(TINY_JSON, new Map()), 'MODEL_MISMATCH', { found: 'neither' });
});

test.run();
