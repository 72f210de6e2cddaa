import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertExported } from './exported.ts';
import { MISSING, python, runPython } from './python.ts';

const MECHANISMS =
  'tpa tpa-kvonly tpa-sigmoid tpa-nonctx-a tpa-nonctx-b tpa-shared-b tpa-third-order linear ' +
  'mha mqa gqa mla';

const test = suite('training');

if (python === undefined) {
  test.skip(MISSING);
  process.stdout.write(`training: skipped, ${MISSING}\n`);
} else {
  test("the trainer's own tests pass", () => {
    assert.match(runPython('tests/test_training.py'), /\nOK\n$/);
    assert.match(runPython('tests/test_dropin.py'), /\nOK\n$/);
  });

  test('every mechanism trains, and is read without a conversion', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tpa-training-'));
    const mechanisms = MECHANISMS.split(' ');
    try {
      runPython('tests/trained.py', folder, '40', ...mechanisms);
      for (const mechanism of mechanisms) await assertExported(join(folder, mechanism));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();
