import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONSUMER } from './consumer.ts';

const test = suite('the packed tarball, installed');

test('brings its dependencies and nothing of the optional peers', () => {
  const { dependencies } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { dependencies: object };
  for (const name of ['tpa-wasm', ...Object.keys(dependencies)]) assert.ok(isInstalled(name), name);
  for (const peer of ['onnxruntime-web', 'webgpu']) assert.not.ok(isInstalled(peer), peer);
});

test('has the model that the documentation loads', () => {
  assert.ok(isInstalled('tpa-wasm/models/t6-stories.gguf'));
});

test('has a command, found by its own name and by that of the package', () => {
  for (const name of ['tpa', 'tpa-wasm']) {
    const args = ['--no-install', name, 'chat', '-n', '4', '-s', '1'];
    const options = { cwd: CONSUMER, input: 'Once upon a time\n', encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync('npx', args, options);
    assert.is(status, 0, stderr);
    assert.match(stdout, /^.+\n$/);
    assert.match(stderr, /^The model in the package /);
  }
});

test.run();

function isInstalled(path: string): boolean {
  return existsSync(`${CONSUMER}/node_modules/${path}`);
}
