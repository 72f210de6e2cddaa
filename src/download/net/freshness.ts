import type { FileFacts } from '../cache/model-cache.ts';
import { ABSENT, type Link } from './download.ts';
import { fileSize, isOtherVersion, isPage, readVersion } from './served.ts';

/** A server that is slower to say whether a file has changed counts as offline. */
const PATIENCE_MS = 5000;
/** Statuses that refuse this caller. */
const REFUSED: ReadonlySet<number> = new Set([401, 403]);
/** Statuses of servers without HEAD, and of addresses that are signed for GET. */
const NO_HEAD: ReadonlySet<number> = new Set([...REFUSED, 405, 501]);

/** Asks whether cached files are still what the server has; one that does not answer is asked once. */
export class Freshness {
  readonly #link: Link;
  #isOffline = false;

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Whether the server has another file now, or none for this caller, as far as it can be seen.
   *
   * @throws TpaError `ABORTED`
   */
  async isStale(address: URL, facts: FileFacts): Promise<boolean> {
    if (this.#isOffline) return false;
    try {
      let answer = await this.#ask(address, { method: 'HEAD' });
      if (NO_HEAD.has(answer.status)) answer = await this.#ask(address, { range: 'bytes=0-0' });
      return isOther(answer, facts);
    } catch {
      this.#link.patience.check();
      this.#isOffline = true;
      return false;
    }
  }

  /** The headers of an answer. */
  async #ask(address: URL, { method = 'GET', ...more }: Record<string, string>): Promise<Response> {
    const { network, patience, headers } = this.#link;
    const controller = new AbortController();
    const init = { method, headers: { ...headers, ...more }, signal: controller.signal };
    try {
      return await patience.within(network.fetch(address, init), PATIENCE_MS);
    } finally {
      controller.abort();
    }
  }
}

/** Whether an answer tells of another file than the kept one; a start page tells of none. */
function isOther(answer: Response, facts: FileFacts): boolean {
  const { ok, status } = answer;
  if (facts.isAbsent) return ok && !isPage(answer);
  if (!ok) return ABSENT.has(status) || REFUSED.has(status);
  if (isPage(answer)) return false;
  const size = fileSize(answer);
  const isOtherSize = size !== undefined && size !== facts.size;
  return isOtherSize || isOtherVersion(facts, readVersion(answer.headers));
}
