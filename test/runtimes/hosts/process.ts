import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Reported } from './host.ts';

const run = promisify(execFile);
/** The suite takes a second. */
const DEADLINE = 300_000;
/** Characters that a program may print: a report with snapshots has some million. */
const MAX_OUTPUT = 2 ** 28;

/** Runs a program in a folder; its report is the last line that it prints, JSON. */
export async function runProcess(
  program: string,
  args: readonly string[],
  folder: string,
): Promise<Reported> {
  const { stdout, stderr } = await run(program, args, {
    cwd: folder,
    timeout: DEADLINE,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT,
    // Vulkan's drivers, which Deno asks for a GPU, complain where there is none
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
  });
  const lines = stdout.trim().split('\n');
  const report = JSON.parse(lines.pop()!) as unknown;
  return { report, complaints: [...lines, stderr.trim()].filter((line) => line !== '') };
}
