import type { Generation, Session, TpaErrorCode } from '../../../src/index.ts';
import { refused } from '../checks/refused.ts';

/** The likeliest tokens after `prompt`, read to the end. */
export async function greedy(
  session: Session,
  prompt: readonly number[],
  maxTokens: number,
): Promise<number[]> {
  return (await readAll(session.generate(prompt, { temperature: 0, maxTokens }))).tokens;
}

/** Reads a generation to its end, and returns it. */
export async function readAll(generation: Generation): Promise<Generation> {
  for await (const _ of generation);
  return generation;
}

/** Every call of a session that needs it free. */
function sessionCalls(session: Session): Record<string, () => unknown> {
  return {
    prefill: () => session.prefill([1]),
    decode: () => session.decode(1),
    score: () => session.score([1]),
    generate: () => session.generate([1]),
    fork: () => session.fork(),
    truncate: () => session.truncate(0),
    snapshot: () => session.snapshot(),
    snapshotStream: () => session.snapshotStream(),
  };
}

/** Asserts that every call of the session is refused with this code at once. */
export async function refusesCalls(session: Session, code: TpaErrorCode): Promise<void> {
  const entries = Object.entries(sessionCalls(session));
  await Promise.all(entries.map(([call, act]) => refused(act, code, call)));
}
