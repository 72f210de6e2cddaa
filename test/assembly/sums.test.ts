import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readWasmSums } from '../package/wasm-sums.ts';

const test = suite('assembly/SHA256SUMS');

test('names both binaries as they were compiled; a kernel that changes changes it', () => {
  const sums = readWasmSums();
  assert.equal(
    sums.map(({ file }) => file),
    ['tpa-baseline.wasm', 'tpa-relaxed.wasm'],
  );
  for (const { file, expected, built } of sums) assert.is(built, expected, file);
});

test.run();
