import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHIPPED_MODEL } from '../../../src/cli/package-files.ts';
import { estimateModel } from '../../../src/index.ts';
import { runTpa } from '../../helpers/fakes/fake-host.ts';
import { withVariables } from '../../helpers/fakes/globals.ts';
import { GOOD_FILES } from '../../helpers/models/hostile-models.ts';
import { serveHub } from '../../helpers/servers/hub-server.ts';

const test = suite('tpa info --estimate, and sizes');

const ESTIMATE = ['info', '--estimate', '--simd', 'baseline'];
const estimate = await estimateModel(SHIPPED_MODEL, { simd: 'baseline' });

test('--json: what the library tells, and the path; the options reach it', async () => {
  const { code, out, err } = await runTpa([...ESTIMATE, '--json']);
  assert.equal([code, err()], [0, '']);
  assert.match(out(), /^[^\n]+\n$/);
  assert.equal(JSON.parse(out()), { path: SHIPPED_MODEL, ...estimate });

  const words = ['--memory', '8MiB', '--context', '100', '--dtype', 'q4', '--json'];
  const ran = await runTpa([...ESTIMATE, ...words]);
  const options = {
    simd: 'baseline',
    memoryLimit: 2 ** 23,
    contextLength: 100,
    dtype: 'q4',
  } as const;
  const expected = { path: SHIPPED_MODEL, ...(await estimateModel(SHIPPED_MODEL, options)) };
  assert.equal(JSON.parse(ran.out()), expected);
});

test('for a reader: whether it fits, and with which context', async () => {
  const whole = await runTpa(ESTIMATE);
  assert.match(whole.out(), /^model +\/.*\nparameters +2,531,328\nfiles +2,7\d\d,\d{3} bytes\n/);
  assert.match(whole.out(), /\nweights +2,\d{3},\d{3} bytes as q8: what the files have\n/);
  assert.match(whole.out(), /\nfits +yes, in the 4,294,901,760 bytes that are allowed\n$/);
  const answers: [string[], RegExp][] = [
    [['--context', '7'], /\nfits +yes, .*; the longest context that does is 1,024 tokens\n$/],
    [
      ['--memory', '13MB', '--dtype', 'f32'],
      /\nfits +no, not in the 12,976,128 bytes .* context that does is \d+ tokens: --context \d+\n$/,
    ],
    [
      ['--memory', '1MiB'],
      /\nfits +no, no context does in the 1,048,576 bytes that are allowed\n$/,
    ],
  ];
  for (const [words, message] of answers) {
    const { code, out } = await runTpa([...ESTIMATE, ...words]);
    assert.is(code, 0);
    assert.match(out(), message);
  }
});

test('the context that it names loads, and no longer one', async () => {
  const limit = ['--memory', '13MB', '--dtype', 'f32', '--json'];
  const { longestContext } = JSON.parse((await runTpa([...ESTIMATE, ...limit])).out()) as {
    longestContext: number;
  };
  const load = (context: number) => runTpa(['info', '--context', String(context), ...limit]);
  assert.is((await load(longestContext)).code, 0);
  const longer = await load(longestContext + 1);
  assert.is(longer.code, 1);
  assert.match(longer.err(), /"code":"RESOURCE_LIMIT"/);
});

test('sizes: bytes, decimal and binary units; nothing else', async () => {
  const limits: [string, number][] = [
    ['1048576', 2 ** 20],
    ['1MiB', 2 ** 20],
    ['1.5mib', 1.5 * 2 ** 20],
    ['2048KiB', 2 ** 21],
    ['128MB', 128e6],
    ['128 MB', 128e6],
    ['0.5GB', 5e8],
    ['1GiB', 2 ** 30],
    ['2097152B', 2 ** 21],
    ['4GiB', 2 ** 32 - 2 ** 16],
  ];
  for (const [word, bytes] of limits) {
    const { out } = await runTpa([...ESTIMATE, '--memory', word, '--json']);
    const { memoryLimit } = JSON.parse(out()) as { memoryLimit: number };
    assert.is(memoryLimit, Math.floor(bytes / 65_536) * 65_536, word);
  }
  for (const word of [
    '',
    '1',
    '1MiBs',
    '128M',
    '1e9',
    '-1GB',
    '1TB',
    '5GiB',
    'MB',
    '1023KiB',
    '.',
  ]) {
    const { code, err } = await runTpa([...ESTIMATE, `--memory=${word}`]);
    assert.is(code, 2, word);
    assert.match(
      err(),
      /^tpa: "--memory" expected a size in 1MiB\.\.4GiB, such as 128MB or 1GiB, got/,
    );
  }
});

test('a model of a hub, estimated and loaded', async () => {
  await using hub = await serveHub({ 'org/name': GOOD_FILES });
  const { endpoint } = hub;
  await withVariables({ HF_ENDPOINT: endpoint, TPA_CACHE: '/dev/null/none' }, async () => {
    const told = await runTpa([...ESTIMATE, '-m', 'hf:org/name', '--json']);
    const { path, parameters } = JSON.parse(told.out()) as { path: string; parameters: number };
    assert.is(path, 'hf:org/name');
    const loaded = await runTpa(['info', '-m', 'hf:org/name', '--json']);
    assert.is((JSON.parse(loaded.out()) as { parameters: number }).parameters, parameters);
    const missing = await runTpa(['info', '-m', 'hf:org/other']);
    assert.is(missing.code, 1);
    assert.match(missing.err(), /^error MODEL_NOT_FOUND: the hub did not give http.*org\/other/);
    for (const words of [[], ['--estimate']]) {
      const malformed = await runTpa(['info', ...words, '-m', 'hf:org']);
      assert.is(malformed.code, 2);
      assert.match(malformed.err(), /^tpa: "--model" expected hf:ORG\/NAME.*, got "hf:org"\n$/);
    }
  });
});

test.run();
