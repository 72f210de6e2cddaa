import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const PACK = fileURLToPath(new URL('./pack.ts', import.meta.url));

const test = suite('npm run consumer');

test('without the registry leaves nothing that looks installed', () => {
  const folder = mkdtempSync(`${tmpdir()}/tpa-pack-`);
  try {
    mkdirSync(`${folder}/consumer`); // of another build
    const { status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', PACK, `${folder}/consumer`],
      {
        env: {
          ...process.env,
          npm_config_registry: 'http://127.0.0.1:1/',
          npm_config_cache: `${folder}/cache`,
          npm_config_fetch_retries: '0',
        },
        timeout: 60_000,
      },
    );
    assert.is(status, 1);
    assert.not.ok(existsSync(`${folder}/consumer`));
    const left = readdirSync(folder).filter((file) => file !== 'cache' && !file.endsWith('.tgz'));
    assert.equal(left, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
