import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findRuntime } from './find.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TITLE = 'names every type that it mentions, describes every name, and is up to date';

const test = suite('docs/api');
const found = findRuntime('typedoc');

if ('missing' in found) {
  process.stdout.write(`skipped: ${found.missing}\n`);
  test.skip(`${TITLE} (${found.missing})`, () => {});
} else {
  const folder = mkdtempSync(join(tmpdir(), 'tpa-api-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));

  test(TITLE, () => {
    // a warning is an error: test/docs/typedoc.json
    const options = ['--options', 'test/docs/typedoc.json', '--out', folder];
    execFileSync(process.execPath, [`${found.modules}typedoc/bin/typedoc`, ...options], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: 300_000,
    });
    const committed = join(ROOT, 'docs/api');
    assert.equal(readdirSync(committed).toSorted(), readdirSync(folder).toSorted());
    for (const file of readdirSync(folder)) {
      const [is, should] = [committed, folder].map((at) => readFileSync(join(at, file), 'utf8'));
      assert.ok(is === should, `docs/api/${file} is not what \`npm run docs:api\` writes now`);
      assert.not.ok(should!.includes(ROOT), `${file} names this machine`);
    }
  });
}

test.run();
