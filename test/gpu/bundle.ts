import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A folder with the scenarios and the workers, each one file; to be removed. */
export interface Bundle {
  readonly folder: string;
  remove(): void;
}

/** Bundles src/ as it is now; onnxruntime-web stays where it is. */
export async function bundleScenarios(): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), 'tpa-gpu-'));
  await build({
    absWorkingDir: ROOT,
    entryPoints: {
      scenarios: 'test/gpu/scenarios.ts',
      'line-host': 'test/gpu/line-host.ts',
      'gpu-worker': 'src/backend/webgpu/worker/device-worker.ts',
      'faulty-worker': 'test/gpu/faulty-worker.ts',
    },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*', 'onnxruntime-web', 'onnxruntime-web/*'],
    outdir: folder,
    logLevel: 'silent',
  });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
