import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import { assertExported } from './exported.ts';
import { MISSING, python, runPython } from './python.ts';

const test = suite('training, ten steps');

if (python === undefined) {
  test.skip(MISSING);
  process.stdout.write(`training: skipped, ${MISSING}\n`);
} else {
  test('a T6 of ten steps is read without a conversion and gives the same logits', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tpa-training-'));
    try {
      runPython('tests/trained.py', folder, '10', 'tpa');
      await assertExported(join(folder, 'tpa'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();
