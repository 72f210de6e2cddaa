import * as assert from 'uvu/assert';
import type { Model, Session } from '../../../src/index.ts';
import { greedy } from './sessions.ts';

/** Sessions that must not notice what goes wrong in one of them. */
export interface Witnesses {
  /** The one to make a call on. Its next tokens copy the last cache page of each layer first. */
  readonly session: Session;
  /** Asserts that every session goes on as it would have without the call. */
  isUnchanged(what?: string): Promise<void>;
  dispose(): void;
}

/** A session after `prompt`, one that shares its pages, and one that went on from it. */
export async function createWitnesses(model: Model, prompt: readonly number[]): Promise<Witnesses> {
  const session = model.createSession();
  await session.prefill(prompt);
  const ahead = session.fork();
  await ahead.prefill([3, 1, 4]);
  const [expected, expectedAhead] = [await nextTokens(session), await nextTokens(ahead)];
  const twin = session.fork();
  return {
    session,
    async isUnchanged(what = '') {
      assert.equal([session.tokens, twin.tokens], [prompt, prompt], what);
      assert.equal(await nextTokens(session), expected, `session, ${what}`);
      assert.equal(await nextTokens(twin), expected, `twin, ${what}`);
      assert.equal(await nextTokens(ahead), expectedAhead, `ahead, ${what}`);
    },
    dispose() {
      for (const each of [session, twin, ahead]) each.dispose();
    },
  };
}

async function nextTokens(session: Session): Promise<number[]> {
  using copy = session.fork();
  return await greedy(copy, [], 8); // the copy lives until then
}
