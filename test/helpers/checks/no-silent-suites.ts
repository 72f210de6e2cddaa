/**
 * Preloaded with `--import` before uvu: a suite that ends without having run all of its tests
 * fails. uvu 0.5.6 loses a suite, and exits with 0, when a test throws an error that it cannot
 * print: one whose `details` is no string, or no Error at all.
 */

/** What uvu's runner returns: the text of the errors or true, tests passed, skipped, and all. */
type Outcome = [errors: string | true, passed: number, skipped: number, total: number];

class Group extends Array<unknown> {
  override push(...entries: unknown[]): number {
    return super.push(...entries.map((entry) => (isRunner(entry) ? checked(entry) : entry)));
  }
}

class Queue extends Array<unknown> {
  override push(...groups: unknown[][]): number {
    return super.push(...groups.map((group) => Group.from(group)));
  }
}

Object.assign(globalThis, { UVU_QUEUE: new Queue() });

function isRunner(entry: unknown): entry is () => Promise<Outcome> {
  return typeof entry === 'function';
}

function checked(run: () => Promise<Outcome>): () => Promise<Outcome> {
  return async () => {
    const [errors, passed, skipped, total] = await run();
    if (errors !== true || passed === total) return [errors, passed, skipped, total];
    const text = `  FAIL  only ${passed} of ${total} tests ran: one threw what uvu cannot print`;
    return [text, passed, skipped, total];
  };
}
