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
  assert.ok(isInstalled('tpa-wasm/models/t6-fairytales/config.json'));
});

test.run();

function isInstalled(path: string): boolean {
  return existsSync(`${CONSUMER}/node_modules/${path}`);
}
