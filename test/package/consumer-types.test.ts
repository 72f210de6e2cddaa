import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const OPTIONS = {
  target: 'es2022',
  lib: ['es2022', 'dom'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
};

/** Each entry point, a name of a type, and one that must not pass for a value: the script lacks it. */
const PROGRAM = `
import { createRuntime, loadModel, TpaError, type GenerateOptions, type Model } from 'tpa-wasm';
import { convertCheckpoint, openCheckpoint } from 'tpa-wasm/convert';
import { startGpuWorker } from 'tpa-wasm/webgpu';
import { loadModel as loadStandalone } from 'tpa-wasm/standalone';
import 'tpa-wasm/gpu-worker';

const options: GenerateOptions = { maxTokens: 8, stop: ['.'] };
export async function write(source: string | URL, show: (text: string) => void): Promise<number[]> {
  using model: Model = await loadModel(source, { webgpu: { worker: startGpuWorker } });
  using session = model.createSession();
  const generation = session.generate('Once', options);
  for await (const { text } of generation) show(text);
  return [...generation.tokens];
}
export async function sizes(path: string): Promise<number[]> {
  const checkpoint = await openCheckpoint(path);
  return (await convertCheckpoint(checkpoint)).map(({ byteLength }) => byteLength);
}
export const same: typeof loadModel = loadStandalone;
export const memory = async (): Promise<number> => (await createRuntime()).memory().used;
export const codeOf = (error: unknown) => (error instanceof TpaError ? error.code : undefined);
// @ts-expect-error it is a type alone
export const isModel = (value: unknown) => value instanceof Model;
`;

const folder = mkdtempSync(join(tmpdir(), 'tpa-types-'));
mkdirSync(join(folder, 'node_modules'));
symlinkSync(ROOT, join(folder, 'node_modules/tpa-wasm'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
writeFileSync(join(folder, 'main.ts'), PROGRAM);

const test = suite('the types in a project of ES2022 and DOM, without @types/node');

test.after(() => rmSync(folder, { recursive: true }));

for (const [module, moduleResolution] of [
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
]) {
  test(`compile with moduleResolution ${moduleResolution}, declarations checked`, () => {
    const compilerOptions = { ...OPTIONS, module, moduleResolution };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    assert.is(compile(), '');
  });
}

test.run();

/** What the compiler has to say. */
function compile(): string {
  try {
    return execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], {
      cwd: folder,
      encoding: 'utf8',
    });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
