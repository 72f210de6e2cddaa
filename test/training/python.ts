import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const TRAINING = fileURLToPath(new URL('../../training', import.meta.url));

/** A Python that has PyTorch: the one of `TPA_PYTHON`, Debian's, or the one on the path. */
export const python = [process.env['TPA_PYTHON'], '/usr/bin/python3', 'python3'].find(
  (path) => path !== undefined && spawnSync(path, ['-c', 'import torch']).status === 0,
);

/** Runs a script of `training/` and gives what it printed. */
export function runPython(script: string, ...rest: readonly string[]): string {
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { status, stdout, stderr } = spawnSync(python!, [`${TRAINING}/${script}`, ...rest], {
    encoding: 'utf8',
    env,
    maxBuffer: 64 << 20,
  });
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`);
  return stdout + stderr;
}

/** Why tests are skipped where there is none. */
export const MISSING = "no Python with PyTorch: Debian's python3-torch, or TPA_PYTHON";
