import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Starting a server takes a tenth of a second. */
const PATIENCE_MS = 60_000;

/** What a program prints first. @throws Error if it ends before that, or takes a minute */
export async function firstLine(program: ChildProcess): Promise<string> {
  const patience = { signal: AbortSignal.timeout(PATIENCE_MS) };
  const ended = once(program, 'close', patience).then(([code]) => {
    throw new Error(`the program ended with ${code} and printed nothing`);
  });
  const [line] = (await Promise.race([once(program.stdout!, 'data', patience), ended])) as [Buffer];
  return String(line).trim();
}
